"""From a query to the candidates of one index: every store is asked, and what each found is filled in for all."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from codling.search.candidate import COSINE, LITERAL, Candidate
from codling.search.generation import Generation
from codling.search.lexical import MAX_FILES_ASKED
from codling.search.query import Query, QueryError
from codling.search.store import Floats, Request
from codling.search.terms import query_terms, without_languages
from codling.search.unit import Entry
from codling.search.words import identifiers

__all__ = ["NUM_CANDIDATES", "Retrieved", "request_for", "retrieve"]

NUM_CANDIDATES = 50
"""Units that each store proposes at least, the right one being almost never further down: with 100 the figures of
benchmarks/search.py are the same within 0.1, and a query takes a quarter longer."""

_OVERSAMPLED = 5  # times as many neighbours are asked for when filters will drop some
_MAX_ORDERED = 500  # exact matches that words beside them put in order
_MAX_WILDCARDS = 6  # in one path filter: each more multiplies what matching may cost
_MAX_EXACT = 200_000  # units that pass filters and are compared one by one


@dataclass(slots=True)
class Retrieved:
    """What one index proposes."""

    candidates: list[Candidate]
    marked: dict[int, tuple[int, ...]] = field(default_factory=dict)
    "By unit: 1-based lines that match exactly."
    is_complete: bool = True


def request_for(query: Query, generation: Generation, vectors: dict[str, Floats] | None) -> Request:
    """What the stores of an index are asked.

    Args:
        vectors: the query's vectors by the encoder's fingerprint, filled in here, so that it is encoded once; None to
            search by words alone.
    """
    vector = None
    fingerprint = generation.pointer.fingerprint
    if query.text and fingerprint and vectors is not None:
        if fingerprint not in vectors:
            encoder = generation.encoder
            assert encoder is not None  # there is a fingerprint
            vectors[fingerprint] = encoder.encode_queries([" ".join(without_languages(identifiers(query.text)))])[0]
        vector = vectors[fingerprint]
    files = None
    if query.filters.paths or query.filters.not_paths:
        files = generation.catalogue.files_where(_path_test(query.filters.paths, query.filters.not_paths))
    return Request(query=query, terms=query_terms(query.text) if query.text else (), vector=vector, files=files)


def retrieve(generation: Generation, request: Request, number: int, num: int) -> Retrieved:
    """Candidates for a query, in no order.

    Args:
        number: of the index, for Candidate.index.
        num: how many each store proposes; a list that is to be longer than NUM_CANDIDATES needs as many.
    """
    if request.files is not None and not request.files:
        return Retrieved([])
    if request.query.is_literal:
        return _literal(generation, request, number)
    parts: dict[int, dict[str, float]] = {}
    is_narrowed = request.files is None or len(request.files) <= MAX_FILES_ASKED
    for id_, score in generation.lexical.search(request, num if is_narrowed else num * _OVERSAMPLED):
        parts[id_] = {generation.lexical.part: score}
    neighbours = _neighbours(generation, request, num)
    for id_, score in neighbours:
        parts.setdefault(id_, {})[COSINE] = score
    if not request.query.text and not parts:
        ids = generation.catalogue.ids_where(
            languages=request.query.filters.languages, kinds=request.query.filters.kinds
        )
        parts = {id_: {} for id_ in ids[: num * _OVERSAMPLED]} if request.query.filters else {}
    entries = list(generation.catalogue.entries(_passing(generation, request, list(parts))).values())
    _fill_in(generation, request, parts, entries)
    return Retrieved([Candidate(entry, parts[entry.id], number) for entry in entries])


def _literal(generation: Generation, request: Request, number: int) -> Retrieved:
    """Exact strings and expressions decide what may be a hit; words and meaning only order them."""
    from codling.search.grep import grep

    found = grep(request.query, generation.catalogue, generation.lexical, files=request.files)
    passing = set(_passing(generation, request, [match.entry.id for match in found.matches]))
    matches = [match for match in found.matches if match.entry.id in passing]
    parts = {match.entry.id: {LITERAL: float(match.num_matches)} for match in matches}
    if request.terms:
        for id_, score in generation.lexical.search(request, _MAX_ORDERED):
            if id_ in parts:
                parts[id_][generation.lexical.part] = score
        _fill_in(generation, request, parts, [match.entry for match in matches])
    return Retrieved(
        [Candidate(match.entry, parts[match.entry.id], number) for match in matches],
        {match.entry.id: match.lines for match in matches},
        found.is_complete,
    )


def _neighbours(generation: Generation, request: Request, num: int) -> list[tuple[int, float]]:
    """The nearest units that pass the filters."""
    if generation.neural is None or request.vector is None:
        return []
    if not request.query.filters:
        return generation.neural.search(request, num)
    found = generation.neural.search(request, num * _OVERSAMPLED)
    known = set(_passing(generation, request, [id_ for id_, _ in found]))
    passing = [(id_, score) for id_, score in found if id_ in known]
    if len(passing) >= min(num, len(found)):
        return passing[:num]
    filters = request.query.filters
    ids = generation.catalogue.ids_where(languages=filters.languages, kinds=filters.kinds, files=request.files)
    if not ids or len(ids) > _MAX_EXACT:
        return passing
    among = np.array(ids, np.int64)
    narrow = Request(query=request.query, terms=request.terms, vector=request.vector, among=among, files=request.files)
    return generation.neural.search(narrow, num)


def _fill_in(
    generation: Generation, request: Request, parts: dict[int, dict[str, float]], entries: Sequence[Entry]
) -> None:
    """Give what only the words have found its cosine."""
    if generation.neural is not None and request.vector is not None:
        missing = [entry.id for entry in entries if COSINE not in parts[entry.id]]
        for id_, score in generation.neural.scores(request, missing).items():
            parts[id_][COSINE] = score


def _passing(generation: Generation, request: Request, ids: Sequence[int]) -> Sequence[int]:
    """Those of some units that a query's filters let pass."""
    filters, files = request.query.filters, request.files
    if not filters:
        return ids
    return [
        place.id
        for place in generation.catalogue.places(ids)
        if (not filters.languages or place.language in filters.languages)
        and (not filters.kinds or place.kind in filters.kinds)
        and place.language not in filters.not_languages
        and place.kind not in filters.not_kinds
        and (files is None or place.file in files)
    ]


