"""Programs as trees: out of source, into batches, into vectors; and grown from descriptions (``trees.grammar``)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .encoder import BagEncoder, TreeEncoder
    from .labels import Labels
    from .naming import (
        Namer,
        NamingConfig,
        Scores,
        bag_namer,
        choose_threshold,
        evaluate,
        one_by_one,
        train_namer,
        tree_namer,
    )
    from .syntax import Function, SyntaxTree, functions, sub_tokens

__all__ = [
    "BagEncoder",
    "Function",
    "Labels",
    "Namer",
    "NamingConfig",
    "Scores",
    "SyntaxTree",
    "TreeEncoder",
    "bag_namer",
    "choose_threshold",
    "evaluate",
    "functions",
    "one_by_one",
    "sub_tokens",
    "train_namer",
    "tree_namer",
]

_MODULES = {"BagEncoder": "encoder", "TreeEncoder": "encoder", "Labels": "labels"}
_MODULES |= dict.fromkeys(("Function", "SyntaxTree", "functions", "sub_tokens"), "syntax")


def __getattr__(name: str) -> Any:
    """Open a door when somebody comes through it: writing programs needs the grammar, and must not load PyTorch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES.get(name, 'naming')}"), name)
