"""From a query to the candidates of one index: every store is asked, and what each found is filled in for all."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from codling.search.candidate import COSINE, LITERAL, Candidate
from codling.search.generation import Generation
from codling.search.query import Filters, Query, QueryError
from codling.search.store import Floats, Request
from codling.search.terms import query_terms
from codling.search.unit import Entry

__all__ = ["NUM_CANDIDATES", "Retrieved", "path_filter", "request_for", "retrieve"]

NUM_CANDIDATES = 100
"Units that each store proposes: the right one is almost never further down."

_OVERSAMPLED = 5  # times as many neighbours are asked for when filters will drop some
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
            vectors[fingerprint] = encoder.encode_queries([query.text])[0]
        vector = vectors[fingerprint]
    files = path_filter(query.filters, generation.catalogue.paths()) if _has_paths(query.filters) else None
    return Request(query=query, terms=query_terms(query.text) if query.text else (), vector=vector, files=files)


def retrieve(generation: Generation, request: Request, number: int, num: int = NUM_CANDIDATES) -> Retrieved:
    """Candidates for a query, in no order.

    Args:
        number: of the index, for Candidate.index.
        num: how many each store proposes.
    """
    if request.files is not None and not request.files:
        return Retrieved([])
    if request.query.is_literal:
        return _literal(generation, request, number)
    parts: dict[int, dict[str, float]] = {}
    asked = num * _OVERSAMPLED if request.files is not None else num
    for id_, score in generation.lexical.search(request, asked):
        parts[id_] = {generation.lexical.part: score}
    neighbours = _neighbours(generation, request, num)
    for id_, score in neighbours:
        parts.setdefault(id_, {})[COSINE] = score
    if not request.query.text and not parts:
        ids = generation.catalogue.ids_where(
            languages=request.query.filters.languages, kinds=request.query.filters.kinds
        )
        parts = {id_: {} for id_ in ids[: num * _OVERSAMPLED]} if request.query.filters else {}
    entries = generation.catalogue.entries(list(parts))
    passing = list(entries.values())
    if request.query.filters:
        passing = [entry for entry in passing if _passes(entry, request)]
    _fill_in(generation, request, parts, passing)
    return Retrieved([Candidate(entry, parts[entry.id], number) for entry in passing])


def _literal(generation: Generation, request: Request, number: int) -> Retrieved:
    """Exact strings and expressions decide what may be a hit; words and meaning only order them."""
    from codling.search.grep import grep

    found = grep(request.query, generation.catalogue, generation.lexical, files=request.files)
    matches = [match for match in found.matches if _passes(match.entry, request)]
    parts = {match.entry.id: {LITERAL: float(match.num_matches)} for match in matches}
    if request.terms:
        for id_, score in generation.lexical.search(request, NUM_CANDIDATES * _OVERSAMPLED):
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
    entries = generation.catalogue.entries([id_ for id_, _ in found])
    passing = [(id_, score) for id_, score in found if id_ in entries and _passes(entries[id_], request)]
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


def _has_paths(filters: Filters) -> bool:
    return bool(filters.paths or filters.not_paths)


def _passes(entry: Entry, request: Request) -> bool:
    filters = request.query.filters
    if not filters:
        return True
    return (
        (not filters.languages or entry.language in filters.languages)
        and (not filters.kinds or entry.kind in filters.kinds)
        and entry.language not in filters.not_languages
        and entry.kind not in filters.not_kinds
        and (request.files is None or _path_passes(filters, entry.path))
    )


def path_filter(filters: Filters, paths: dict[int, str]) -> frozenset[int]:
    """Numbers of the files that a query's path filters let pass."""
    return frozenset(number for number, path in paths.items() if _path_passes(filters, path))


def _path_passes(filters: Filters, path: str) -> bool:
    wanted = not filters.paths or any(_matches(pattern, path) for pattern in filters.paths)
    return wanted and not any(_matches(pattern, path) for pattern in filters.not_paths)


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
