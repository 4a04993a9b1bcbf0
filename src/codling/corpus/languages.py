"""The languages that a corpus can hold: a grammar and the names of its nodes, one row each.

Another language is another row: its tree-sitter wheel, and which of the grammar's nodes are comments, documentation,
literal collections and strings.
"""

from __future__ import annotations

import ast
import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from codling.errors import CorpusError, nearest

if TYPE_CHECKING:
    from tree_sitter import Parser, Query

__all__ = ["LANGUAGES", "Language", "language_named", "language_of_path"]


@dataclass(frozen=True, kw_only=True)
class Language:
    """One row of the table; a node type that the grammar lacks makes the row unusable, and a test says so."""

    name: str
    suffixes: tuple[str, ...]
    grammar: str
    "Module of the tree-sitter wheel, which offers language()."
    comments: tuple[str, ...]
    doc_comment: bytes = b"\0"
    "How a comment that is documentation begins, as /** in Java; NUL, which no source holds, for none."
    bodies: tuple[str, ...] = ()
    "Nodes whose statements may be documentation, in languages that document by a string in the code."
    statement: str = ""
    "A statement that may consist of such a string."
    parentheses: str = ""
    "An expression in parentheses, which may stand around such a string."
    filler: bytes = b""
    "What a body needs to stay valid when its only statement has gone."
    separator: bytes = b""
    "What stands between two statements on one line."
    literals: Mapping[str, bytes] = field(default_factory=dict)
    "Literal collections by node type, and the empty one of each kind."
    strings: tuple[str, ...] = ()
    "Whole string literals: nothing in them is layout."
    string_contents: tuple[str, ...] = ()
    "The text between the quotes; secrets are looked for here."
    string_concatenations: tuple[str, ...] = ()
    continuation: bytes = b"\0"
    "What joins a line to the next when it ends with it; NUL for nothing."
    referee: Callable[[bytes], str | None] | None = None
    "A stricter judge than the grammar: says what is wrong with a source, None when nothing is."
    newer: tuple[str, ...] = ()
    "Query patterns of syntax that the referee may be too old to know; in a source that has it, the grammar decides."
    newer_complaints: tuple[str, ...] = ()
    "How the referee's complaints begin that come of its age."
    declares_encoding: bool = False
    "Sources may name their encoding (PEP 263); otherwise they are UTF-8."

    def parser(self) -> Parser:
        return _parser(self)

    def query(self) -> Query:
        """One query that captures everything that cleaning asks about, in one walk of the tree."""
        return _query(self)

    def complaint(self, source: bytes, nodes: Mapping[str, object]) -> str | None:
        """What the referee has against a source that the grammar accepts; None for nothing.

        Args:
            nodes: captures of the query on this source, or on the one that it was cleaned from.
        """
        found = self.referee(source) if self.referee is not None else None
        if found is not None and ("newer" in nodes or found.startswith(self.newer_complaints or ("\0",))):
            return None
        return found

    def __hash__(self) -> int:
        return hash(self.name)


def _python_complaint(source: bytes) -> str | None:
    """What CPython's own parser says; the grammar also accepts Python 2 and much that is half written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes and `is` with a literal are legal, if unwise
        try:
            ast.parse(source)
        except SyntaxError as error:
            return error.msg
        except (ValueError, RecursionError, MemoryError) as error:
            return f"{type(error).__name__}: nested too deeply, or not text"
    return None


LANGUAGES: tuple[Language, ...] = (
    Language(
        name="python",
        suffixes=(".py", ".pyi"),
        grammar="tree_sitter_python",
        comments=("comment",),
        bodies=("module", "block"),
        statement="expression_statement",
        parentheses="parenthesized_expression",
        filler=b"pass",
        separator=b";",
        literals={"list": b"[]", "tuple": b"()", "set": b"set()", "dictionary": b"{}"},
        strings=("string",),
        string_contents=("string_content",),
        string_concatenations=("concatenated_string",),
        continuation=b"\\",
        referee=_python_complaint,
        # Python 3.12: type parameters, the type statement, f-strings that nest (PEP 695, 701)
        newer=(
            "(function_definition type_parameters: (_) @newer)",
            "(class_definition type_parameters: (_) @newer)",
            "(type_alias_statement) @newer",
        ),
        newer_complaints=("f-string",),
        declares_encoding=True,
    ),
    Language(
        name="java",
        suffixes=(".java",),
        grammar="tree_sitter_java",
        comments=("line_comment", "block_comment"),
        doc_comment=b"/**",
        literals={"array_initializer": b"{}", "element_value_array_initializer": b"{}"},
        strings=("string_literal",),
        string_contents=("string_fragment", "multiline_string_fragment"),
    ),
)


def language_named(name: str) -> Language:
    """The row of a language.

    Raises:
        CorpusError: no such row.
    """
    for language in LANGUAGES:
        if language.name == name:
            return language
    known = [language.name for language in LANGUAGES]
    raise CorpusError(f"unknown language {name!r}{nearest(name, known)}")


def language_of_path(path: str) -> Language | None:
    """The language of a file by its suffix; None when the table has none."""
    suffix = PurePosixPath(path).suffix.lower()
    return next((language for language in LANGUAGES if suffix in language.suffixes), None)


@functools.cache
def _parser(language: Language) -> Parser:
    import tree_sitter

    grammar = importlib.import_module(language.grammar)
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


@functools.cache
def _query(language: Language) -> Query:
    import tree_sitter

    patterns = [
        *(f"({kind}) @comment" for kind in language.comments),
        *(f"({kind}) @literal" for kind in language.literals),
        *(f"({kind}) @string" for kind in language.strings),
        *(f"({kind}) @content" for kind in language.string_contents),
        *language.newer,
    ]
    texts = " ".join(
        f"({kind})" for kind in (*language.strings, *language.string_concatenations, language.parentheses) if kind
    )
    patterns += [f"({body}) @body" for body in language.bodies]
    if language.statement:  # a pattern that held the body as well would take time quadratic in a body's statements
        patterns.append(f"({language.statement} . [{texts}] .) @prose")
    grammar = _parser(language).language
    assert grammar is not None
    return tree_sitter.Query(grammar, "\n".join(patterns))
