"""Source text in, units out. Nothing about a text raises: what does not parse gives what can be read of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast

from codling.search.languages import Language, language_of
from codling.search.prose import comment_prose, docstring_prose, is_licence
from codling.search.unit import KINDS, Unit, UnitKind

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["chunks_of", "units_of"]

_MAX_UNIT_LINES = 400  # of one unit's text; what is longer is data or generated, and the rest follows as chunks
_MAX_UNIT_CHARS = 20_000
_CHUNK_LINES = 50  # a screenful, which is what a hit should point to
_CHUNK_CHARS = 4_000
_MAX_LINE_CHARS = 500  # on average: beyond it the text was written by a machine, and its definitions are no use
_MAX_SIGNATURE_CHARS = 400
_WORD = re.compile(r"\w")  # a line of brackets alone is no use to anybody
_TYPE_ARGUMENTS = re.compile(r"<[^<>]*>")
_CLASS_LIKE = frozenset({"class", "interface", "enum"})
_SCOPES = frozenset({"scope", "implementation"})
_DEFINITIONS = frozenset(KINDS) | _SCOPES


def units_of(text: str, path: str) -> list[Unit]:
    """All units of one file, in the order of their lines; every line that is not blank is in at least one of them.

    Args:
        text: the file's content, line ends \\n.
        path: below the root, with / between folders; its suffix decides the language.
    """
    language = language_of(path)
    if language is None or len(text) > _MAX_LINE_CHARS * (text.count("\n") + 1):
        return _numbered(chunks_of(text, path, language.name if language else "text"))
    source = _Source(text, path, language)
    return _numbered(sorted(_units(source), key=lambda unit: (unit.top_line, -unit.end_line)))


def chunks_of(text: str, path: str, language: str = "text") -> list[Unit]:
    """A text of no known language as chunks, cut at blank lines and headings where there are some."""
    lines = text.split("\n")
    return [_chunk(lines, first, last, path, language) for first, last in _stretches(lines, 0, len(lines))]


@dataclass(slots=True, eq=False)
class _Definition:
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
    members: list[_Definition] = field(default_factory=list)
    scope: str = ""
    in_class: bool = False
    in_function: bool = False


class _Source:
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
        self.definitions: list[_Definition] = []
        outers: dict[int, Node] = {}  # by where the inner node begins and ends
        for pattern, captures in tree_sitter.QueryCursor(language.compiled()).matches(self.root):
            if "comment" in captures:
                node = captures["comment"][0]
                self.comments[_last_row(node)] = node
            elif "attribute" in captures:
                node = captures["attribute"][0]
                self.attributes[_last_row(node)] = node
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
                rows = node.start_point.row, head, _last_row(node)
                each = _Definition(kind, text, pattern, node, body, node, *rows)
                each.scope = owner
                self.definitions.append(each)

    def _attach(self, outers: dict[int, Node]) -> None:
        """Give every definition what stands around its head and above it."""
        for each in self.definitions:
            outer = outers.get(each.node.start_byte)
            while outer is not None and outer.id != each.start.id and outer.end_byte >= each.node.end_byte:
                each.start, each.top_row = outer, outer.start_point.row
                each.end_row = max(each.end_row, _last_row(outer))
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
        unique: dict[tuple[int, int, str], _Definition] = {}
        for each in sorted(self.definitions, key=lambda d: (d.pattern, d.body is None)):
            last = each.name.replace("::", ".").rsplit(".", 1)[-1]
            unique.setdefault((each.node.start_byte, each.node.end_byte, last), each)
        self.definitions = sorted(unique.values(), key=lambda d: (d.node.start_byte, -d.node.end_byte))
        around: list[_Definition] = []
        for each in self.definitions:
            while around and not _holds(around[-1].node, each.node):
                around.pop()
            if around:
                outer = around[-1]
                outer.members.append(each)
                each.scope = ".".join(part for part in (outer.scope, outer.name, each.scope) if part)
                each.in_class = outer.kind in _CLASS_LIKE or outer.kind == "implementation"
                each.in_function = outer.in_function or outer.kind in ("function", "method")
            around.append(each)


def _holds(outer: Node, inner: Node) -> bool:
    """Whether a node is really inside another; two names of one declaration stand beside each other."""
    return inner.end_byte <= outer.end_byte and (inner.start_byte, inner.end_byte) != (outer.start_byte, outer.end_byte)


def _units(source: _Source) -> Iterator[Unit]:
    covered: list[tuple[int, int]] = []  # rows that some unit has, in order
    for each in source.definitions:
        if each.kind in _SCOPES or (each.in_function and each.body is None and each.kind in ("constant", "function")):
            continue  # a local variable, or a declaration that a grammar took for one of a function
        unit, rows = _unit(source, each)
        yield unit
        covered.append((each.top_row, rows))
    yield from _between(source, covered)


def _unit(source: _Source, each: _Definition) -> tuple[Unit, int]:
    """One definition as a unit, and the row after the last that its text has."""
    kind = cast(UnitKind, each.kind)
    if kind == "function" and (each.in_class or "::" in each.name):
        kind = "method"
    name = _TYPE_ARGUMENTS.sub("", each.name.replace("::", ".")) if "::" in each.name else each.name
    end = each.end_row + 1
    shown = _bounded(source.lines, each.top_row, end)
    rows = _own_rows(each, shown) if kind in _CLASS_LIKE else range(each.top_row, shown)
    body_start = each.body.start_byte if each.body is not None else each.node.end_byte
    doc, doc_rows = _documentation(source, each)
    head = source.data[each.node.start_byte : body_start].decode("utf-8", "replace")
    if each.kind in _CLASS_LIKE and name not in head:
        head = f"{head} {name}"
    text = "\n".join(source.lines[row] for row in rows)
    code = "\n".join(source.lines[row] for row in rows if row not in doc_rows) if doc_rows else text
    unit = Unit(
        kind=kind,
        name=name.rsplit(".", 1)[-1] or name,
        qualified_name=f"{each.scope}.{name}" if each.scope else name,
        signature=_signature(head),
        doc=doc,
        path=source.path,
        language=source.language.name,
        line=each.row + 1,
        top_line=each.top_row + 1,
        end_line=end,
        text=text,
        code=code,
    )
    return unit, shown


def _own_rows(each: _Definition, end: int) -> list[int]:
    """The rows of a class without the bodies of what it defines; the heads of its members stay."""
    rows: list[int] = []
    row = each.top_row
    for member in each.members:
        rows += range(row, min(max(member.top_row, row), end))
        last_of_head = member.body.start_point.row if member.body is not None else member.end_row
        if member.body is not None and last_of_head > member.row and not _opens_on_head(member):
            last_of_head -= 1
        rows += range(max(member.row, row), min(last_of_head, member.row + 10) + 1)
        row = max(row, member.end_row + 1)
    rows += range(row, end)
    return [row for row in dict.fromkeys(rows) if row < end]


def _opens_on_head(member: _Definition) -> bool:
    """Whether the body's first line is also the last of the head, as with braces."""
    body = member.body
    assert body is not None
    return body.child_count > 0 and body.children[0].type == "{"


