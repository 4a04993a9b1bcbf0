"""What a definition, or a file, says about itself: its docstring, or the comments above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codling.search.definitions import SCOPES, Definition, Source, last_row
from codling.search.prose import comment_prose, docstring_prose, is_licence

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["docstring", "documentation", "opening_comment"]


def documentation(source: Source, each: Definition) -> tuple[str, frozenset[int]]:
    """What a definition says about itself, and the rows that hold nothing else."""
    if not source.language.docstrings:
        if not each.comments:
            return "", frozenset()
        rows = frozenset(row for node in each.comments for row in range(node.start_point.row, last_row(node) + 1))
        prose = comment_prose("\n".join(source.string(node) for node in each.comments))
        return ("", frozenset()) if is_licence(prose) else (prose, rows)
    if each.body is None:
        if each.kind == "constant" and each.comments:
            rows = frozenset(row for node in each.comments for row in range(node.start_point.row, last_row(node) + 1))
            return comment_prose("\n".join(source.string(node) for node in each.comments)), rows
        return "", frozenset()
    return docstring(source, each.body)


def docstring(source: Source, body: Node) -> tuple[str, frozenset[int]]:
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


def opening_comment(source: Source) -> tuple[str, frozenset[int]]:
    """The comments that a file opens with, the licence excepted."""
    owned = {node.id for each in source.definitions for node in each.comments}
    first = min((each.top_row for each in source.definitions if each.kind not in SCOPES), default=len(source.lines))
    found: list[Node] = []
    for row in sorted(source.comments):
        node = source.comments[row]
        if node.start_point.row >= min(first, 60):
            break
        if node.id not in owned and source.opens_line(node):
            found.append(node)
    paragraphs: list[list[Node]] = []
    for node in found:
        if paragraphs and last_row(paragraphs[-1][-1]) + 1 >= node.start_point.row:
            paragraphs[-1].append(node)
        else:
            paragraphs.append([node])
    kept = []
    for paragraph in paragraphs:
        prose = comment_prose("\n".join(source.string(node) for node in paragraph))
        if not is_licence(prose):
            kept.append((prose, paragraph))
    rows = (row for _, nodes in kept for node in nodes for row in range(node.start_point.row, last_row(node) + 1))
    return "\n\n".join(prose for prose, _ in kept), frozenset(rows)
