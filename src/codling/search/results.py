"""What a search answers with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from codling.search.unit import Entry, UnitKind

__all__ = ["Explanation", "Hit", "Results", "Snippet"]


@dataclass(frozen=True, slots=True)
class Snippet:
    """Some lines of a hit, as they were when they were indexed."""

    line: int
    "1-based, of the first."
    text: str
    marked: tuple[int, ...] = ()
    "1-based lines that match an exact string or an expression."


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One answer."""

    path: str
    "Below root, with / between folders."
    line: int
    "1-based: where an editor should jump."
    end_line: int
    "1-based, inclusive."
    name: str
    "Empty for a chunk of text."
    qualified_name: str
    kind: UnitKind
    signature: str
    language: str
    score: float
    "Comparable within one list."
    parts: dict[str, float]
    "What the score is made of; they add up to it."
    unit: str
    "Id of the unit: 16 hexadecimal digits, the same as long as it does not change."
    root: Path
    repo: str
    "Name of the index."
    folded: tuple[tuple[str, int], ...] = ()
    "Path and line of near-identical units that this one stands for."
    marked: tuple[int, ...] = ()
    "1-based lines that match an exact string or an expression."
    entry: Entry = field(repr=False)
    read: Callable[[], str] = field(repr=False)
    "Gives the file's text as it was indexed."

    @cached_property
    def text(self) -> str:
        """The whole unit, from its first comment or decorator to its last line."""
        lines = self.read().split("\n")
        return "\n".join(lines[self.entry.top_line - 1 : self.entry.end_line])

    def snippet(self, max_lines: int = 8) -> Snippet:
        """The lines to show: from the head on, or around the first line that matches."""
        first, last = self.line, self.entry.end_line
        if self.marked and self.marked[0] >= first + max_lines:
            first = max(self.entry.top_line, self.marked[0] - max_lines // 2)
        last = min(last, first + max_lines - 1)
        lines = self.read().split("\n")[first - 1 : last]
        return Snippet(first, "\n".join(lines), tuple(line for line in self.marked if first <= line <= last))


@dataclass(frozen=True, kw_only=True)
class Results:
    """The answer to one query: hits, best first, and what they cost."""

    query: str
    hits: tuple[Hit, ...]
    ms: float
    "Wall-clock time from the query to the hits, in milliseconds."
    is_complete: bool = True
    "Whether an exact search has looked everywhere; otherwise it stopped at a bound on time or number."


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a unit is where it is in the list for a query."""

    hit: Hit | None
    "None if the unit is not among the candidates."
    rank: int | None
    "1-based; None likewise."
    stores: dict[str, dict[str, float]]
    "What each store's score is made of, by store."
    candidate: dict[str, float]
    "The stores' scores."
