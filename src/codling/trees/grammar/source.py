"""Source text ⇄ trees, exact both ways: the text of a tree parses to the very tree."""

from __future__ import annotations

import ast
import warnings

from codling.errors import InputError, nearest
from codling.trees.grammar.asdl import Schema
from codling.trees.grammar.building import build_ast
from codling.trees.grammar.python import PYTHON
from codling.trees.grammar.reading import read_ast
from codling.trees.grammar.tree import Tree

__all__ = ["read_source", "schema_of", "write_source"]

_LANGUAGES = ("python", "java")


def schema_of(language: str) -> Schema:
    """The grammar of a language's trees.

    Raises:
        InputError: there is none.
    """
    if _is_python(language):
        return PYTHON
    from codling.trees.grammar.java import JAVA  # what writes Python need not wait for it

    return JAVA.schema


def read_source(source: str, language: str = "python") -> Tree:
    """The tree of a text.

    Raises:
        InputError: it does not parse, is nested too deeply for Python's own parser, or there is no such grammar.
    """
    if _is_python(language):
        return read_ast(_parse(source))
    from codling.trees.grammar.javasource import read_java

    return read_java(source)


def write_source(tree: Tree, language: str = "python") -> str:
    """The text of a tree: Python formatted as ``ast.unparse`` does, Java with a line for each statement.

    Raises:
        InputError: a token is none of its type, the text would not parse, or would parse to another program (a keyword
            for a name; a backslash in an f-string's braces before Python 3.12).
    """
    if _is_python(language):
        return _write_python(tree)
    from codling.trees.grammar.javasource import write_java

    return write_java(tree)


def _is_python(language: str) -> bool:
    if language not in _LANGUAGES:
        raise InputError(f"no grammar of {language!r}{nearest(language, _LANGUAGES)}")
    return language == "python"


def _write_python(tree: Tree) -> str:
    module = build_ast(tree)
    try:
        text = ast.unparse(ast.fix_missing_locations(module))
    except (ValueError, RecursionError) as error:  # ValueError: no text for an f-string, before Python 3.12
        raise InputError(f"this Python cannot write the program: {error}") from None
    if ast.dump(_parse(text)) != ast.dump(module):
        raise InputError("the program's text would be another program")
    return text


def _parse(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():  # invalid escapes and the like are the author's
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        raise InputError(f"not Python: {error.msg} (line {error.lineno})") from None
    except (ValueError, RecursionError, MemoryError) as error:  # a null character; nesting
        raise InputError(f"not Python: {error}") from None
