"""Apply edits to a source and tidy the lines that they leave, without touching what strings hold."""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass

__all__ = ["Edit", "lay_out"]

MAX_BLANK_LINES = 2  # PEP 8 wants two between functions, and no style wants more

_LAYOUT = b" \t\f\v"


@dataclass(frozen=True, slots=True)
class Edit:
    """A span of bytes and what takes its place."""

    start: int
    end: int
    replacement: bytes = b""
    swallows_blank_lines: bool = False
    "Blank lines that follow go too: they parted a body's documentation from its code."


def lay_out(source: bytes, edits: list[Edit], strings: list[tuple[int, int]], continuation: bytes) -> bytes:
    """Apply edits, then drop the lines that they blanked, trailing blanks, and more than two blank lines in a row.

    Args:
        source: UTF-8 with \\n line ends.
        edits: in any order; one that begins inside another is ignored, so the outermost wins.
        strings: spans of the strings that reach over a line end; these line ends are left as they are.
        continuation: the mark that joins a line to the next, as the backslash does in Python.

    Returns:
        The new source: empty, or ending with one \\n.
    """
    edits = _outermost(edits)
    pieces: list[bytes] = []
    shifts, position = [0], 0
    for edit in edits:
        pieces += source[position : edit.start], edit.replacement
        shifts.append(shifts[-1] + len(edit.replacement) - (edit.end - edit.start))
        position = edit.end
    pieces.append(source[position:])
    text = b"".join(pieces)

    starts = [edit.start for edit in edits]

    def moved(offset: int) -> int:
        return offset + shifts[bisect.bisect_left(starts, offset)]

    lines = text.split(b"\n")
    ends = list(itertools.accumulate(len(line) + 1 for line in lines))  # ends[i] - 1 is the offset of line i's \n
    in_string = set[int]()  # lines whose \n belongs to a string
    for start, end in strings:
        at = bisect.bisect_right(starts, start) - 1
        if at >= 0 and end <= edits[at].end:
            continue  # it went with an edit
        in_string.update(range(bisect.bisect_right(ends, moved(start)), bisect.bisect_right(ends, moved(end) - 1)))
    blanked: dict[int, bool] = {}
    for edit in edits:
        if not edit.replacement:
            line = bisect.bisect_right(ends, moved(edit.start))
            blanked[line] = blanked.get(line, False) or edit.swallows_blank_lines
    return _join(lines, in_string, blanked, continuation)


def _outermost(edits: list[Edit]) -> list[Edit]:
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


def _join(lines: list[bytes], in_string: set[int], blanked: dict[int, bool], continuation: bytes) -> bytes:
    """Put lines together again.

    Args:
        in_string: lines whose end lies inside a string.
        blanked: lines that an edit took something from, and whether blank lines that follow go with it.
    """
    output: list[bytes] = []
    blank_lines = most_blank_lines = 0  # since the last line of code; in any run between the lines that were dropped
    swallowing = False
    for i, line in enumerate(lines):
        if i - 1 not in in_string:
            if i not in in_string and not line.strip(_LAYOUT):
                joined = bool(output) and not blank_lines and output[-1].endswith(continuation)
                if i in blanked and not joined:
                    most_blank_lines, blank_lines = max(most_blank_lines, blank_lines), 0
                    swallowing = swallowing or blanked[i]
                elif not swallowing:
                    blank_lines += 1
                continue
            line = line.lstrip(b"\f")  # a page break restarts the indentation and means nothing else
            if output:
                output += [b""] * min(MAX_BLANK_LINES, max(most_blank_lines, blank_lines))
            blank_lines = most_blank_lines = 0
            swallowing = False
        output.append(line if i in in_string else line.rstrip(_LAYOUT))
    return b"\n".join(output) + b"\n" if output else b""
