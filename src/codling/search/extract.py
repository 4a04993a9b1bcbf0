"""Source text in, units out. Nothing about a text raises: what does not parse gives what can be read of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import cast

from codling.search.chunks import bounded, chunk, stretches
from codling.search.definitions import CLASS_LIKE, SCOPES, Definition, Source
from codling.search.documentation import docstring, documentation, opening_comment
from codling.search.languages import language_of
from codling.search.unit import Unit, UnitKind

__all__ = ["chunks_of", "units_of"]

_MAX_LINE_CHARS = 500  # on average: beyond it the text was written by a machine, and its definitions are no use
_MAX_SIGNATURE_CHARS = 400
_WORD = re.compile(r"\w")  # a line of brackets alone is no use to anybody
_TYPE_ARGUMENTS = re.compile(r"<[^<>]*>")


def units_of(text: str, path: str) -> list[Unit]:
    """All units of one file, in the order of their lines; every line that is not blank is in at least one of them.

    Args:
        text: the file's content, line ends \\n.
        path: below the root, with / between folders; its suffix decides the language.
    """
    language = language_of(path)
    if language is None or len(text) > _MAX_LINE_CHARS * (text.count("\n") + 1):
        return _numbered(chunks_of(text, path, language.name if language else "text"))
    source = Source(text, path, language)
    return _numbered(sorted(_units(source), key=lambda unit: (unit.top_line, -unit.end_line)))


def chunks_of(text: str, path: str, language: str = "text") -> list[Unit]:
    """A text of no known language as chunks, cut at blank lines and headings where there are some."""
    lines = text.split("\n")
    return [chunk(lines, first, last, path, language) for first, last in stretches(lines, 0, len(lines))]


def _units(source: Source) -> Iterator[Unit]:
    covered: list[tuple[int, int]] = []  # rows that some unit has, in order
    for each in source.definitions:
        if each.kind in SCOPES or (each.in_function and each.body is None and each.kind in ("constant", "function")):
            continue  # a local variable, or a declaration that a grammar took for one of a function
        unit, rows = _unit(source, each)
        yield unit
        covered.append((each.top_row, rows))
    yield from _between(source, covered)


def _unit(source: Source, each: Definition) -> tuple[Unit, int]:
    """One definition as a unit, and the row after the last that its text has."""
    kind = cast(UnitKind, each.kind)
    if kind == "function" and (each.in_class or "::" in each.name):
        kind = "method"
    name = _TYPE_ARGUMENTS.sub("", each.name.replace("::", ".")) if "::" in each.name else each.name
    end = each.end_row + 1
    shown = bounded(source.lines, each.top_row, end)
    rows = _own_rows(each, shown) if kind in CLASS_LIKE else range(each.top_row, shown)
    body_start = each.body.start_byte if each.body is not None else each.node.end_byte
    doc, doc_rows = documentation(source, each)
    head = source.data[each.node.start_byte : body_start].decode("utf-8", "replace")
    if each.kind in CLASS_LIKE and name not in head:
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


def _own_rows(each: Definition, end: int) -> list[int]:
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


def _opens_on_head(member: Definition) -> bool:
    """Whether the body's first line is also the last of the head, as with braces."""
    body = member.body
    assert body is not None
    return body.child_count > 0 and body.children[0].type == "{"


def _between(source: Source, covered: list[tuple[int, int]]) -> Iterator[Unit]:
    """The module, which is the file's head, and chunks of all the rows that no definition has."""
    gaps, row = [], 0
    for start, end in sorted(covered):
        if start > row:
            gaps.append((row, start))
        row = max(row, end)
    gaps.append((row, len(source.lines)))
    rest = [each for first, last in gaps for each in stretches(source.lines, first, last)]
    rest = [(first, last) for first, last in rest if _WORD.search("\n".join(source.lines[first:last]))]
    first_row = min((start for start, _ in covered), default=len(source.lines))
    head = next((stretch for stretch in rest if stretch[1] <= first_row), None)
    yield _module(source, head)
    for first, last in rest:
        if (first, last) != head:
            yield chunk(source.lines, first, last, source.path, source.language.name)


def _module(source: Source, head: tuple[int, int] | None) -> Unit:
    pure = PurePosixPath(source.path)
    name = pure.parent.name if pure.stem in ("__init__", "mod", "index") and pure.parent.name else pure.stem
    doc, doc_rows = docstring(source, source.root) if source.language.docstrings else opening_comment(source)
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


def _signature(head: str) -> str:
    """A definition's head on one line."""
    line = " ".join(head.split()).rstrip("{:= ").replace("( ", "(").replace(", )", ")").replace(" )", ")")
    return line if len(line) <= _MAX_SIGNATURE_CHARS else line[: _MAX_SIGNATURE_CHARS - 1] + "…"


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
