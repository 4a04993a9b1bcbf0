"""What belongs to no definition, cut into pieces of a screenful."""

from __future__ import annotations

from collections.abc import Iterator

from codling.search.unit import Unit

__all__ = ["bounded", "chunk", "stretches"]

_MAX_UNIT_LINES = 400  # of one unit's text; what is longer is data or generated, and the rest follows as chunks
_MAX_UNIT_CHARS = 20_000
_CHUNK_LINES = 50  # a screenful, which is what a hit should point to
_CHUNK_CHARS = 4_000


def chunk(lines: list[str], first: int, last: int, path: str, language: str) -> Unit:
    text = "\n".join(lines[first:last])
    return Unit(
        kind="chunk",
        name="",
        qualified_name="",
        signature="",
        doc="",
        path=path,
        language=language,
        line=first + 1,
        top_line=first + 1,
        end_line=last,
        text=text,
        code=text,
    )


def stretches(lines: list[str], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Cut rows [first, last) into pieces of at most a chunk's size, at the blank line nearest to its end."""
    while first < last:
        if not lines[first].strip():
            first += 1
            continue
        end, num_chars = first, 0
        while end < last and end - first < _CHUNK_LINES and (end == first or num_chars < _CHUNK_CHARS):
            num_chars += len(lines[end]) + 1
            end += 1
        if end < last:
            cut = next((row for row in range(end, first + _CHUNK_LINES // 2, -1) if _parts(lines, row)), end)
            end = cut
        stop = end
        while not lines[stop - 1].strip():
            stop -= 1
        yield first, stop
        first = end


def bounded(lines: list[str], first: int, end: int) -> int:
    """The row after the last one that fits into a unit's text."""
    if end - first <= 40:
        return end
    num_chars, row = 0, first
    while row < end and row - first < _MAX_UNIT_LINES and num_chars < _MAX_UNIT_CHARS:
        num_chars += len(lines[row]) + 1
        row += 1
    return row


def _parts(lines: list[str], row: int) -> bool:
    """Whether a text may be cut before a row: a blank line is above it, or it is a heading."""
    return not lines[row - 1].strip() or lines[row].startswith("#")
