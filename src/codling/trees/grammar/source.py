"""Source text ⇄ trees, exact both ways: the text of a tree parses to the very tree."""

from __future__ import annotations

import ast
import warnings

from codling.errors import InputError
from codling.trees.grammar.building import build_ast
from codling.trees.grammar.reading import read_ast
from codling.trees.grammar.tree import Tree

__all__ = ["read_source", "write_source"]


def read_source(source: str) -> Tree:
    """The tree of a Python text.

    Raises:
        InputError: it does not parse, or is nested too deeply.
    """
    return read_ast(_parse(source))


def write_source(tree: Tree) -> str:
    """The text of a tree, formatted as ``ast.unparse`` does.

    Raises:
        InputError: a token is none of its type, the text would not parse, or would parse to another program (a keyword
            for a name; a backslash in an f-string's braces before Python 3.12).
    """
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
