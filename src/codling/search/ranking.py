"""From what the stores found to the list that a user sees."""

from __future__ import annotations

from collections.abc import Sequence

from codling.search.candidate import BM25, COSINE, LITERAL, Candidate, Ranked
from codling.search.query import Query

__all__ = ["rank"]


def rank(query: Query, candidates: Sequence[Candidate], k: int) -> list[Ranked]:
    """The k best candidates, best first, with what each score is made of.

    The more of COSINE is filled in the better: ``VectorStore.scores`` has it for what only the lexical index found.
    """
    top = max((each.parts.get(BM25, 0.0) for each in candidates), default=0.0) or 1.0
    ranked = []
    for each in candidates:
        parts = {
            "words": 0.5 * each.parts.get(BM25, 0.0) / top,
            "meaning": 0.5 * max(each.parts.get(COSINE, 0.0), 0.0),
            "literal": min(each.parts.get(LITERAL, 0.0), 1.0),
            "name": 1.0 if each.entry.name and each.entry.name == query.text else 0.0,
        }
        ranked.append(Ranked(candidate=each, score=sum(parts.values()), parts=parts))
    ranked.sort(key=lambda each: (-each.score, each.candidate.entry.path, each.candidate.entry.line))
    return ranked[:k]
