"""What people see of an environment: rows of cells with cursors, and a few facts; for the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Row", "View", "changes_between"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of cells, each with a short text ("" is blank), and the cursors that stand on it."""

    name: str
    cells: tuple[str, ...]
    cursors: tuple[tuple[str, int], ...] = ()
    "Name and cell of each cursor; a cell of -1 or of the row's length is just outside."
    align: str = "left"
    '"right" where the last cells of the rows stand below each other, as numbers do.'


@dataclass(frozen=True, slots=True)
class View:
    """A picture of an environment as data."""

    rows: tuple[Row, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    "What is no row: a level, the number of moves."

    def to_json(self) -> dict[str, Any]:
        rows = [
            {"name": row.name, "cells": list(row.cells), "cursors": dict(row.cursors), "align": row.align}
            for row in self.rows
        ]
        return {"rows": rows, "facts": dict(self.facts)}


def changes_between(before: View, after: View) -> list[list[Any]]:
    """What turns one view into the next, as a list of changes for JSON.

    ``["cell", row, column, text]``, ``["cursors", row, {name: column}]``, ``["row", row, {a whole row}]`` where a row
    has another length or comes new, ``["rows", number]`` where there are fewer rows, ``["fact", name, text]``.
    """
    changes: list[list[Any]] = []
    if len(after.rows) < len(before.rows):
        changes.append(["rows", len(after.rows)])
    whole: Sequence[dict[str, Any]] | None = None
    for index, row in enumerate(after.rows):
        old = before.rows[index] if index < len(before.rows) else None
        if old == row:
            continue
        if old is None or len(old.cells) != len(row.cells) or (old.name, old.align) != (row.name, row.align):
            whole = whole or after.to_json()["rows"]
            changes.append(["row", index, whole[index]])
            continue
        if old.cells is not row.cells:
            changes += [
                ["cell", index, column, text] for column, text in enumerate(row.cells) if text != old.cells[column]
            ]
        if old.cursors != row.cursors:
            changes.append(["cursors", index, dict(row.cursors)])
    changes += [["fact", name, text] for name, text in after.facts.items() if before.facts.get(name) != text]
    return changes
