"""Programs as trees: out of source, into batches, into vectors."""

from .encoder import TreeEncoder
from .labels import Labels
from .naming import BagNamer, NamingConfig, Scores, TreeNamer, choose_threshold, evaluate, one_by_one, train_namer
from .syntax import Function, SyntaxTree, functions, sub_tokens

__all__ = [
    "BagNamer",
    "Function",
    "Labels",
    "NamingConfig",
    "Scores",
    "SyntaxTree",
    "TreeEncoder",
    "TreeNamer",
    "choose_threshold",
    "evaluate",
    "functions",
    "one_by_one",
    "sub_tokens",
    "train_namer",
]
