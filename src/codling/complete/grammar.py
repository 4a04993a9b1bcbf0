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
    from tree_sitter import Node, Parser, Tree

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
        line = before.rfind("\n") + 1
        self._before, self._line = before[max(0, line - 2 * MAX_CHARS) : line], before[line:]

    def allows(self, text: str) -> bool:
        """Whether a suggestion of whole lines is as sound as what it is put into."""
        language, written = self._language, self._line + text + self._rest
        if not language:
            return True
        above = _lines_above(self._before, language)
        if len(above.text) > MAX_CHARS or above.openers is None or _in_long_string(written, language):
            return True
        openers = _open_brackets(written, language, above.openers)
        if openers is None:
            return False  # it closes what is not open
        last = written[written.rfind("\n") + 1 :].rstrip()
        if language == "python":
            if openers or last.endswith("\\") or _GOES_ON.match(last):
                return True
            if last.endswith(":"):
                written += f"\n{_indentation(last)}    pass"
        elif set(openers) - {"{"} or not last.endswith((";", "{", "}")):
            return True
        return above.num_errors_with(written, openers) <= above.num_errors


class _LinesAbove:
    """The lines above the cursor's, of the outermost statement that it stands in."""

    def __init__(self, text: str, language: str) -> None:
        self.text, self._language = text, language
        self._encoded = text.encode("utf-8", "surrogatepass")

    @functools.cached_property
    def openers(self) -> str | None:
        """The brackets that are open at their end; None if they are in disorder, or end within a string."""
        if _in_long_string(self.text, self._language):
            return None
        return _open_brackets(self.text, self._language)

    @functools.cached_property
    def num_errors(self) -> int:
        """What is wrong in these lines is not the suggestion's fault."""
        above = self.text.rstrip()
        last = above[above.rfind("\n") + 1 :]
        body = f"\n{_indentation(last)}    pass" if self._language == "python" and above.endswith(":") else ""
        root = _parser(self._language).parse(_closed(above + body, self.openers or "")).root_node
        return _num_errors(root)

    def num_errors_with(self, written: str, openers: str) -> int:
        """Errors and missing tokens in the tree of these lines, what is written below them, and closing brackets.

        The tree is that of these lines, changed at its end, which takes an eighth of the time of another.
        """
        added = _closed(written, openers)
        tree, start, row = self._tree.copy(), len(self._encoded), self.text.count("\n")
        tree.edit(start, start, start + len(added), (row, 0), (row, 0), (row + added.count(b"\n"), 0))
        return _num_errors(_parser(self._language).parse(self._encoded + added, tree).root_node)

    @functools.cached_property
    def _tree(self) -> Tree:
        return _parser(self._language).parse(self._encoded)


@functools.lru_cache(maxsize=8)  # they stay the same while a line is typed
def _lines_above(before: str, language: str) -> _LinesAbove:
    if language != "python":
        return _LinesAbove(before, language)
    starts = [found.start() for found in _STATEMENT.finditer(before)]
    start = starts[-1] if starts else 0
    while len(starts) > 1 and before.startswith("@", starts[-2]):  # a decorator belongs to what it decorates
        starts.pop()
        start = starts[-1]
    return _LinesAbove(before[start:], language)


def _closed(text: str, openers: str) -> bytes:
    closers = "".join(_CLOSERS[opener] for opener in reversed(openers))
    return (text + closers + "\n").encode("utf-8", "surrogatepass")


def _num_errors(root: Node) -> int:
    num, waiting = 0, [root] if root.has_error else []
    while waiting:
        node = waiting.pop()
        num += node.is_error or node.is_missing
        waiting += [child for child in node.children if child.has_error or child.is_missing]
    return num


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


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
