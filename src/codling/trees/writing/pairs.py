"""Descriptions with their programs: rows of JSON Lines, and lines of programs made whole.

Sets of single lines (Django: Oda et al. 2015) hold heads of blocks without their bodies, and branches without what they
belong to. They are completed as is customary (Yin & Neubig 2017), so that they parse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codling.errors import InputError
from codling.trees.grammar.source import read_source
from codling.trees.grammar.tree import Tree
from codling.trees.writing.words import Word, words_of

__all__ = ["Pair", "Read", "Row", "read_pairs", "read_program", "read_rows", "whole_program"]


Read = tuple[Sequence[Word], Tree]
"A description's words, and the tree of its program."


@dataclass(frozen=True, slots=True)
class Pair:
    """A description and its program."""

    text: str
    code: str
    tree: Tree

    def read(self) -> Read:
        """As networks learn it."""
        return words_of(self.text), self.tree


def whole_program(code: str) -> str:
    """A line of a program with what it needs to parse: a body of ``pass``, an ``if`` for its ``else``."""
    code = code.strip()
    if re.match(r"(elif|else)\b", code):
        code = "if True: pass\n" + code
    if re.match(r"try\b", code):
        code += "pass\nexcept: pass"
    elif re.match(r"(except|finally)\b", code):
        code = "try: pass\n" + code
    if code.startswith("@"):
        code += "\ndef dummy(): pass"
    return code + "pass" if code.endswith(":") else code


def read_program(code: str) -> Tree:
    """The tree of a program, or of a line of one.

    Raises:
        InputError: it parses neither as it is nor completed.
    """
    try:
        return read_source(code)
    except InputError as error:
        try:
            return read_source(whole_program(code))
        except InputError:
            raise error from None


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a file of pairs."""

    text: str
    code: str
    where: str
    "File and line, for messages."


def read_rows(path: Path) -> Iterator[Row]:
    """Rows ``{"text", "code"}``, whatever is in them.

    Raises:
        InputError: the file cannot be read, or a row is not of this form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from None
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not JSON ({error})") from None
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("text", "code")):
            raise InputError(f'{where}: a row is {{"text": …, "code": …}}, both strings')
        yield Row(row["text"], row["code"], where)


def read_pairs(path: Path) -> Iterator[Pair | InputError]:
    """Rows whose program is Python; for one whose program does not parse, what is wrong with it.

    Raises:
        InputError: the file cannot be read, or a row is not of this form.
    """
    for row in read_rows(path):
        try:
            yield Pair(row.text, row.code, read_program(row.code))
        except InputError as error:
            yield InputError(f"{row.where}: {error}")
