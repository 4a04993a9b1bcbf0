"""Dynamic batching for PyTorch: programs written for one example, run for many.

    merge = batchable(TreeLSTMCell(150))

    def encode(tree):
        return leaf(tree.word) if tree.is_leaf else merge(encode(tree.left), encode(tree.right))

    with batching():
        roots = [encode(tree) for tree in trees]
    states = stack(roots)

It stands alone: nothing here imports anything of codling's.
"""

from .cells import ChildSumTreeLSTM, ChildSumTreeLSTMCell, TreeLSTM, TreeLSTMCell, TreeState
from .context import batching, eager, stack, value
from .errors import FoldError
from .explain import Explanation, explain
from .explicit import Fold, FoldNode, Unfold
from .kind import Ragged
from .node import Node, shared
from .operation import batchable
from .together import together

__all__ = [
    "ChildSumTreeLSTM",
    "ChildSumTreeLSTMCell",
    "Explanation",
    "Fold",
    "FoldError",
    "FoldNode",
    "Node",
    "Ragged",
    "TreeLSTM",
    "TreeLSTMCell",
    "TreeState",
    "Unfold",
    "batchable",
    "batching",
    "eager",
    "explain",
    "shared",
    "stack",
    "together",
    "value",
]
