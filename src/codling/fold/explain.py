"""What became of a program: how many operations became how many batches, where the time went, and a picture."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import place_text
from .kind import Kind
from .picture import picture
from .tape import Tape

__all__ = ["Explanation", "Row", "explain"]


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
        text = picture([batch for report in self.reports for batch in report.batches], self._tape.inputs)
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
