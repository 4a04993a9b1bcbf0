"""A comment or documentation above the cursor as the description of a program, and the program as the file wants it.

The check runs at every keystroke, so it looks at the lines next to the cursor and gives up at the first that does not
fit; whether what they say is worth a model's time is asked last. Python only.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from codling.complete.context import Context

__all__ = ["LEAST_SCORE", "ProgramWriter", "Wanted", "fitted", "wanted_here"]

LEAST_SCORE = 0.7
"Of a program to be offered; docs/completion.md says what each bound shows, and how much of that is right."

MAX_LINES = 6  # of a comment that is one description
MAX_DOCUMENTATION = 2_000  # characters from a function's first line to the cursor
MIN_WORDS = 3  # fewer are a heading
NEARBY = 3_000  # characters above it, whose names a description may mean

_NO_DESCRIPTION = re.compile(
    r"\s*(?:[!:%]|type:|noqa|pylint|pragma|mypy|ruff|fmt:|isort:|nosec|region|endregion|"
    r"(?:todo|fixme|xxx|hack|note|copyright|licen[cs]e|spdx|author)\b|-\*-)",
    re.I,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_FUNCTION = re.compile(r"(?m)^([ ]*)(?:async[ ]+)?def[ ]")
_DOCUMENTATION = re.compile(r"[ ]*[rRuU]?(\"\"\"|''')(.*?)\1[ ]*\n", re.S)
_NAME = re.compile(r"[^\W\d]\w*")
_PROSE = re.compile(r"(\"\"\"|''')(?:.|\n)*?\1|\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*")
_UNQUOTED = re.compile(r"(?<![\w`'\".])[^\W\d]\w*(?![\w`'\"(.])")
_ENGLISH = frozenset({"a", "an", "the", "of", "to", "at", "by", "on", "all", "each", "every", "it", "that", "this"})
_BUILTINS = frozenset(dir(builtins)) | {"self", "cls"}


class ProgramWriter(Protocol):
    """Writes programs from descriptions, as ``codling.write`` does."""

    def __call__(self, description: str, limit: int, give_up: Callable[[], bool]) -> Sequence[tuple[str, float]]:
        """Programs and their scores, best first; none where it cannot, or had to give up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A program that a person seems to want at the cursor."""

    description: str
    lead: str
    "White space that is missing before the first line."
    indent: str
    "Of every line."
    is_body: bool
    "It is all that a function does."


def wanted_here(context: Context) -> Wanted | None:
    """The program that the lines above an empty line ask for; None at almost every place."""
    if not context.on_blank_line or context.rest.strip():
        return None
    start = len(context.text) - len(context.line)
    above = context.text[context.text.rfind("\n", 0, max(0, start - 1)) + 1 : start]
    bare = above.strip()
    if bare.startswith("#"):
        return _by_comment(context, start, above)
    if bare.endswith(('"""', "'''")):
        return _by_documentation(context, start)
    return None


def fitted(code: str, wanted: Wanted, context: Context) -> str | None:
    """A program as it would stand at the cursor; None for one that cannot, or speaks of names that nobody knows."""
    tree = ast.parse(code)
    if not tree.body or '"""' in code:
        return None
    if wanted.is_body:
        code = _as_body(tree, code)
    elif not wanted.indent and any(_leaves(statement) for statement in tree.body):
        return None  # there is no function to return from
    lines = code.split("\n")
    if len(lines) > 1 and lines[-1].strip() == "pass":  # what follows the line is for the person to write
        del lines[-1]
    if lines[0].strip() == context.next_line or _strangers(tree, wanted, context):
        return None
    text = textwrap.indent("\n".join(lines), wanted.indent)
    return wanted.lead + text[len(wanted.indent) :]


