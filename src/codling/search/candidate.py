"""What the stores find and ranking orders: the terms between the two.

Stores give candidates, each with what every part of the search thinks of it. Ranking (codling.search.ranking) turns
them into the list that a user sees::

    def rank(query: Query, candidates: Sequence[Candidate], k: int) -> list[Ranked]: ...
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codling.search.unit import Entry

__all__ = ["BM25", "COSINE", "LITERAL", "Candidate", "Ranked"]

BM25 = "bm25"
"Part: the lexical index's weighted BM25 over all fields; at least 0, unbounded."
COSINE = "cosine"
"Part: how near the unit is to the query in the encoder's space; in [-1, 1]."
LITERAL = "literal"
"Part: how many matches of the query's exact strings and regular expressions the unit holds; at least 1."


@dataclass(slots=True)
class Candidate:
    """A unit that at least one part of the search has found."""

    entry: Entry
    parts: dict[str, float] = field(default_factory=dict)
    "Scores by part; a part that did not find the unit among its best is missing."
    index: int = 0
    "Which of the indexes searched together it comes from."


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its place."""

    candidate: Candidate
    score: float
    "Higher is better; comparable within one list only."
    parts: dict[str, float]
    "What the score is made of, by name: they add up to it."
    folded: tuple[Candidate, ...] = ()
    "Near-identical candidates that this one stands for."
