"""Code like this code: its neighbours in the encoder's space, and what shares its rare words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from codling.search.candidate import BM25, COSINE, Candidate, Ranked
from codling.search.extract import units_of
from codling.search.query import Query
from codling.search.store import Floats, Request
from codling.search.terms import STOP_WORDS, terms_of
from codling.search.unit import Entry, Unit

if TYPE_CHECKING:
    from codling.search.generation import Generation

__all__ = ["related"]

_NUM_TERMS = 16  # of a text, that words go by
_MAX_CHARS = 4_000  # of code, and of documentation, that are read for them
_MAX_SHARE = 0.1  # of all units; a term that more of them have tells nothing
_NUM_CANDIDATES = 60
_WORDS = 0.3  # share of the score that words have where there are vectors


def related(generations: Sequence[Generation], origin: tuple[int, Entry] | None, code: str, k: int) -> list[Ranked]:
    """Units like a unit, or like a text; never itself, nor what it holds or stands in.

    Args:
        origin: the number of its index and the unit; None for a text.
        code: the text, if there is no unit.
    """
    unit = _unit(generations, origin, code)
    candidates: dict[tuple[int, int], Candidate] = {}
    vectors: dict[str, Floats] = {}
    for number, generation in enumerate(generations):
        vector = _vector(generation, unit, vectors)
        terms = _telling_terms(generation, unit)
        request = Request(query=Query(raw="", text=""), terms=terms, vector=vector)
        found: dict[int, dict[str, float]] = {}
        for store in generation.stores:
            for id_, score in store.search(request, _NUM_CANDIDATES):
                found.setdefault(id_, {})[store.part] = score
        if generation.neural is not None:
            missing = [id_ for id_, parts in found.items() if COSINE not in parts]
            for id_, score in generation.neural.scores(request, missing).items():
                found[id_][COSINE] = score
        for id_, entry in generation.catalogue.entries(list(found)).items():
            if origin is None or number != origin[0] or not _overlap(entry, origin[1]):
                candidates[number, id_] = Candidate(entry, found[id_], number)
    return _ordered(list(candidates.values()), has_vectors=any(each.neural for each in generations), k=k)


def _ordered(candidates: Sequence[Candidate], *, has_vectors: bool, k: int) -> list[Ranked]:
    best = max((each.parts.get(BM25, 0.0) for each in candidates), default=0.0) or 1.0
    share = _WORDS if has_vectors else 1.0
    ranked = []
    for each in candidates:
        parts = {"words": share * each.parts.get(BM25, 0.0) / best}
        if has_vectors:
            parts["meaning"] = (1 - share) * max(0.0, each.parts.get(COSINE, 0.0))
        ranked.append(Ranked(each, sum(parts.values()), parts))
    ranked.sort(key=lambda each: (-each.score, each.candidate.entry.path, each.candidate.entry.line))
    first_of: dict[int, Ranked] = {}  # copies of one unit count once
    for found in ranked:
        first_of.setdefault(found.candidate.entry.content_hash, found)
    return list(first_of.values())[:k]


def _unit(generations: Sequence[Generation], origin: tuple[int, Entry] | None, code: str) -> Unit:
    """The whole unit: read again from its file's text, or a text taken for one."""
    if origin is not None:
        number, entry = origin
        text = generations[number].catalogue.text(entry.path) or ""
        found = next((unit for unit in units_of(text, entry.path) if unit.id == entry.id), None)
        if found is not None:
            return found
        code = "\n".join(text.split("\n")[entry.top_line - 1 : entry.end_line])
    return Unit(
        kind="chunk",
        name="",
        qualified_name="",
        signature="",
        doc="",
        path="",
        language="text",
        line=1,
        top_line=1,
        end_line=code.count("\n") + 1,
        text=code,
        code=code,
    )


def _vector(generation: Generation, unit: Unit, vectors: dict[str, Floats]) -> Floats | None:
    fingerprint = generation.pointer.fingerprint
    encoder = generation.encoder
    if encoder is None:
        return None
    if fingerprint not in vectors:
        vectors[fingerprint] = encoder.encode_units([unit])[0]
    return vectors[fingerprint]


def _telling_terms(generation: Generation, unit: Unit) -> tuple[str, ...]:
    """The terms that tell a unit from others and that some others have, too: frequent here and rare elsewhere."""
    counts = Counter(terms_of(f"{unit.name} {unit.signature} {unit.doc[:_MAX_CHARS]} {unit.code[:_MAX_CHARS]}").split())
    num_units = max(1, len(generation.lexical))
    weights = {}
    for term, count in counts.items():
        frequency = generation.lexical.frequency(term)
        if 1 < frequency < _MAX_SHARE * num_units + 2 and term not in STOP_WORDS:
            weights[term] = (1 + math.log(count)) * math.log(num_units / frequency)
    return tuple(sorted(weights, key=lambda term: (-weights[term], term))[:_NUM_TERMS])


def _overlap(one: Entry, other: Entry) -> bool:
    return one.path == other.path and one.top_line <= other.end_line and other.top_line <= one.end_line
