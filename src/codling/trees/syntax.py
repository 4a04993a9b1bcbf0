"""Source into trees: every function of a file, as the tree of its syntax, with its name taken out.

Tree-sitter reads what doesn't parse as well, so nothing here fails on broken code. Trees are abstract: punctuation and
keywords go, comments and documentation go, identifiers become their sub-tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codling.corpus.languages import language_named
from codling.errors import InputError, nearest

if TYPE_CHECKING:
    import tree_sitter

__all__ = ["NAME", "Function", "SyntaxTree", "functions", "sub_tokens"]

NAME = "<name>"
"Stands where a function's own name stood: in its head, and wherever it calls itself."

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(slots=True)
class SyntaxTree:
    """A node: its label, a type of the grammar or a sub-token, and its children in order."""

    label: str
    children: list[SyntaxTree] = field(default_factory=list)

    def labels(self) -> Iterator[str]:
        """Of all nodes, parents before children."""
        waiting = [self]
        while waiting:
            tree = waiting.pop()
            yield tree.label
            waiting += reversed(tree.children)

    @property
    def num_nodes(self) -> int:
        return sum(1 for _ in self.labels())


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method: its name, where it starts, and its tree without that name."""

    name: str
    line: int
    "1-based."
    tree: SyntaxTree


@dataclass(frozen=True, slots=True)
class _Grammar:
    """What a language calls things."""

    functions: frozenset[str]
    identifiers: frozenset[str]
    literals: dict[str, str]
    skipped: frozenset[str]
    docstrings: bool


_GRAMMARS = {
    "python": _Grammar(
        functions=frozenset({"function_definition"}),
        identifiers=frozenset({"identifier"}),
        literals={"integer": "<number>", "float": "<number>", "string": "<string>", "concatenated_string": "<string>"},
        skipped=frozenset({"comment", "line_continuation"}),
        docstrings=True,
    ),
    "java": _Grammar(
        functions=frozenset({"method_declaration"}),
        identifiers=frozenset({"identifier", "type_identifier"}),
        literals={
            **dict.fromkeys(("decimal_integer_literal", "hex_integer_literal"), "<number>"),
            **dict.fromkeys(("decimal_floating_point_literal", "octal_integer_literal"), "<number>"),
            **dict.fromkeys(("string_literal", "character_literal"), "<string>"),
        },
        skipped=frozenset({"line_comment", "block_comment"}),
        docstrings=False,
    ),
}
_OPERATORS = frozenset({"binary_operator", "boolean_operator", "comparison_operator", "unary_operator"}) | {
    *("augmented_assignment", "binary_expression", "unary_expression", "update_expression", "assignment_expression")
}
"Nodes that differ by an operator, which is no node of its own: it becomes part of the label."


def sub_tokens(name: str) -> list[str]:
    """The words of an identifier, in lower case: ``get_HTTPResponse2`` is get, http, response, 2."""
    return [word.lower() for word in _WORD.findall(name)]


def functions(source: str, language: str = "python", *, max_nodes: int | None = None) -> Iterator[Function]:
    """All functions of a source text that have a name of at least one word, outer before inner.

    Args:
        max_nodes: leave out functions whose trees are larger.

    Raises:
        InputError: a language without a grammar here.
    """
    if language not in _GRAMMARS:
        raise InputError(f"no trees of {language!r}{nearest(language, _GRAMMARS)}")
    grammar = _GRAMMARS[language]
    data = source.encode("utf-8", errors="surrogatepass")
    waiting = [language_named(language).parser().parse(data).root_node]
    while waiting:
        node = waiting.pop()
        waiting += reversed(node.named_children)
        if node.type not in grammar.functions:
            continue
        head = node.child_by_field_name("name")
        if head is None or head.text is None or not sub_tokens(head.text.decode("utf-8", errors="replace")):
            continue
        name = head.text.decode("utf-8", errors="replace")
        tree = _tree(node, name, grammar, max_nodes)
        if tree is not None:
            yield Function(name, node.start_point[0] + 1, tree)


def _tree(root: tree_sitter.Node, name: str, grammar: _Grammar, max_nodes: int | None) -> SyntaxTree | None:
    """The tree under a node; None, if it has more nodes than wanted."""
    found = SyntaxTree("")
    waiting = [(root, found)]
    count = 0
    while waiting:
        node, parent = waiting.pop()
        if node.type in grammar.skipped or (grammar.docstrings and _is_docstring(node)):
            continue
        made = SyntaxTree(grammar.literals.get(node.type, node.type))
        parent.children.append(made)
        count += 1
        if node.type in grammar.identifiers:
            text = (node.text or b"").decode("utf-8", errors="replace")
            made.children = [SyntaxTree(word) for word in ([NAME] if text == name else sub_tokens(text))]
            count += len(made.children)
        elif node.type not in grammar.literals:
            if node.type in _OPERATORS:
                signs = [child.type for child in node.children if not child.is_named]
                made.label = " ".join([node.type, *signs[:1]])
            waiting += [(child, made) for child in reversed(node.named_children)]
        if max_nodes is not None and count > max_nodes:
            return None
    return found.children[0]


def _is_docstring(node: tree_sitter.Node) -> bool:
    """A statement that is nothing but a string."""
    return node.type == "expression_statement" and [child.type for child in node.children] == ["string"]
