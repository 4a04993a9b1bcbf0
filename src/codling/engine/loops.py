"""Notices a model that goes round in circles.

The paper's model "often happens to get stuck in a loop of spaces, thus only generating spaces" (section V.B), and every
language model of its size has the same habit with other text. The guard watches generated characters and says which
character must not come next because it would only prolong a loop: white space beyond any plausible indentation, many
blank lines, or a stretch of up to MAX_PERIOD characters repeated again and again. Code repeats itself for good reasons
too (``0, 0, 0, 0``, ``=====``, four similar lines), so each is allowed a length that real files rarely exceed.
"""

# P periods

from __future__ import annotations

import re

import numpy as np

__all__ = ["LoopGuard"]

MAX_PERIOD = 120  # characters; covers a repeated line, or two short ones in turn
MIN_SPAN = 80  # characters that may repeat in any case: a rule of "=" across a page, a row of zeros
MAX_REPEATS = 4  # times that a stretch of up to 32 characters may stand in a row, if that is longer than MIN_SPAN
MAX_REPEATS_LONG = 3  # the same for longer stretches: four identical lines in a row are no programme
MAX_SAME = 24  # times that one character may follow itself, white space and ruling characters aside
MAX_INDENT = 40  # columns of white space in a row, unless the file is indented deeper than that
MAX_BLANK_LINES = 3  # PEP 8 allows two
MAX_BREAKS = 3  # a model that falls back into its loop after so many ways out is stuck for good
HEALED_AFTER = 200  # characters without another loop, after which earlier ones are forgotten

_RULES = frozenset("=-#*~_.+/")  # characters that people draw lines with
_BLANK = frozenset(" \t")
_INDENT = re.compile(r"(?m)^ {9,}")  # less than that changes nothing


class LoopGuard:
    """Watches one sample. Feed it the text so far, then every generated character."""

    def __init__(self, context: str = "", max_indent: int = MAX_INDENT) -> None:
        """Args:
        context: the text before the sample: its own repetitions are not held against the sample, and an indentation
            that occurs there is plausible.
        max_indent: columns of white space that are plausible in any case.
        """
        tail = context[-MAX_PERIOD:]
        self._history = np.zeros(4 * MAX_PERIOD, np.uint32)  # code points, the newest at _end - 1
        self._history[: len(tail)] = [ord(character) for character in tail]
        self._end = len(tail)
        self._matches_P = np.zeros(MAX_PERIOD, np.int64)  # how long each character was the one P before it
        self._indent = max(max_indent, _deepest_indent(context) + 8)
        self._last = ""
        self._same = self._blank = self._blank_lines = 0
        self._on_blank_line = context == "" or context.endswith("\n")
        self._since_break = 0
        self.num_breaks = 0

    @property
    def stuck(self) -> bool:
        """True when ways out no longer help, so that the sample should end."""
        return self.num_breaks > MAX_BREAKS

    def push(self, character: str) -> None:
        """Take notice of a generated character."""
        code = ord(character)
        if self._end == len(self._history):
            self._history[:MAX_PERIOD] = self._history[-MAX_PERIOD:]
            self._end = MAX_PERIOD
        window = self._history[max(0, self._end - MAX_PERIOD) : self._end][::-1]
        self._matches_P += 1
        self._matches_P[: len(window)] *= window == code
        self._matches_P[len(window) :] = 0
        self._history[self._end] = code
        self._end += 1

        self._same = self._same + 1 if character == self._last else 1
        self._last = character
        if character == "\n":
            self._blank_lines = self._blank_lines + 1 if self._on_blank_line else 0
            self._on_blank_line = True
            self._blank = 0
        elif character in _BLANK:
            self._blank += 4 if character == "\t" else 1
        else:
            self._on_blank_line = False
            self._blank = 0
        self._since_break += 1
        if self._since_break > HEALED_AFTER:
            self.num_breaks = 0

    def forbidden(self) -> frozenset[str]:
        """The characters that must not come next; nearly always none."""
        found: set[str] = set()
        if self._blank >= self._indent >> self.num_breaks:  # whoever was caught before gets half as much rope
            found |= _BLANK
        if self._blank_lines >= MAX_BLANK_LINES and self._on_blank_line:
            found.add("\n")
        if self._same >= MAX_SAME and self._last not in _RULES and not self._last.isspace():
            found.add(self._last)
        looping = self._matches_P >= _LIMITS_P
        if looping.any():
            found |= {chr(self._history[self._end - 1 - period]) for period in np.flatnonzero(looping)}
        return frozenset(found)

    def broke(self) -> None:
        """Say that a forbidden character would have come and another was put in its place."""
        self.num_breaks += 1
        self._since_break = 0
        self._matches_P[:] = 0


def _limits() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Matches at which a period has stood long enough; matches count from its second copy on."""
    periods = np.arange(1, MAX_PERIOD + 1)
    repeats = np.where(periods <= 32, MAX_REPEATS, MAX_REPEATS_LONG)
    return np.asarray(np.maximum(MIN_SPAN, repeats * periods) - periods, np.int64)


_LIMITS_P = _limits()


def _deepest_indent(context: str) -> int:
    return max(map(len, _INDENT.findall(context[-8_000:])), default=0)
