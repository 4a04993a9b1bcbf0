"""From what the stores found to the list that a user sees.

A unit's evidence is what the encoder says (a cosine) and what the words say (BM25, by a weight that depends on what the
query is), and its score is that as a share of the list's best: fusing scores loses less than fusing ranks (Bruch et al.
2023, "An analysis of fusion functions for hybrid retrieval"), and one weight for all queries fails either names or
descriptions. Differs: BM25 is not scaled to the list's best, for a list whose best is poor must not count like another.
To it comes the agreement of the query with the name of the file. Tests, vendored code and examples count less unless
they are asked for; each further hit of one file counts less than the one before; and copies of one thing are one hit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codling.search.candidate import BM25, COSINE, LITERAL, Candidate, Ranked
from codling.search.intent import Intent, intent_of
from codling.search.query import Query
from codling.search.standing import file_words, standing_of
from codling.search.unit import Entry

__all__ = ["WEIGHTS", "Weights", "rank"]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The numbers of the formula; benchmarks/search.py says what they give."""

    words_symbol: float = 0.2
    "What a point of BM25 counts beside a cosine of 1 where the query is a name,"
    words_mixture: float = 0.02
    "a name among other words,"
    words_phrase: float = 0.003
    "a description."
    exact: float = 2.0
    "The query is the unit's name. More than all other parts together, so that it stands above what is not."
    named: float = 0.4
    "A word of the query that looks like a name is the unit's."
    file: float = 0.1
    "Words of the query and of the file's name are the same."
    repeated: float = 0.6
    "What each further hit of one file counts, as a share of what it would have."
    test: float = 0.45
    "Factors on all but exact names: tests,"
    vendored: float = 0.5
    "other people's code,"
    example: float = 0.7
    "examples and documentation,"
    prose: float = 0.6
    "text that is no code,"
    foreign: float = 0.8
    "code in another language than the query names,"
    entry: float = 0.8
    "what gathers the definitions of others,"
    constant: float = 0.9
    "constants,"
    module: float = 0.8
    "heads of files,"
    chunk: float = 0.8
    "and what stands between definitions."


WEIGHTS = Weights()

_GATHERING = frozenset({"module", "constant", "chunk"})  # what a package's head repeats of its parts
_SAME = 0.01  # cosines of two units of one name and head that differ less are copies' with a word changed


@dataclass(slots=True)
class _Scored:
    """A candidate and the parts of its score, which is their sum."""

    candidate: Candidate
    parts: dict[str, float]
    score: float


def rank(query: Query, candidates: Sequence[Candidate], k: int, weights: Weights = WEIGHTS) -> list[Ranked]:
    """The k best candidates, best first, with what each score is made of.

    The more of COSINE is filled in the better: ``VectorStore.scores`` has it for what only the lexical index found.
    """
    intent = intent_of(query.text)
    scored = _scored(intent, candidates, weights)
    kept, folded = _folded(scored)
    _spread(kept, weights)
    best = sorted(kept, key=_order)[:k]
    return [
        Ranked(
            candidate=each.candidate,
            score=each.score,
            parts={name: value for name, value in each.parts.items() if value},
            folded=tuple(folded.get(id(each), ())),
        )
        for each in best
    ]


def _scored(intent: Intent, candidates: Sequence[Candidate], weights: Weights) -> list[_Scored]:
    per_point = {"symbol": weights.words_symbol, "mixture": weights.words_mixture, "phrase": weights.words_phrase}
    evidence = [
        (per_point[intent.form] * each.parts.get(BM25, 0.0), max(each.parts.get(COSINE, 0.0), 0.0))
        for each in candidates
    ]
    best = max(map(sum, evidence), default=0.0) or 1.0
    has_words = intent.form != "symbol" and bool(intent.stems)  # a name is judged as a whole: _exactness
    scored = []
    for each, (words, meaning) in zip(candidates, evidence, strict=True):
        entry, found = each.entry, each.parts
        parts = {
            "words": words / best,
            "meaning": meaning / best,
            "file": weights.file * _agreement(file_words(entry.path), intent) if has_words else 0.0,
            "literal": math.log1p(found[LITERAL]) if LITERAL in found else 0.0,
            "named": weights.named if intent.form == "mixture" and _is_named(entry, intent) else 0.0,
        }
        total = sum(parts.values())
        parts["standing"] = total * (_factor(entry, intent, weights) - 1)
        parts["exact"] = weights.exact * _exactness(entry, intent) if intent.symbol else 0.0
        scored.append(_Scored(each, parts, sum(parts.values())))
    return scored


