"""What an editor sends, as the model wants to read it; and the model's text, as the file wants to have it."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from codling.errors import InputError

__all__ = ["Context", "prepare"]

T = TypeVar("T")

MAX_PREFIX = 65_536  # characters looked at before the cursor; the model itself reads fewer
MAX_SUFFIX = 8_192  # characters looked at after it
INDENT = "    "  # the model reads a step of indentation as this, for that is how most of what it was trained on has it

_LEADING = {"\t": re.compile(r"(?m)^\t+"), "  ": re.compile(r"(?m)^(?:  )+")}
_LEADING_SPACES = re.compile(r"(?m)^(?:    )+")
_FIRST_STEP = re.compile(r"(?m)^[^ \t\n#*].*[:{(\[][ \t]*\n(?:[ \t]*\n)*( +)(?=[^\s*])")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """A cursor's surroundings, with \\n at line ends and spaces for indentation."""

    text: str
    "What stands before the cursor."
    whole: bool
    "It begins where the file does."
    line: str
    "The part of it on the cursor's line."
    rest: str
    "What stands after the cursor on its line."
    next_line: str
    "The first line after that which is not blank, stripped; empty if there is none."
    suffix: str
    "What stands after the cursor, the rest of its line included; of a long text the beginning."
    newline: str
    'The file\'s line end: "\\n" or "\\r\\n".'
    step: str
    "A step of the file's indentation: a tab, two spaces, or INDENT."

    @property
    def indent(self) -> int:
        """Columns of white space at the start of the cursor's line."""
        return len(self.line) - len(self.line.lstrip(" "))

    @property
    def on_blank_line(self) -> bool:
        """Nothing but white space stands before the cursor on its line."""
        return not self.line.strip()

    @property
    def previous_line(self) -> str:
        """The last line above the cursor's which is not blank, stripped; empty if there is none."""
        above = self.text[: len(self.text) - len(self.line)].rstrip()
        return above[above.rfind("\n") + 1 :].strip()

    def restore(self, text: str) -> str:
        """Give a suggestion the file's line ends and indentation."""
        if self.step != INDENT:
            lead = "" if self.on_blank_line else "x"  # the first line is indented only if the cursor is in that
            text = _LEADING_SPACES.sub(lambda run: self.step * (len(run[0]) // len(INDENT)), lead + text)[len(lead) :]
        return text.replace("\n", self.newline) if self.newline != "\n" else text

    def plain(self, text: str) -> str:
        """A text that goes on at the cursor, as the model reads it; the opposite of restore."""
        lead = "" if self.on_blank_line else "x"
        return _plain(lead + text, self.step)[len(lead) :]

    def restore_stream(self, pieces: Generator[str, None, T]) -> Generator[str, None, T]:
        """As restore, for a text that comes in pieces; returns what these return."""
        others = self.step != INDENT
        held, at_line_start = "", others and self.on_blank_line
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                returned: T = end.value
                break
            ready = ""
            for character in piece if others else ():
                if at_line_start and character == " ":
                    held += character
                    if held == INDENT:
                        ready, held = ready + self.step, ""
                else:
                    ready, held = ready + held + character, ""
                    at_line_start = character == "\n"
            ready = ready if others else piece
            if ready:
                yield ready.replace("\n", self.newline)
        if held:
            yield held
        return returned


def prepare(prefix: str, suffix: str = "") -> Context:
    """Read an editor's context.

    Only the end of a long prefix and the beginning of a long suffix are looked at, so that their length costs nothing.

    Raises:
        InputError: the text has NUL characters, so it is no source code.
    """
    # The cut moves in strides, so that what is read stays the same while someone types.
    cut = max(0, (len(prefix) - MAX_PREFIX) // MAX_PREFIX * MAX_PREFIX)
    text, suffix = prefix[cut:], suffix[:MAX_SUFFIX]
    if "\0" in text or "\0" in suffix:
        raise InputError("the text has NUL characters, so it is no source code; send text")
    newline = "\r\n" if _has_crlf(text) or ("\n" not in text and _has_crlf(suffix)) else "\n"
    step = _step_of(text) if _is_indented(text) else _step_of(suffix)
    text, suffix = _plain(text, step), _plain(suffix, step)
    rest, _, below = suffix.partition("\n")
    line = text[text.rfind("\n") + 1 :]
    next_line = next((line.strip() for line in below.split("\n") if line.strip()), "")
    return Context(
        text=text,
        whole=cut == 0,
        line=line,
        rest=rest,
        next_line=next_line,
        suffix=suffix,
        newline=newline,
        step=step,
    )


def _plain(text: str, step: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for run in {"\t", step} - {INDENT}:
        if run not in text:
            continue
        text = _LEADING[run].sub(lambda found, run=run: INDENT * (len(found[0]) // len(run)), text)  # type: ignore[misc]
    if not text.isascii():  # a lone surrogate stands for no character, and cannot be written as UTF-8
        text = _LONE_SURROGATE.sub("\ufffd", text)
    return text


def _has_crlf(text: str) -> bool:
    return "\r" in text and "\r\n" in text  # one character is looked for four times as fast as two


def _is_indented(text: str) -> bool:
    return text.startswith((" ", "\t")) or "\n " in text or "\n\t" in text


def _step_of(text: str) -> str:
    """What the last indented line is indented with: tabs, or spaces; two at a time, if the first that were were two."""
    tab, space = text.rfind("\n\t"), text.rfind("\n  ")
    if tab > space if max(tab, space) != -1 else text.startswith("\t"):
        return "\t"
    first = _FIRST_STEP.search(text)
    return "  " if first is not None and len(first[1]) == 2 else INDENT
