"""What a language's query finds in a text: definitions with what stands around and above them, and what is in what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codling.search.languages import Language
from codling.search.unit import KINDS

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["CLASS_LIKE", "SCOPES", "Definition", "Source", "last_row"]

CLASS_LIKE = frozenset({"class", "interface", "enum"})
"Kinds of definitions whose members are units themselves."
SCOPES = frozenset({"scope", "implementation"})
"Kinds of what only has names in it: it is no unit."
_DEFINITIONS = frozenset(KINDS) | SCOPES


@dataclass(slots=True, eq=False)
class Definition:
    """A node that the language's query has named."""

    kind: str
    name: str
    pattern: int
    "Its place in the query: where two patterns find one definition, the earlier one's kind counts."
    node: Node
    body: Node | None
    start: Node
    "Where it begins: itself, or the decorators or the export around it."
    top_row: int
    row: int
    end_row: int
    comments: list[Node] = field(default_factory=list)
    "Directly above it, in order."
    members: list[Definition] = field(default_factory=list)
    scope: str = ""
    in_class: bool = False
    in_function: bool = False


class Source:
    """One file's text, its lines and its tree's captures."""

    def __init__(self, text: str, path: str, language: Language) -> None:
        import tree_sitter

        self.path, self.language, self.text = path, language, text
        self.data = text.encode("utf-8", "surrogatepass")
        self.lines = text.split("\n")
        tree = language.parser().parse(self.data)
        self.root = tree.root_node
        self.comments: dict[int, Node] = {}  # by the row that they end in
        self.attributes: dict[int, Node] = {}
        self.definitions: list[Definition] = []
        outers: dict[int, Node] = {}  # by where the inner node begins and ends
        for pattern, captures in tree_sitter.QueryCursor(language.compiled()).matches(self.root):
            if "comment" in captures:
                node = captures["comment"][0]
                self.comments[last_row(node)] = node
            elif "attribute" in captures:
                node = captures["attribute"][0]
                self.attributes[last_row(node)] = node
            elif "outer" in captures:
                for node in captures["inner"]:
                    outers[node.start_byte] = captures["outer"][0]
            else:
                self._define(pattern, captures)
        self._attach(outers)
        self._nest()

    def string(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def _define(self, pattern: int, captures: dict[str, list[Node]]) -> None:
        kind = next((kind for kind in captures if kind in _DEFINITIONS), None)
        if kind is None or "name" not in captures:
            return
        node, body = captures[kind][0], captures["body"][0] if "body" in captures else None
        owner = " ".join(self.string(captures["owner"][0]).split()) if "owner" in captures else ""
        for name in captures["name"]:
            text = " ".join(self.string(name).split())
            if text:
                is_behind = body is not None and name.start_byte >= body.end_byte  # as in C's typedef
                head = node.start_point.row if is_behind else name.start_point.row
                rows = node.start_point.row, head, last_row(node)
                each = Definition(kind, text, pattern, node, body, node, *rows)
                each.scope = owner
                self.definitions.append(each)

    def _attach(self, outers: dict[int, Node]) -> None:
        """Give every definition what stands around its head and above it."""
        for each in self.definitions:
            outer = outers.get(each.node.start_byte)
            while outer is not None and outer.id != each.start.id and outer.end_byte >= each.node.end_byte:
                each.start, each.top_row = outer, outer.start_point.row
                each.end_row = max(each.end_row, last_row(outer))
                outer = outers.get(outer.start_byte)
            if not self.opens_line(each.start):
                continue
            row, above = each.top_row - 1, each.top_row
            while True:
                if (node := self.comments.get(row)) is not None and self.opens_line(node):
                    each.comments.insert(0, node)
                elif (node := self.attributes.get(row)) is None:
                    break
                above = node.start_point.row
                row = above - 1
            each.top_row = above

    def opens_line(self, node: Node) -> bool:
        return not self.lines[node.start_point.row][: node.start_point.column].strip()

    def _nest(self) -> None:
        """Find what stands in what; a definition that two patterns found counts once, by the earlier one's kind."""
        unique: dict[tuple[int, int, str], Definition] = {}
        for each in sorted(self.definitions, key=lambda d: (d.pattern, d.body is None)):
            last = each.name.replace("::", ".").rsplit(".", 1)[-1]
            unique.setdefault((each.node.start_byte, each.node.end_byte, last), each)
        self.definitions = sorted(unique.values(), key=lambda d: (d.node.start_byte, -d.node.end_byte))
        around: list[Definition] = []
        for each in self.definitions:
            while around and not _holds(around[-1].node, each.node):
                around.pop()
            if around:
                outer = around[-1]
                outer.members.append(each)
                each.scope = ".".join(part for part in (outer.scope, outer.name, each.scope) if part)
                each.in_class = outer.kind in CLASS_LIKE or outer.kind == "implementation"
                each.in_function = outer.in_function or outer.kind in ("function", "method")
            around.append(each)


def last_row(node: Node) -> int:
    """The last row that a node has something in; some grammars count the line end to it."""
    end = node.end_point
    return end.row - 1 if end.column == 0 and end.row > node.start_point.row else end.row


def _holds(outer: Node, inner: Node) -> bool:
    """Whether a node is really inside another; two names of one declaration stand beside each other."""
    return inner.end_byte <= outer.end_byte and (inner.start_byte, inner.end_byte) != (outer.start_byte, outer.end_byte)
