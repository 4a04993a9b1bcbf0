"""Whether a line breaks the syntax of what it is written into, asked of tree-sitter.

Unfinished code never parses as a whole. So only the top-level statement around the cursor is parsed, up to the line's
end, with a body where the line opens one; and only if there are more errors than in the lines above is the line wrong.
Where nobody can say yet (a bracket is open, a line goes on below) it passes.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from codling.corpus.languages import language_named

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

__all__ = ["GrammarCheck"]

MAX_CHARS = 4_096  # of the statement that are parsed at most, in about half a millisecond

_STRING = r"\"(?:[^\"\\\n]|\\.)*(?:\"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.)*(?:'|(?=\n)|\Z)"
_MARKS = {  # comments, strings and brackets
    "python": re.compile(
        rf"#[^\n]*|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)|'''(?:[^\\]|\\.)*?(?:'''|\Z)|{_STRING}|[()\[\]{{}}]", re.S
    ),
    "java": re.compile(rf"//[^\n]*|/\*.*?(?:\*/|\Z)|\"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z)|{_STRING}|[()\[\]{{}}]", re.S),
}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_STATEMENT = re.compile(r"(?m)^(?!(?:else|elif|except|finally|case)\b)[^\W\d]|^@")  # at the outermost level
_GOES_ON = re.compile(r"\s*(?:@|(?:try|match)\b)")  # with another line, without which it is wrong


class GrammarCheck:
    """Judges lines for one place."""

    def __init__(self, before: str, rest: str, language: str | None) -> None:
        """Args:
        before: the text before the cursor, with \\n line ends.
        rest: what stands after the cursor on its line.
        language: "python" or "java"; in others every line passes.
        """
        self._language = language if language in _MARKS else ""
        self._rest = rest
        self._above, self._line = _split(before, self._language) if self._language else ("", "")

    def allows(self, text: str) -> bool:
        """Whether a suggestion of whole lines is as sound as what it is put into."""
        language, written = self._language, self._line + text + self._rest
        if not language or len(self._above) > MAX_CHARS:
            return True
        if self._open_above is None:
            return True
        if _in_long_string(written, language):
            return True
        openers = _open_brackets(written, language, self._open_above)
        if openers is None:
            return False  # it closes what is not open
        last = written[written.rfind("\n") + 1 :].rstrip()
        if language == "python":
            if openers or last.endswith("\\") or _GOES_ON.match(last):
                return True
            if last.endswith(":"):
                written += f"\n{last[: len(last) - len(last.lstrip())]}    pass"
        elif set(openers) - {"{"} or not last.endswith((";", "{", "}")):
            return True
        return self._num_errors(self._above + written, openers) <= self._num_errors_above

    @functools.cached_property
    def _open_above(self) -> str | None:
        """The brackets that are open in the lines above; None if they are in disorder, or end within a string."""
        if _in_long_string(self._above, self._language):
            return None
        return _open_brackets(self._above, self._language)

    @functools.cached_property
    def _num_errors_above(self) -> int:
        """What is wrong in the lines above is not the suggestion's fault."""
        above = self._above.rstrip()
        if self._language == "python" and above.endswith(":"):
            line = above[above.rfind("\n") + 1 :]
            above += f"\n{line[: len(line) - len(line.lstrip())]}    pass"
        return self._num_errors(above, self._open_above or "")

    def _num_errors(self, text: str, openers: str) -> int:
        """Errors and missing tokens in the tree of a text whose open brackets are closed."""
        closers = "".join(_CLOSERS[opener] for opener in reversed(openers))
        root = _parser(self._language).parse((text + closers + "\n").encode("utf-8", "surrogatepass")).root_node
        num, waiting = 0, [root] if root.has_error else []
        while waiting:
            node: Node = waiting.pop()
            num += node.is_error or node.is_missing
            waiting += [child for child in node.children if child.has_error or child.is_missing]
        return num


def _split(before: str, language: str) -> tuple[str, str]:
    """The lines above from the start of the outermost statement that the cursor stands in, and the cursor's line."""
    line = before.rfind("\n") + 1
    if language != "python":
        return before[:line], before[line:]
    tail = before[max(0, len(before) - 2 * MAX_CHARS) :]
    line = tail.rfind("\n") + 1
    starts = [found.start() for found in _STATEMENT.finditer(tail) if found.start() < line]
    start = starts[-1] if starts else 0
    while len(starts) > 1 and tail.startswith("@", starts[-2]):  # a decorator belongs to what it decorates
        starts.pop()
        start = starts[-1]
    return tail[start:line], tail[line:]


def _in_long_string(text: str, language: str) -> bool:
    """Whether a text ends within a string of several lines, or a comment of such."""
    *_, last = [None, *_MARKS[language].finditer(text)]
    if last is None or last.end() < len(text):
        return False
    mark = last[0]
    end = "*/" if mark.startswith("/*") else mark[:3]
    return end in ("*/", '"""', "'''") and (not mark.endswith(end) or len(mark) < 3 + len(end))


def _open_brackets(text: str, language: str, before: str = "") -> str | None:
    """The brackets that are open at a text's end, of those open before and its own; None if it closes any other."""
    openers = list(before)
    for found in _MARKS[language].finditer(text):
        mark = found[0]
        if mark in _CLOSERS:
            openers.append(mark)
        elif mark in (")", "]", "}") and (not openers or _CLOSERS[openers.pop()] != mark):
            return None
    return "".join(openers)


@functools.cache
def _parser(language: str) -> Parser:
    return language_named(language).parser()
