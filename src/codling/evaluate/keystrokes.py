"""Simulated typing: how many keystrokes do suggestions save someone who writes what the file has?

The cost model:

- A character typed costs 1, the line end too. A line's indentation costs nothing, with and without suggestions, for
  editors put it in.
- At every cursor the user sees one ghost text and a list of next tokens. Tab takes the ghost text whole: 1. The n-th
  token of the list costs n - 1 times arrow down and 1 to take it.
- The user takes only what stands in the file exactly, ending where a word ends, and of that what saves most; what saves
  nothing is typed. They never take anything wrong, so nothing is deleted, and they read everything at no cost.

The last makes it an upper bound of what people save. labml's python_autocomplete counts likewise: one keystroke for
each prediction taken, which is taken whenever it is right. It shows one prediction, to the end of the next word of at
least five characters, and counts the indentation, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codling.complete.lexical import is_word
from codling.evaluate.tally import share

__all__ = ["Stretch", "Suggest", "Typed", "draw_stretches", "summarise_typing", "type_stretch"]

MIN_LINES = 3  # of a file worth typing in


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some lines of a file that are typed; what stands above them is there already."""

    path: str
    language: str
    prefix: str
    text: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Typed:
    """What typing a stretch took."""

    path: str
    language: str
    num_chars: int
    "Keystrokes without any suggestion."
    num_keystrokes: int
    line_chars: int
    "Characters that accepted ghost texts wrote."
    num_lines: int
    token_chars: int
    num_tokens: int
    num_shown: int
    "Cursors at which there was a ghost text."
    num_right: int
    "Of those, it was right, accepted or not."


Suggest = Callable[[Stretch, str], tuple[str, Sequence[str]]]
"Given what has been typed of a stretch, a ghost text (empty for none) and the list of next tokens, best first."


def draw_stretches(
    texts: Mapping[str, str], language: str, *, num: int, num_lines: int, seed: int = 0
) -> list[Stretch]:
    """Draw stretches from as many files as there are, then from these again."""
    choose = random.Random(seed)
    paths = [path for path in sorted(texts) if texts[path].count("\n") >= MIN_LINES]
    choose.shuffle(paths)
    stretches = []
    for i in range(num if paths else 0):
        path = paths[i % len(paths)]
        lines = texts[path].splitlines(keepends=True)
        start = choose.randrange(max(1, len(lines) - num_lines + 1))
        end = start + num_lines
        cut = ["".join(part) for part in (lines[:start], lines[start:end], lines[end:])]
        stretches.append(Stretch(path, language, *cut))
    return stretches


def type_stretch(stretch: Stretch, suggest: Suggest, progress: Callable[[int], None] | None = None) -> Typed:
    """Type a stretch, taking what is offered and right; progress is told how many characters are written."""
    text = stretch.text
    at = cost = line_chars = num_lines = token_chars = num_tokens = num_shown = num_right = num_chars = 0
    while at < len(text):
        skipped = _indentation(text, at)
        if skipped:
            at += skipped
            _tell(progress, skipped)
            continue
        ghost, tokens = suggest(stretch, text[:at])
        num_shown += bool(ghost)
        is_right = _is_right(text, at, ghost)
        num_right += is_right
        best, price, is_ghost = 1, 1, False
        if is_right and len(ghost) - 1 > best - price:
            best, price, is_ghost = len(ghost), 1, True
        for rank, token in enumerate(tokens, 1):
            if len(token) - rank > best - price and _is_right(text, at, token):
                best, price, is_ghost = len(token), rank, False
        if is_ghost:
            line_chars, num_lines = line_chars + best, num_lines + 1
        elif best > price:
            token_chars, num_tokens = token_chars + best, num_tokens + 1
        num_chars += _num_counted(text, at, best)
        cost += price
        at += best
        _tell(progress, best)
    return Typed(
        stretch.path,
        stretch.language,
        num_chars,
        cost,
        line_chars,
        num_lines,
        token_chars,
        num_tokens,
        num_shown,
        num_right,
    )


def summarise_typing(rows: Sequence[Typed], seed: int = 0) -> dict[str, Any]:
    """Shares of the keystrokes without suggestions, by what was accepted, with 95 % intervals (files are drawn)."""
    files: dict[str, list[Typed]] = {}
    for row in rows:
        files.setdefault(row.path, []).append(row)

    def part(count: Callable[[Typed], int], of: Callable[[Typed], int]) -> dict[str, Any]:
        return share([(sum(map(count, group)), sum(map(of, group))) for group in files.values()], seed)

    return {
        "saved": part(lambda row: row.num_chars - row.num_keystrokes, lambda row: row.num_chars),
        "written_by_lines": part(lambda row: row.line_chars, lambda row: row.num_chars),
        "written_by_tokens": part(lambda row: row.token_chars, lambda row: row.num_chars),
        "ghost_right": part(lambda row: row.num_right, lambda row: row.num_shown),
        "num_lines": sum(row.num_lines for row in rows),
        "num_tokens": sum(row.num_tokens for row in rows),
        "num_keystrokes": sum(row.num_keystrokes for row in rows),
        "num_chars": sum(row.num_chars for row in rows),
    }


def _indentation(text: str, at: int) -> int:
    """White space at the start of a line, from there."""
    if at and text[at - 1] != "\n":
        return 0
    return len(text) - at - len(text[at:].lstrip(" \t"))


def _num_counted(text: str, at: int, length: int) -> int:
    """Characters of a piece without the indentation of lines within it."""
    first, *others = text[at : at + length].split("\n")
    return len(first) + sum(1 + len(line.lstrip(" \t")) for line in others)


def _is_right(text: str, at: int, suggestion: str) -> bool:
    end = at + len(suggestion)
    if not suggestion or not text.startswith(suggestion, at):
        return False
    return not (end < len(text) and is_word(text[end - 1]) and is_word(text[end]))


def _tell(progress: Callable[[int], None] | None, num: int) -> None:
    if progress is not None:
        progress(num)
