"""How a run of a learned program is drawn on a terminal: the environment's rows, the cursors, the stack of calls."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.text import Text

    from codling.npi.trace import Trace
    from codling.npi.view import Row, View

__all__ = ["play", "print_frames"]

_MAX_CELLS = 24  # of a row, around its cursors


def play(trace: Trace, console: Console, delay_s: float) -> None:
    """Draw a run in place, step by step."""
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=False) as live:
        for text, view in _frames(trace):
            live.update(_group(text, view), refresh=True)
            time.sleep(delay_s)
    console.print(_ending(trace), markup=False)


def print_frames(trace: Trace, console: Console) -> None:
    """Print a run: a line for each step, and the environment wherever it has changed."""
    before: View | None = None
    for text, view in _frames(trace):
        console.print(text, markup=False)
        if view is not before:
            for line in _lines(view):
                console.print("    ", line, sep="")
            before = view
    console.print(_ending(trace), markup=False)


def _frames(trace: Trace) -> Iterable[tuple[str, View]]:
    yield f"start  {trace.task.repertoire.text(trace.task.main)}", trace.start
    stack: list[str] = [trace.task.repertoire.text(trace.task.main)]
    for number, (step, view) in enumerate(zip(trace.steps, trace.views, strict=True)):
        mark = ""
        if trace.divergence is not None and trace.divergence.step == number:
            mark = f"   ← its teacher does {trace.divergence.expected}"
        yield f"{number + 1:5}  {_stack(stack)} → {step.text}  {step.probability:.3f}{mark}", view
        if step.does == "call":
            stack.append(step.text)
        elif step.does == "return":
            stack.pop()


def _stack(calls: Sequence[str]) -> str:
    """The stack in one line; what calls itself again and again is counted."""
    groups = [(call, len(list(same))) for call, same in itertools.groupby(calls)]
    words = [call if count == 1 else f"{call} ×{count}" for call, count in groups]
    if len(words) > 6:
        words = [*words[:2], "…", *words[-3:]]
    return " › ".join(words)


def _group(text: str, view: View) -> Group:
    from rich.console import Group
    from rich.text import Text

    return Group(Text(text, overflow="ellipsis", no_wrap=True), Text(""), *_lines(view), Text(""))


def _lines(view: View) -> list[Text]:
    from rich.text import Text

    width = max((len(row.name) for row in view.rows), default=0)
    cell = max((len(cell) for row in view.rows for cell in row.cells), default=1)
    lines = [_row(row, width, cell) for row in view.rows]
    if view.facts:
        lines.append(Text("  ".join(f"{name} {text}" for name, text in view.facts.items()), style="dim"))
    return lines


def _row(row: Row, width: int, cell: int) -> Text:
    """One row; cells under a cursor stand in brackets, and the cursors' names behind."""
    from rich.text import Text

    text = Text(f"{row.name:<{width}}  ", style="bold")
    under = {column for _, column in row.cursors}
    first, last = _window(len(row.cells), under)
    text.append("…" if first else " ", style="dim")
    for column in range(first, last):
        shown = (row.cells[column] or "·").rjust(cell)
        if column in under:
            text.append(f"[{shown}]", style="bold reverse")
        else:
            text.append(f" {shown} ", style="none")
    text.append("…" if last < len(row.cells) else " ", style="dim")
    names = [f"{name} {column}" for name, column in row.cursors if name]
    text.append(f"  {', '.join(names)}", style="dim")
    text.rstrip()
    return text


def _window(num_cells: int, under: set[int]) -> tuple[int, int]:
    """Which cells to show of a row that is too long."""
    if num_cells <= _MAX_CELLS:
        return 0, num_cells
    middle = min(max(under, default=0), num_cells - 1)
    first = min(max(0, middle - _MAX_CELLS // 2), num_cells - _MAX_CELLS)
    return first, first + _MAX_CELLS


def _ending(trace: Trace) -> str:
    outcome = trace.outcome
    assert outcome is not None
    left = ""
    if (divergence := trace.divergence) is not None:
        left = f"; at step {divergence.step + 1:,} it does {divergence.chosen}, its teacher {divergence.expected}"
    if outcome.stopped:
        return f"stopped: {outcome.failure} (see --max-steps){left}"
    if outcome.failure is not None:
        return f"no result: {outcome.failure}{left}"
    proved = ", by a program that is proved" if trace.verified else ""
    wrong = "" if trace.correct else f"; wrong, the answer is {trace.answer}"
    return f"{outcome.result}  ({outcome.num_steps:,} steps{proved}){wrong}{left}"
