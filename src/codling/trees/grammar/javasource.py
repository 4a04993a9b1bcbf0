"""Java's text ⇄ trees, token for token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codling.corpus.languages import language_named
from codling.errors import InputError
from codling.trees.grammar.java import JAVA
from codling.trees.grammar.matching import actions_of_node
from codling.trees.grammar.printing import print_tree
from codling.trees.grammar.tree import Tree, actions_of, tree_of

if TYPE_CHECKING:
    import tree_sitter

__all__ = ["read_java", "write_java"]


def read_java(source: str) -> Tree:
    """Raises:
    InputError: tree-sitter cannot read it, or the grammar leaves it out.
    """
    root = language_named("java").parser().parse(source.encode("utf-8", errors="surrogatepass")).root_node
    if root.has_error:
        raise InputError(f"not Java: {_where(root)}")
    return tree_of(JAVA.schema, actions_of_node(JAVA, root))


def write_java(tree: Tree) -> str:
    """Raises:
    InputError: a text is none of its type (a keyword for a name), or reads as another program where it stands.
    """
    text = print_tree(JAVA, tree)
    if list(actions_of(read_java(text))) != list(actions_of(tree)):  # trees are compared by recursion
        raise InputError("the program's text would be another program")
    return text


def _where(root: tree_sitter.Node) -> str:
    """What the parser stumbled over first."""
    node = root
    while not (node.is_error or node.is_missing):
        node = next(child for child in node.children if child.has_error or child.is_missing)
    row, column = node.start_point
    what = f"{node.type} is missing" if node.is_missing else "what stands here fits nothing"
    return f"{what} (line {row + 1}, column {column + 1})"
