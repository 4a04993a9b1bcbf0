"""What goes wrong in a batched program, told in the words of the program that was written."""

from __future__ import annotations

from types import CodeType

__all__ = ["FoldError", "Place"]

Place = tuple[CodeType, int]
"Where a node was made: the code object of the function, and the offset of the call in its byte code."


class FoldError(Exception):
    """A program that cannot be batched as it is written: the message says what, where, and the remedy."""


def place_text(place: Place) -> str:
    """``file.py:12 in encode`` of a place."""
    code, offset = place
    lines = list(code.co_positions())
    line = lines[offset // 2][0] if offset // 2 < len(lines) else None
    return f"{code.co_filename}:{line or code.co_firstlineno} in {code.co_name}"
