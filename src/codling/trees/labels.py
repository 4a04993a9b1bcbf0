"""Labels as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

__all__ = ["UNKNOWN", "Labels"]

UNKNOWN = "<unknown>"


class Labels:
    """A vocabulary of labels; 0 stands for all that it doesn't have."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = [UNKNOWN, *(name for name in names if name != UNKNOWN)]
        self._ids = {name: i for i, name in enumerate(self.names)}

    @staticmethod
    def of(found: Iterable[str], *, min_count: int = 1, max_size: int | None = None) -> Labels:
        """The labels that occur often enough, the most frequent first, ties in alphabetical order."""
        counts = sorted(Counter(found).items(), key=lambda pair: (-pair[1], pair[0]))
        return Labels([name for name, count in counts if count >= min_count][:max_size])

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> int:
        return self._ids.get(name, 0)

    def __contains__(self, name: str) -> bool:
        return name in self._ids