def _by_comment(context: Context, start: int, above: str) -> Wanted | None:
    indent = above[: len(above) - len(above.lstrip(" "))]
    if not indent.startswith(context.line):
        return None
    lines: list[str] = []
    end = start
    while len(lines) <= MAX_LINES:
        begin = context.text.rfind("\n", 0, max(0, end - 1)) + 1
        line = context.text[begin:end].rstrip()
        if not line.startswith(indent + "#"):
            break
        lines.append(line[len(indent) + 1 :])
        end = begin
        if not begin:
            break
    lines.reverse()
    if len(lines) > MAX_LINES or any(_NO_DESCRIPTION.match(line) for line in lines):
        return None
    description = _description(" ".join(lines), context.text[:end])
    if description is None:
        return None
    return Wanted(description, indent[len(context.line) :], indent, is_body=False)


def _by_documentation(context: Context, start: int) -> Wanted | None:
    """The function that the cursor stands in, if its documentation is all that it has."""
    tail = context.text[max(0, start - MAX_DOCUMENTATION) : start]
    headers = list(_FUNCTION.finditer(tail))
    if not headers:
        return None
    header = headers[-1]
    end = _head_end(tail, header.start())
    found = _DOCUMENTATION.fullmatch(tail, end) if end is not None else None
    if found is None:
        return None
    indent = tail[found.start() : len(tail)]
    indent = indent[: len(indent) - len(indent.lstrip(" "))]
    if len(indent) <= len(header[1]) or not indent.startswith(context.line):
        return None
    below = context.suffix.partition("\n")[2]
    following = next((line for line in below.split("\n") if line.strip()), "")
    if len(following) - len(following.lstrip(" ")) >= len(indent) and following.strip():
        return None  # it has a body already
    description = _description(re.split(r"\n[ ]*\n", found[2].strip())[0], tail[:end])
    if description is None:
        return None
    return Wanted(description, indent[len(context.line) :], indent, is_body=True)


def _head_end(text: str, start: int) -> int | None:
    """Where the lines of a function's head end, the line end included."""
    end = start
    while (end := text.find(":\n", end) + 2) >= 2:
        if _parse(textwrap.dedent(text[start:end]) + "    pass") is not None:
            return end
    return None


def _description(text: str, above: str) -> str | None:
    """What a comment says, if that can be done: no code that was commented out, no rulers, no headings.

    Names of the code above are marked as such, as they are in what writers learn from.
    """
    text = " ".join(text.split()).rstrip(" .:;…")
    if len(_WORD.findall(text)) < MIN_WORDS or _parse(text) is not None:
        return None
    first = text.partition(" ")[0]
    text = text[0].lower() + text[1:] if first[1:].islower() else text
    names = _names(above[-NEARBY:]) - _BUILTINS - _ENGLISH - set(keyword.kwlist)
    return _UNQUOTED.sub(lambda word: f"`{word[0]}`" if word[0] in names else word[0], text)


def _as_body(tree: ast.Module, code: str) -> str:
    """A program as what a function does: its value is given back; of a whole function, the body is taken."""
    only = tree.body[0] if len(tree.body) == 1 else None
    if isinstance(only, ast.Expr):
        return f"return {code}"
    if isinstance(only, ast.FunctionDef):
        return "\n".join(ast.unparse(statement) for statement in only.body)
    return code


def _leaves(statement: ast.stmt) -> bool:
    """Whether a statement must stand in a function."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    return any(isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom, ast.Await)) for node in ast.walk(statement))


def _strangers(tree: ast.Module, wanted: Wanted, context: Context) -> bool:
    """Whether a program reads names that it does not make, and neither the file nor the description has."""
    asked: set[str] = set()
    made: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (asked if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.alias):
            made.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)) and node.name:
            made.add(node.name)
    asked -= made | _BUILTINS
    if not asked:
        return False
    return not asked <= set(_NAME.findall(wanted.description)) | _names(context.text) | _names(context.suffix)


def _names(code: str) -> set[str]:
    return set(_NAME.findall(_PROSE.sub(" ", code)))


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():  # invalid escapes and the like are the author's
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
