"""Cuts off a suggestion what the file already has after the cursor."""

from __future__ import annotations

__all__ = ["useful_length"]

_CLOSERS = {")": "(", "]": "[", "}": "{"}
_QUOTES = "\"'`"


def useful_length(text: str, rest: str, next_line: str = "") -> int:
    """How much of a suggestion is new.

    Args:
        text: the suggestion.
        rest: what stands after the cursor on its line.
        next_line: the next line that is not blank, stripped; for a suggestion of several lines.
    """
    length = len(text)
    rest = rest.strip()
    if rest:
        first_line = text.find("\n")
        length = min(length, length if first_line == -1 else first_line)  # the line ends with what is there already
        if rest[0] in _CLOSERS or rest[0] in _QUOTES:
            length = _before_closer(text[:length], rest[0])
        else:
            length = _before_repetition(text[:length], rest)
    elif next_line:
        length = min(length, _before_line(text, next_line))
    return len(text[:length].rstrip(" \t"))


def _before_closer(text: str, closer: str) -> int:
    """Length before the closing bracket or quote that the file already has.

    Editors put in the closing one with the opening one, so the suggestion must end inside them: at the first closer
    that it has not opened itself.
    """
    depth, quote = 0, closer if closer in _QUOTES else ""
    escaped = False
    for at, character in enumerate(text):
        if escaped or (quote and character == "\\"):
            escaped = not escaped
        elif character == quote == closer:
            return at
        elif quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        elif character == _CLOSERS[closer]:
            depth += 1
        elif character == closer:
            if depth == 0:
                return at
            depth -= 1
    return len(text)


def _before_repetition(text: str, rest: str) -> int:
    """Length before the place where the suggestion goes over into what stands after the cursor."""
    for size in range(min(len(text), len(rest)), 0, -1):
        if not text.endswith(rest[:size]) or _splits_word(text, len(text) - size) or _splits_word(rest, size):
            continue  # what looks like a repetition begins or ends inside a word
        return len(text) - size
    at = text.find(rest) if len(rest) > 2 else -1  # shorter ones occur by chance
    return len(text) if at == -1 or _splits_word(text, at) else at


def _before_line(text: str, line: str) -> int:
    """Length before the line, counted from the second, that the file has below the cursor."""
    if len(line) <= 2:  # a bracket that ends the block is not yet a repetition
        return len(text)
    start = text.find("\n")
    while start != -1:
        end = text.find("\n", start + 1)
        if text[start + 1 : end if end != -1 else None].strip() == line:
            return start
        start = end
    return len(text)


def _splits_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and _is_word(text[at - 1]) and _is_word(text[at])


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
