"""What became of a program: how many operations became how many batches, where the time went, and a picture."""

from __future__ import annotations

import html
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import place_text
from .kind import Kind
from .tape import Tape

__all__ = ["Explanation", "Row", "explain"]

_MAX_DOTS = 400  # nodes that a picture can show one by one
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")  # Tol's bright, for all eyes


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of operation."""

    operation: str
    nodes: int
    batches: int
    largest: int
    "Nodes of its largest batch."
    gather_s: float
    "Seconds spent on assembling arguments; a kernel's are within its computing."
    compute_s: float
    place: str
    "Where in the program the first of its nodes was made."


class Explanation:
    """A program as it ran, so far: as a table when printed, as a picture in ``svg``."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.reports = list(tape.reports)
        batches = [batch for report in self.reports for batch in report.batches]
        self.num_nodes = sum(batch.num for batch in batches)
        self.num_batches = len(batches)
        self.num_pending = len(tape.kinds) - self.num_nodes
        self.plan_s = sum(report.plan_s for report in self.reports)
        by_kind: defaultdict[Kind, list[Any]] = defaultdict(list)
        for batch in batches:
            by_kind[batch.kind].append(batch)
        self.rows = [
            Row(
                kind.describe(),
                sum(batch.num for batch in those),
                len(those),
                max(batch.num for batch in those),
                sum(batch.gather_s for batch in those),
                sum(batch.compute_s for batch in those),
                place_text(tape.places[int(those[0].nodes[0])]) if tape.places is not None else "",
            )
            for kind, those in by_kind.items()
        ]

    def __str__(self) -> str:
        runs = f" in {len(self.reports)} runs" if len(self.reports) > 1 else ""
        lines = [f"{self.num_nodes:,} operations became {self.num_batches:,} batches{runs}"]
        if self.num_pending:
            lines[0] += f"; {self.num_pending:,} are pending"
        for name in ("depth", "agenda"):
            those = [report for report in self.reports if report.schedule == name]
            if those:
                mine = sum(len(report.batches) for report in those)
                other = "agenda" if name == "depth" else "depth"
                rest = f", where {other} needs {sum(r.other_batches for r in those):,}" if name == "agenda" else ""
                lines.append(f"by {name}: {mine:,} batches{rest}")
        cached = sum(report.cached for report in self.reports)
        known = f", {cached} of {len(self.reports)} plans known from before" if cached else ""
        lines += [f"planning {1e3 * self.plan_s:.1f} ms{known}", ""]
        head = ("nodes", "batches", "largest", "gather ms", "compute ms", "operation", "first made at")
        body = [
            (
                *(f"{number:,}" for number in (row.nodes, row.batches, row.largest)),
                *(f"{1e3 * seconds:.1f}" for seconds in (row.gather_s, row.compute_s)),
                row.operation,
                row.place,
            )
            for row in sorted(self.rows, key=lambda row: -row.gather_s - row.compute_s)
        ]
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        for line in (head, *body):
            numbers = [cell.rjust(width) for cell, width in zip(line[:5], widths, strict=False)]
            lines.append("  ".join([*numbers, line[5].ljust(widths[5]), line[6]]).rstrip())
        return "\n".join(lines)

    def svg(self, path: Path | str | None = None) -> str:
        """The plan as a picture: a column per batch in the order in which they ran, a dot per node, a line from each
        node to those that it needs. Large programs show bars instead of dots.

        Args:
            path: where to write it; None: nowhere.

        Returns:
            The SVG document.
        """
        batches = [batch for report in self.reports for batch in report.batches]
        kinds = list(dict.fromkeys(batch.kind for batch in batches))
        colour = {kind: _COLOURS[i % len(_COLOURS)] for i, kind in enumerate(kinds)}
        dots = self.num_nodes <= _MAX_DOTS
        most = max((batch.num for batch in batches), default=1)
        step = min(120, max(6, 1360 // max(1, len(batches))))  # 1360: two thirds of a common screen
        height = max(most * 11, 60) if dots else 200
        half = min(step * 0.36, 14.0)
        width, top = max(40 + step * len(batches), 420), 44
        parts: list[str] = []
        at: dict[int, tuple[float, float]] = {}
        for column, batch in enumerate(batches):
            x = 20 + step * (column + 0.5)
            tall = batch.num * 11 if dots else max(2.0, 200 * float(np.log1p(batch.num) / np.log1p(most)))
            y = top + (height - tall) / 2
            title = html.escape(f"{batch.kind.describe()} × {batch.num:,}")
            parts.append(
                f'<rect x="{x - half:.1f}" y="{y - 3:.1f}" width="{2 * half:.1f}" height="{tall + 5:.1f}" '
                f'rx="5" fill="{colour[batch.kind]}" fill-opacity="{0.18 if dots else 0.8}">'
                f"<title>{title}</title></rect>"
            )
            if step >= 20:
                parts.append(f'<text x="{x:.0f}" y="{top + height + 18}" text-anchor="middle">{batch.num:,}</text>')
            for row, node in enumerate(batch.nodes.tolist() if dots else ()):
                at[node] = (x, y + 5.5 + 11 * row)
        if dots:
            lines = [
                f'<path d="M{at[each][0]:.0f} {at[each][1]:.1f} L{x:.0f} {y:.1f}"/>'
                for node, (x, y) in at.items()
                for each in self._tape.inputs(node)
                if each in at
            ]
            circles = []
            for batch in batches:
                for node in batch.nodes.tolist():
                    x, y = at[node]
                    circles.append(f'<circle cx="{x:.0f}" cy="{y:.1f}" r="3.6" fill="{colour[batch.kind]}"/>')
            parts += ['<g stroke="#888" stroke-width="0.6" fill="none">', *lines, "</g>", *circles]
        legend, x = list[str](), 20.0
        for kind in kinds:
            legend.append(f'<rect x="{x:.0f}" y="12" width="10" height="10" rx="2" fill="{colour[kind]}"/>')
            legend.append(f'<text x="{x + 15:.0f}" y="21">{html.escape(kind.name)}</text>')
            x += 30 + 7 * len(kind.name)
        title = f"{self.num_nodes:,} operations in {self.num_batches:,} batches"
        total = top + height + 40
        text = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {max(width, x):.0f} {total:.0f}" '
            f'font-family="sans-serif" font-size="11" fill="#444"><title>{title}</title>'
            f'{"".join(legend)}{"".join(parts)}<text x="20" y="{total - 6:.0f}">{title}, left to right</text></svg>\n'
        )
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _repr_svg_(self) -> str:
        return self.svg()


def explain(program: Any) -> Explanation:
    """Explain a program: what ``batching()`` gave, a ``Fold`` after ``apply``, or any of its nodes.

    What is pending is left pending.
    """
    tape = program if isinstance(program, Tape) else program.tape
    return Explanation(tape)
