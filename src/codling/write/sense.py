"""What no program says that somebody meant, although it parses: a search that is unsure loops or says a thing twice."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Hashable, Sequence

__all__ = ["MAX_RECENT", "is_senseless", "loops"]

_TIMES = 6
_LEAST = 24
MAX_RECENT = 96
"Steps back to which ``loops`` looks."

_SAME_AGAIN = frozenset(
    ("abs", "bool", "dict", "float", "frozenset", "int", "iter", "len", "list", "set", "sorted", "str", "sum", "tuple")
)
"Builtins that cannot be called on what they give, or need not be."
_NUMBERS = frozenset(("abs", "float", "hash", "id", "int", "len", "ord", "round", "sum"))
_OF_MANY = frozenset(("dict", "enumerate", "len", "list", "next", "reversed", "set", "sorted", "sum", "tuple", "zip"))


def loops(recent: Sequence[Hashable]) -> bool:
    """Whether steps end in the same ones six times over, twenty-four in all or more: what a decoder goes on with that
    has lost its way."""
    for period in range(_LEAST // _TIMES, len(recent) // _TIMES + 1):
        if (
            recent[-1] == recent[-1 - period]
            and recent[-_TIMES * period + period :] == recent[-_TIMES * period : -period]
        ):
            return True
    return len(recent) >= _LEAST and len(set(recent[-_LEAST:])) == 1


def is_senseless(code: str) -> bool:
    """Whether a program calls a builtin on what it cannot be called on, or joins a condition with itself:
    ``len(len(s))``, ``sum(len(s))``, ``a and a``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            if len({ast.dump(value) for value in node.values}) < len(node.values):
                return True
        elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
            outer, inner = _called(node), _called(node.args[0])
            if (outer == inner and outer in _SAME_AGAIN) or (outer in _OF_MANY and inner in _NUMBERS):
                return True
    return False


def _called(node: ast.expr) -> str:
    """The name that is called; empty if none is."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
