"""Programs as trees that are grown action by action, so that whatever is grown parses: Python and Java. Imports no
PyTorch."""

from codling.trees.grammar.asdl import Production, Schema
from codling.trees.grammar.python import PYTHON
from codling.trees.grammar.shortest import shortest_action, shortest_length
from codling.trees.grammar.source import read_source, schema_of, write_source
from codling.trees.grammar.tree import CLOSE, Action, Derivation, Slot, Tree, actions_of, tree_of

__all__ = [
    "CLOSE",
    "PYTHON",
    "Action",
    "Derivation",
    "Production",
    "Schema",
    "Slot",
    "Tree",
    "actions_of",
    "read_source",
    "schema_of",
    "shortest_action",
    "shortest_length",
    "tree_of",
    "write_source",
]
