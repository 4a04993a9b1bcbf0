"""Leaves comments and documentation out of what the model reads, for it was trained on code without them.

A corpus is cleaned with a syntax tree (codling.corpus.clean). This does the same at every keystroke, in code that does
not parse yet, in one pass over the lines that goes on where it stopped the last time. Python only.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ProseFilter"]

MAX_BLANK_LINES = 2  # as in the corpus
MAX_PLACES = 64  # to go on from; each holds the text before it twice
STRIDE = 4_096  # characters after which a place is kept on the way, so that an edit further up starts near it

_PLAIN = re.compile(r"[^\n#'\"()\[\]{}\\]*\n")  # a line that is a statement by itself, or blank
_MARK = re.compile(r"#[^\n]*|'''|\"\"\"|['\"]|[(\[{]|[)\]}]|\\\n|\n")
_STRING_END = {
    "'": re.compile(r"[^'\\\n]*(?:\\.[^'\\\n]*)*(?:'|(?=\n))", re.S),  # one that is not closed ends with its line
    '"': re.compile(r"[^\"\\\n]*(?:\\.[^\"\\\n]*)*(?:\"|(?=\n))", re.S),
    "'''": re.compile(r"[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''", re.S),
    '"""': re.compile(r"[^\"\\]*(?:(?:\\.|\"(?!\"\"))[^\"\\]*)*\"\"\"", re.S),
}
_QUOTES = re.compile(r"[rRuU]?('''|\"\"\"|'|\")")  # of documentation; bytes and f-strings are values
_SPACE = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t]|\\\n)*")  # strings that are one
_STATEMENT = re.compile(  # a line within brackets never begins so: one further up was not closed
    r"[ \t]*(?:def|class|import|return|raise|try|while|with|elif|assert|del|pass|break|continue)[ \t:]"
)
_TOP_LEVEL = re.compile(r"(?m)^(?:def|class|import|from|async def|@\w)")


@dataclass(slots=True)
class _Scan:
    """How far a text has been read, and what of it is kept."""

    end: int
    "Where the next statement begins."
    kept: list[str]
    "What the model reads of the text before that, without blank lines at its end."
    blank_lines: int = 0
    "Since the last line that was kept or left out."
    most_blank_lines: int = 0
    "The most of them in a row since the last line that was kept."
    swallowing: bool = False
    "Documentation stood first in a body; blank lines after it go with it."
    swallowed: int = 0
    "Those blank lines; they stay if the body is empty but for them."
    body: str | None = None
    "Indentation of a body of which nothing but documentation has been seen."

    def take(self, text: str, end: int) -> None:
        """Read on to the end of a statement, a blank line or a line of comment."""
        statement, self.end = text[self.end : end], end
        if not statement.strip():
            self.blank_lines += not self.swallowing
            self.swallowed += self.swallowing
            return
        if _is_prose(statement):
            if self.kept and self.kept[-1].endswith(":\n"):
                self.swallowing = True
                self.body = _indentation(statement) if self.body is None else self.body
        elif code := _without_comments(statement, len(statement)):
            self.kept += self.glue(code), code.rstrip() + "\n"
            self.blank_lines = self.most_blank_lines = self.swallowed = 0
            self.swallowing, self.body = False, None
            return
        self.most_blank_lines, self.blank_lines = max(self.most_blank_lines, self.blank_lines), 0

    def glue(self, code: str) -> str:
        """What stands between the code that was kept and the code that follows."""
        blank_lines = "\n" * min(MAX_BLANK_LINES, max(self.most_blank_lines, self.blank_lines)) if self.kept else ""
        if self.body is None or not code.strip() or len(_indentation(code)) >= len(self.body):
            return blank_lines
        # what the corpus has in a body without code
        return f"{blank_lines}{self.body}pass\n" + "\n" * min(MAX_BLANK_LINES, self.swallowed)


@dataclass(frozen=True, slots=True)
class _Place:
    """A scan to go on with, and the text that it has read."""

    text: str
    whole: bool
    scan: _Scan


