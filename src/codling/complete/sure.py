"""How much of a line is probable enough to be shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from codling.complete.lexical import extends

__all__ = ["sure_length"]

_OPEN = frozenset(" \t([{,.=+-*/%<>!&|^~@\\")  # a text that was cut does not end with these: they promise more

_STRING_PREFIX = re.compile(r"\b[rRbBfFuU]{1,2}$")


def sure_length(
    text: str, marks: Sequence[tuple[int, float]], lowest: float, word: str = "", *, whole: bool = True
) -> int:
    """Length of the longest beginning, in whole lexical tokens, that is probable enough.

    Args:
        text: a line, as the model wrote it.
        marks: length and log-probability, in nats, of the text after each vocabulary token, shortest first.
        lowest: the log-probability that is still enough, in nats; -inf when all of the text is wanted.
        word: the word before the cursor that the text goes on with, if any.
        whole: the line ends where the text ends; otherwise it was cut off there, perhaps within a token.
    """
    reach = max((length for length, log_prob in marks if log_prob >= lowest), default=0)
    if whole and reach >= len(text):
        return len(text)
    best = start = 0
    for at in range(1, min(reach, len(text) - 1) + 1):
        if not extends(text[start:at], text[at], word if start == 0 else ""):
            best = start = at
    return _without_open_end(text, best)


def _without_open_end(text: str, end: int) -> int:
    """Length up to an end without the operators, opening brackets and beginnings of strings before it."""
    while end:
        last = text[end - 1]
        opens_string = last in "\"'" and text.count(last, 0, end) % 2 == 1
        if not (last in _OPEN or opens_string or (text[end] in "\"'" and _STRING_PREFIX.search(text, 0, end))):
            break
        end -= 1
    return end