@functools.lru_cache(maxsize=64)
def _path_test(wanted: tuple[str, ...], unwanted: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a path passes path filters; the same filters give the same function, so that its answers can be kept."""

    def passes(path: str) -> bool:
        return (not wanted or any(_matches(pattern, path) for pattern in wanted)) and not any(
            _matches(pattern, path) for pattern in unwanted
        )

    return passes


def _matches(pattern: str, path: str) -> bool:
    if not any(character.isupper() for character in pattern):
        path = path.lower()
    if "*" not in pattern and "?" not in pattern:
        return pattern.removeprefix("./") in path
    return _glob(pattern).search(path) is not None


@functools.lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    """``*`` stays within a folder, ``**`` does not; a pattern may begin at any folder, with / in front at the root.

    Raises:
        QueryError: it has too many wildcards to be matched in bounded time.
    """
    pattern = re.sub(r"(\*\*/)+", "**/", re.sub(r"\*{3,}", "**", pattern))
    if len(re.findall(r"\*+", pattern)) > _MAX_WILDCARDS:
        raise QueryError(f"path:{pattern} has more than {_MAX_WILDCARDS} wildcards; name a part of the path instead")
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./").lstrip("/"))
    body = "".join(signs.get(piece) or re.escape(piece) for piece in pieces)
    return re.compile(("^" if pattern.startswith("/") else "(?:^|/)") + body + "$")