class ProseFilter:
    """Leaves prose out of texts that grow at their end. Safe to use from several threads at once."""

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[str, bool], _Place] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, text: str, *, whole: bool = True) -> str:
        """What the model is to read of the text before the cursor: a function of that text alone.

        The cursor's own line stays as it is, and so does a string that the cursor stands in. While someone types on,
        what is returned grows at its end only, but for the comments of a line that is left.

        Args:
            text: with \\n line ends.
            whole: it begins where the file does; otherwise what stands before its first top-level statement is kept,
                for nobody can tell whether that is code.
        """
        scan = self._scan(text, whole)
        rest = text[scan.end :]
        return "".join([*scan.kept, scan.glue(rest), _without_comments(rest, rest.rfind("\n") + 1)])

    def is_prose(self, text: str) -> bool:
        """Whether a text ends within a comment, or within a string that is documentation."""
        line = text[text.rfind("\n") + 1 :]
        rest = text[self._scan(text, True).end :]
        if "#" in line or "'" in rest or '"' in rest:
            end = len(rest)
            for mark, at in _marks(rest, 0):
                if mark[0] == "#" and at + len(mark) == end:
                    return True
            opening = _QUOTES.match(rest, len(_indentation(rest)))
            if opening is not None and len(opening[1]) == 3:
                return _STRING_END[opening[1]].match(rest, opening.end()) is None
        return False

    def is_between(self, text: str) -> bool:
        """Whether a text ends where a statement may begin: not within a string, brackets, or a line."""
        return not text[self._scan(text, True).end :].strip()

    def behind(self, line: str, suffix: str) -> str:
        """What the model is told of the text after the cursor: that text, without comments and documentation.

        Args:
            line: what stands before the cursor on its line.
        """
        end = suffix.find("\n") + 1
        if not end:
            return suffix
        return suffix[:end] + _below(suffix[end:], (line + suffix[:end]).endswith(":\n"))

    def _scan(self, text: str, whole: bool) -> _Scan:
        """Read a text up to its last statement that is not complete, from where a former one was left."""
        scan = self._nearest(text, whole)
        known = scan.end
        for end in _statement_ends(text, known):
            scan.take(text, end)
            if scan.end - known >= STRIDE:
                self._keep(text, whole, scan)
                known = scan.end
        if scan.end > known:
            self._keep(text, whole, scan)
        return scan

    def _nearest(self, text: str, whole: bool) -> _Scan:
        with self._lock:
            places = [place for place in self._places.values() if place.whole == whole and text.startswith(place.text)]
            if places:
                best = max(places, key=lambda place: len(place.text))
                self._places.move_to_end((best.text, whole))
                return _copy(best.scan)
        first = None if whole else _TOP_LEVEL.search(text)
        start = first.start() if first else 0
        return _Scan(start, [text[:start]] if start else [])

    def _keep(self, text: str, whole: bool, scan: _Scan) -> None:
        if scan.kept:
            scan.kept = ["".join(scan.kept[:-1]), scan.kept[-1]]  # the last line tells whether a body is opened
        place = _Place(text[: scan.end], whole, _copy(scan))
        with self._lock:
            self._places[place.text, whole] = place
            while len(self._places) > MAX_PLACES:
                self._places.popitem(last=False)


@functools.lru_cache(maxsize=4)  # what stands below stays the same while a line is typed
def _below(text: str, in_body: bool) -> str:
    """A text without prose; in_body when the line before it opens a body."""
    scan = _Scan(0, [":\n" if in_body else "\n"])
    for end in _statement_ends(text, 0):
        scan.take(text, end)
    rest = text[scan.end :]
    return "".join([*scan.kept[1:], scan.glue(rest), _without_comments(rest, len(rest))])


def _copy(scan: _Scan) -> _Scan:
    return dataclasses.replace(scan, kept=list(scan.kept))


def _indentation(line: str) -> str:
    found = _SPACE.match(line)
    return found[0] if found else ""


def _statement_ends(text: str, start: int) -> Iterator[int]:
    """Ends of the statements that are complete, line end included; comments and blank lines count as statements."""
    while True:
        plain = _PLAIN.match(text, start)
        end = plain.end() if plain else _statement_end(text, start)
        if end is None:
            return
        yield end
        start = end


def _statement_end(text: str, start: int) -> int | None:
    depth = 0
    for mark, at in _marks(text, start):
        if mark == "\n":
            if depth == 0 or _STATEMENT.match(text, at + 1):
                return at + 1
        elif mark in "([{":
            depth += 1
        elif mark in ")]}":
            depth = max(0, depth - 1)
    return None


def _marks(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Brackets, line ends and comments outside of strings, and where they begin; a string that is open ends it."""
    while (found := _MARK.search(text, start)) is not None:
        mark, start = found[0], found.end()
        if mark in _STRING_END:
            string = _STRING_END[mark].match(text, start)
            if string is None:
                return
            start = string.end()
        elif mark != "\\\n":
            yield mark, found.start()


def _is_prose(statement: str) -> bool:
    """Whether a statement is nothing but plain strings."""
    at = len(_indentation(statement))
    opening = _QUOTES.match(statement, at)
    if opening is None:
        return False
    while opening is not None:
        string = _STRING_END[opening[1]].match(statement, opening.end())
        if string is None:
            return False
        between = _BETWEEN.match(statement, string.end())
        at = between.end() if between else string.end()
        opening = _QUOTES.match(statement, at)
    return statement[at : at + 1] in ("\n", "#")


def _without_comments(statement: str, end: int) -> str:
    """Take out the comments that begin before an end, and the lines that hold nothing else."""
    if "#" not in statement:
        return statement
    pieces: list[str] = []
    start = 0
    for mark, at in _marks(statement, 0):
        if mark[0] == "#" and at < end:
            code = statement[start:at].rstrip(" \t")
            start = at + len(mark)
            if not code or code.endswith("\n"):
                start += 1  # its line end goes, too
            pieces.append(code)
    return "".join([*pieces, statement[start:]])
