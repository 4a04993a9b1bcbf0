"""Leaves comments out of the Java that a model reads, for it was trained on code without them.

As codling.complete.prose does for Python, line by line: what was read before a line start depends only on whether a
comment or a text block is open there, so that someone who types on has only the last lines read again.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["JavaProseFilter"]

MAX_BLANK_LINES = 2  # as in the corpus
MAX_PLACES = 64  # to go on from; each holds the text before it twice
STRIDE = 4_096  # characters after which a place is kept on the way, so that an edit further up starts near it

_MARK = re.compile(r"//[^\n]*|/\*|\"\"\"|\"(?:[^\"\\\n]|\\[^\n])*\"?|'(?:[^'\\\n]|\\[^\n])*'?")
_TEXT_BLOCK_END = re.compile(r"(?:[^\"\\]|\\.|\"(?!\"\"))*\"\"\"", re.S)


@dataclass(slots=True)
class _Scan:
    """How far a text has been read, up to a line's start outside of comments and text blocks, and what is kept."""

    end: int = 0
    kept: str = ""
    "Without blank lines at its end."
    blank_lines: int = 0
    "Since the last line that was kept or left out."
    most_blank_lines: int = 0
    "The most of them in a row since the last line that was kept."

    def take(self, raw: str, lines: str, end: int) -> None:
        """Take lines up to an end, of which what is left without comments is given."""
        self.end = end
        if not raw.strip():
            self.blank_lines += 1
            return
        if code := lines.strip("\n"):
            self.kept += self.glue() + code + "\n" if code.strip() else ""
        self.most_blank_lines = 0 if code.strip() else max(self.most_blank_lines, self.blank_lines)
        self.blank_lines = 0

    def glue(self) -> str:
        """What stands between the code that was kept and the code that follows."""
        num = max(self.most_blank_lines, self.blank_lines)
        return "\n" * min(MAX_BLANK_LINES, num) if self.kept else ""


class JavaProseFilter:
    """Leaves comments out of texts that grow at their end. Safe to use from several threads at once."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, _Scan] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, text: str, *, whole: bool = True) -> str:
        """What the model is to read of the text before the cursor: a function of that text alone.

        The cursor's own line stays as it is, and so does a comment or a text block that the cursor stands in.

        Args:
            text: with \\n line ends.
            whole: it begins where the file does; otherwise it may begin within a comment, which then ends it.
        """
        start = 0 if whole else _after_cut_comment(text)
        scan = self._nearest(text)
        scan.end = max(scan.end, start)
        known = scan.end
        while (found := _line_end(text, scan.end)) is not None:
            lines, end = found
            scan.take(text[scan.end : end], lines, end)
            if scan.end - known >= STRIDE:
                self._keep(text, scan)
                known = scan.end
        if scan.end > known:
            self._keep(text, scan)
        return scan.kept + scan.glue() + text[scan.end :]

    def is_prose(self, text: str) -> bool:
        """Whether a text ends within a comment."""
        self(text)
        at = self._nearest(text).end
        while (found := _MARK.search(text, at)) is not None:
            mark, at = found[0], found.end()
            if mark == "/*":
                end = text.find("*/", at)
                if end == -1:
                    return True
                at = end + 2
            elif mark == '"""':
                block = _TEXT_BLOCK_END.match(text, at)
                if block is None:
                    return False
                at = block.end()
            elif mark.startswith("//") and at == len(text):
                return True
        return False

    def behind(self, _: str, suffix: str) -> str:
        """What the model is told of the text after the cursor: that text, without comments."""
        start = suffix.find("\n") + 1
        return suffix[:start] + _below(suffix[start:])

    def _nearest(self, text: str) -> _Scan:
        with self._lock:
            best = max((place for place in self._places if text.startswith(place)), key=len, default=None)
            if best is None:
                return _Scan()
            self._places.move_to_end(best)
            found = self._places[best]
            return dataclasses.replace(found)

    def _keep(self, text: str, scan: _Scan) -> None:
        with self._lock:
            self._places[text[: scan.end]] = dataclasses.replace(scan)
            while len(self._places) > MAX_PLACES:
                self._places.popitem(last=False)


@functools.lru_cache(maxsize=4)  # what stands below stays the same while a line is typed
def _below(text: str) -> str:
    """A text without comments."""
    scan = _Scan()
    while (found := _line_end(text, scan.end)) is not None:
        lines, end = found
        scan.take(text[scan.end : end], lines, end)
    blank = "" if not scan.kept else _leading_blank_lines(text)
    return blank + scan.kept + scan.glue() + text[scan.end :]


def _line_end(text: str, start: int) -> tuple[str, int] | None:
    """The lines from a start to the next line end outside of comments and text blocks, without comments; and that end.

    None while there is no such end.
    """
    kept: list[str] = []
    at = start
    while True:
        found = _MARK.search(text, at)
        newline = text.find("\n", at)
        if newline == -1:
            return None
        if found is None or newline < found.start():
            kept.append(text[at:newline].rstrip(" \t") if kept else text[at:newline])
            return "".join(kept).rstrip(" \t") + "\n", newline + 1
        mark = found[0]
        kept.append(text[at : found.start()])
        at = found.end()
        if mark == "/*":
            end = text.find("*/", at)
            if end == -1:
                return None
            before, after = text[found.start() - 1 : found.start()], text[end + 2 : end + 3]
            if before.strip() and after.strip():
                kept.append(" ")  # two tokens that must not grow together
            at = end + 2
            while not before.strip() and text[at : at + 1] in (" ", "\t"):
                at += 1  # one of the two gaps around it is enough
        elif mark == '"""':
            block = _TEXT_BLOCK_END.match(text, at)
            if block is None:
                return None
            kept.append(text[found.start() : block.end()])
            at = block.end()
        elif not mark.startswith("//"):
            kept.append(mark)


def _after_cut_comment(text: str) -> int:
    """Where code begins in a text that begins anywhere: behind a comment that ends before another one begins."""
    end = text.find("*/")
    return end + 2 if end != -1 and text.find("/*", 0, end) == -1 else 0


def _leading_blank_lines(text: str) -> str:
    num = len(text) - len(text.lstrip("\n"))
    return "\n" * min(MAX_BLANK_LINES, num)