def _documentation(source: _Source, each: _Definition) -> tuple[str, frozenset[int]]:
    """What a definition says about itself, and the rows that hold nothing else."""
    if not source.language.docstrings:
        if not each.comments:
            return "", frozenset()
        rows = frozenset(row for node in each.comments for row in range(node.start_point.row, _last_row(node) + 1))
        prose = comment_prose("\n".join(source.string(node) for node in each.comments))
        return ("", frozenset()) if is_licence(prose) else (prose, rows)
    if each.body is None:
        if each.kind == "constant" and each.comments:
            rows = frozenset(row for node in each.comments for row in range(node.start_point.row, _last_row(node) + 1))
            return comment_prose("\n".join(source.string(node) for node in each.comments)), rows
        return "", frozenset()
    return _docstring(source, each.body)


def _docstring(source: _Source, body: Node) -> tuple[str, frozenset[int]]:
    for index in range(min(body.named_child_count, 8)):  # comments may come first
        child = body.named_child(index)
        if child is None or child.type == "comment":
            continue
        if child.type == "expression_statement" and child.named_child_count == 1:
            child = child.named_child(0)
        if child is not None and child.type == "string":
            rows = range(child.start_point.row, child.end_point.row + 1)
            alone = not source.lines[rows[0]][: child.start_point.column].strip()
            return docstring_prose(source.string(child)), frozenset(rows) if alone else frozenset()
        break
    return "", frozenset()


def _between(source: _Source, covered: list[tuple[int, int]]) -> Iterator[Unit]:
    """The module, which is the file's head, and chunks of all the rows that no definition has."""
    gaps, row = [], 0
    for start, end in sorted(covered):
        if start > row:
            gaps.append((row, start))
        row = max(row, end)
    gaps.append((row, len(source.lines)))
    stretches = [each for first, last in gaps for each in _stretches(source.lines, first, last)]
    stretches = [(first, last) for first, last in stretches if _WORD.search("\n".join(source.lines[first:last]))]
    first_row = min((start for start, _ in covered), default=len(source.lines))
    head = next((stretch for stretch in stretches if stretch[1] <= first_row), None)
    yield _module(source, head)
    for first, last in stretches:
        if (first, last) != head:
            yield _chunk(source.lines, first, last, source.path, source.language.name)


