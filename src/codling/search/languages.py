"""The languages whose definitions search knows: a grammar and one query each; a row of the table is a language.

The query names what it finds: the capture of a definition is its kind (codling.search.unit), inside it ``@name`` and, where
there is one, ``@body``. ``@scope`` only lends its name to what stands in it, as a namespace does. ``@outer`` around an
``@inner`` definition belongs to it: decorators, ``export``, ``template``. ``@comment`` may document what follows it, and
``@attribute`` may stand between the two.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language as Grammar
    from tree_sitter import Parser, Query

__all__ = ["LANGUAGES", "Language", "language_of"]


@dataclass(frozen=True, kw_only=True)
class Language:
    """One row; a node that the grammar lacks makes the row unusable, and a test says so."""

    name: str
    suffixes: tuple[str, ...]
    grammar: str
    "Module of the tree-sitter wheel."
    entry: str = "language"
    "The function of that module that offers the grammar."
    query: str
    docstrings: bool = False
    "Documentation is a string that opens the body, not a comment above the head."

    def parser(self) -> Parser:
        return _parser(self.grammar, self.entry)

    def compiled(self) -> Query:
        return _query(self.grammar, self.entry, self.query)


_PYTHON = """
(function_definition name: (identifier) @name body: (block) @body) @function
(class_definition name: (identifier) @name body: (block) @body) @class
(decorated_definition definition: (_) @inner) @outer
(module (expression_statement (assignment left: (identifier) @name)) @constant)
(module (expression_statement (assignment left: (pattern_list (identifier) @name))) @constant)
(module (type_alias_statement left: (type (identifier) @name)) @type)
(module [
  (if_statement (block (expression_statement (assignment left: (identifier) @name)) @constant))
  (try_statement (block (expression_statement (assignment left: (identifier) @name)) @constant))
])
(comment) @comment
"""

LANGUAGES: tuple[Language, ...] = (
    Language(
        name="python",
        suffixes=(".py", ".pyi"),
        grammar="tree_sitter_python",
        query=_PYTHON,
        docstrings=True,
    ),
)


@functools.cache
def _by_suffix() -> dict[str, Language]:
    return {suffix: language for language in LANGUAGES for suffix in language.suffixes}


def language_of(path: str) -> Language | None:
    """The row of a file by its suffix; None where the table has none."""
    return _by_suffix().get(PurePosixPath(path).suffix.lower())


@functools.cache
def _grammar(module: str, entry: str) -> Grammar:
    import tree_sitter

    return tree_sitter.Language(getattr(importlib.import_module(module), entry)())


@functools.cache
def _parser(module: str, entry: str) -> Parser:
    import tree_sitter

    return tree_sitter.Parser(_grammar(module, entry))


@functools.cache
def _query(module: str, entry: str, query: str) -> Query:
    import tree_sitter

    return tree_sitter.Query(_grammar(module, entry), query)