def _agreement(name: frozenset[str], intent: Intent) -> float:
    """Shared words as a part of all words (Jaccard), so that one common word is little; in [0, 1]."""
    num_shared = len(name & intent.stems)
    return num_shared / (len(name) + len(intent.stems) - num_shared) if num_shared else 0.0


def _exactness(entry: Entry, intent: Intent) -> float:
    """How nearly the unit is called what a symbol query says; in [0, 1]."""
    if not entry.name:
        return 0.0
    wanted, called = intent.symbol, entry.qualified_name or entry.name
    if _ends(called, wanted) or entry.name == wanted:
        value = 1.0
    elif _ends(called.lower(), wanted.lower()) or entry.name.lower() == wanted.lower():
        value = 0.9
    elif entry.name.lower().startswith(wanted.lower()):
        value = 0.15
    else:
        return 0.0
    return value * (0.5 if entry.kind == "module" else 1.0)


def _ends(called: str, wanted: str) -> bool:
    return called == wanted or called.endswith(f".{wanted}")


def _is_named(entry: Entry, intent: Intent) -> bool:
    if not entry.name or entry.kind == "module":
        return False
    return entry.name in intent.names or entry.qualified_name in intent.names


def _factor(entry: Entry, intent: Intent, weights: Weights) -> float:
    """What the unit's place and kind leave of its score; in (0, 1]."""
    standing = standing_of(entry.path)
    factor = 1.0
    if standing.is_test and not intent.wants_tests:
        factor *= weights.test
    if standing.is_vendored:
        factor *= weights.vendored
    if standing.is_example and not intent.wants_examples:
        factor *= weights.example
    if standing.is_entry and entry.kind in _GATHERING:
        factor *= weights.entry
    if entry.language == "text" and not intent.wants_prose:
        factor *= weights.prose
    if intent.language and entry.language not in (intent.language, "text"):
        factor *= weights.foreign
    if entry.kind in _GATHERING:
        factor *= {"constant": weights.constant, "module": weights.module, "chunk": weights.chunk}[entry.kind]
    return factor


def _folded(scored: Iterable[_Scored]) -> tuple[list[_Scored], dict[int, list[Candidate]]]:
    """One of each group of copies, the best, and the others by it; best first."""
    kept: list[_Scored] = []
    by_text: dict[int, _Scored] = {}
    by_head: dict[tuple[str, str, str], _Scored] = {}
    folded: dict[int, list[Candidate]] = defaultdict(list)
    for each in sorted(scored, key=_order):
        entry = each.candidate.entry
        head = (entry.kind, entry.qualified_name, entry.signature)
        first = by_text.get(entry.content_hash)
        if first is None and entry.signature:
            twin = by_head.get(head)
            if twin is not None and twin.candidate.entry.path != entry.path and _alike(twin.candidate, each.candidate):
                first = twin
        if first is not None:
            folded[id(first)].append(each.candidate)
            continue
        kept.append(each)
        by_text[entry.content_hash] = each
        by_head.setdefault(head, each)
    return kept, folded


def _alike(one: Candidate, other: Candidate) -> bool:
    cosines = one.parts.get(COSINE), other.parts.get(COSINE)
    return None not in cosines and abs((cosines[0] or 0) - (cosines[1] or 0)) < _SAME


def _spread(scored: Sequence[_Scored], weights: Weights) -> None:
    """Take from each further unit of a file, so that a list shows more than one file.

    Args:
        scored: best first.
    """
    for units in _by_file(scored).values():
        for place, each in enumerate(units):
            each.parts["repeated"] = (each.score - each.parts["exact"]) * (weights.repeated**place - 1)
            each.score += each.parts["repeated"]


def _by_file(scored: Sequence[_Scored]) -> dict[tuple[int, str], list[_Scored]]:
    """Units by index and file, in the order in which they come."""
    files: dict[tuple[int, str], list[_Scored]] = defaultdict(list)
    for each in scored:
        files[each.candidate.index, each.candidate.entry.path].append(each)
    return files


def _order(scored: _Scored) -> tuple[float, str, int]:
    entry = scored.candidate.entry
    return -scored.score, entry.path, entry.line