def _module(source: _Source, head: tuple[int, int] | None) -> Unit:
    pure = PurePosixPath(source.path)
    name = pure.parent.name if pure.stem in ("__init__", "mod", "index") and pure.parent.name else pure.stem
    doc, doc_rows = _docstring(source, source.root) if source.language.docstrings else _opening_comment(source)
    first, last = head or (0, 0)  # a file that begins with a definition has nothing of its own to say
    rows = range(first, last)
    text = "\n".join(source.lines[row] for row in rows)
    return Unit(
        kind="module",
        name=name,
        qualified_name=name,
        signature="",
        doc=doc,
        path=source.path,
        language=source.language.name,
        line=first + 1,
        top_line=first + 1,
        end_line=max(last, first + 1),
        text=text,
        code="\n".join(source.lines[row] for row in rows if row not in doc_rows),
    )


def _opening_comment(source: _Source) -> tuple[str, frozenset[int]]:
    """The comments that a file opens with, the licence excepted."""
    owned = {node.id for each in source.definitions for node in each.comments}
    first = min((each.top_row for each in source.definitions if each.kind not in _SCOPES), default=len(source.lines))
    found: list[Node] = []
    for row in sorted(source.comments):
        node = source.comments[row]
        if node.start_point.row >= min(first, 60):
            break
        if node.id not in owned and source.opens_line(node):
            found.append(node)
    paragraphs: list[list[Node]] = []
    for node in found:
        if paragraphs and _last_row(paragraphs[-1][-1]) + 1 >= node.start_point.row:
            paragraphs[-1].append(node)
        else:
            paragraphs.append([node])
    kept = []
    for paragraph in paragraphs:
        prose = comment_prose("\n".join(source.string(node) for node in paragraph))
        if not is_licence(prose):
            kept.append((prose, paragraph))
    rows = (row for _, nodes in kept for node in nodes for row in range(node.start_point.row, _last_row(node) + 1))
    return "\n\n".join(prose for prose, _ in kept), frozenset(rows)


def _chunk(lines: list[str], first: int, last: int, path: str, language: str) -> Unit:
    text = "\n".join(lines[first:last])
    return Unit(
        kind="chunk",
        name="",
        qualified_name="",
        signature="",
        doc="",
        path=path,
        language=language,
        line=first + 1,
        top_line=first + 1,
        end_line=last,
        text=text,
        code=text,
    )


def _stretches(lines: list[str], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Cut rows [first, last) into pieces of at most a chunk's size, at the blank line nearest to its end."""
    while first < last:
        if not lines[first].strip():
            first += 1
            continue
        end, num_chars = first, 0
        while end < last and end - first < _CHUNK_LINES and (end == first or num_chars < _CHUNK_CHARS):
            num_chars += len(lines[end]) + 1
            end += 1
        if end < last:
            cut = next((row for row in range(end, first + _CHUNK_LINES // 2, -1) if _parts(lines, row)), end)
            end = cut
        stop = end
        while not lines[stop - 1].strip():
            stop -= 1
        yield first, stop
        first = end


def _parts(lines: list[str], row: int) -> bool:
    """Whether a text may be cut before a row: a blank line is above it, or it is a heading."""
    return not lines[row - 1].strip() or lines[row].startswith("#")


def _bounded(lines: list[str], first: int, end: int) -> int:
    """The row after the last one that fits into a unit's text."""
    if end - first <= 40:
        return end
    num_chars, row = 0, first
    while row < end and row - first < _MAX_UNIT_LINES and num_chars < _MAX_UNIT_CHARS:
        num_chars += len(lines[row]) + 1
        row += 1
    return row


def _signature(head: str) -> str:
    """A definition's head on one line."""
    line = " ".join(head.split()).rstrip("{:= ").replace("( ", "(").replace(", )", ")").replace(" )", ")")
    return line if len(line) <= _MAX_SIGNATURE_CHARS else line[: _MAX_SIGNATURE_CHARS - 1] + "…"


def _last_row(node: Node) -> int:
    """The last row that a node has something in; some grammars count the line end to it."""
    end = node.end_point
    return end.row - 1 if end.column == 0 and end.row > node.start_point.row else end.row


def _numbered(units: list[Unit]) -> list[Unit]:
    """Tell units of one path, kind, name and text apart, by their order."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for index, unit in enumerate(units):
        key = (unit.kind, unit.qualified_name, unit.text)
        if seen[key]:
            values = {name: getattr(unit, name) for name in Unit.__dataclass_fields__}
            units[index] = Unit(**{**values, "ordinal": seen[key]})
        seen[key] += 1
    return units
