"""The picture of a plan: batches as columns, nodes as dots, lines to what each node needs."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import numpy as np

from .execute import BatchReport

__all__ = ["picture"]

_MAX_DOTS = 400  # nodes that can be shown one by one
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")  # Tol's bright, for all eyes
_ROW = 11  # pixels between dots
_LEFT, _TOP = 20, 44
_WIDTH = 1360  # two thirds of a common screen
_BARS = 200  # pixels of the highest bar
_STYLE = "text{fill:#444}path{stroke:#888}@media(prefers-color-scheme:dark){text{fill:#ccc}path{stroke:#999}}"


def picture(batches: Sequence[BatchReport], inputs: Callable[[int], list[int]]) -> str:
    """An SVG document.

    Args:
        batches: in the order in which they ran.
        inputs: of a node, those that it needs.
    """
    num = sum(batch.num for batch in batches)
    kinds = list(dict.fromkeys(batch.kind for batch in batches))
    colour = {kind: _COLOURS[i % len(_COLOURS)] for i, kind in enumerate(kinds)}
    step = min(120, max(6, _WIDTH // max(1, len(batches))))
    dots = num <= _MAX_DOTS
    rows = _rows(batches, inputs) if dots else {}
    most = max((batch.num for batch in batches), default=1)
    height = (max(rows.values(), default=0.0) + 1) * _ROW if dots else _BARS
    half = min(step * 0.36, 14.0)
    at: dict[int, tuple[float, float]] = {}
    columns: list[str] = []
    for column, batch in enumerate(batches):
        x = _LEFT + step * (column + 0.5)
        nodes = batch.nodes.tolist() if dots else []
        at |= {node: (x, _TOP + (rows[node] + 0.5) * _ROW) for node in nodes}
        if dots:
            top, bottom = at[nodes[0]][1] - _ROW / 2 - 2, at[nodes[-1]][1] + _ROW / 2 + 2
        else:
            tall = max(2.0, _BARS * float(np.log1p(batch.num) / np.log1p(most)))
            top, bottom = _TOP + (_BARS - tall) / 2, _TOP + (_BARS + tall) / 2
        columns.append(
            f'<rect x="{x - half:.1f}" y="{top:.1f}" width="{2 * half:.1f}" height="{bottom - top:.1f}" rx="5" '
            f'fill="{colour[batch.kind]}" fill-opacity="{0.18 if dots else 0.8}">'
            f"<title>{html.escape(f'{batch.kind.describe()} × {batch.num:,}')}</title></rect>"
        )
        if step >= 7 * len(f"{batch.num:,}") + 4:
            columns.append(f'<text x="{x:.0f}" y="{_TOP + height + 18:.0f}" text-anchor="middle">{batch.num:,}</text>')
    lines = [
        f'<path d="M{at[each][0]:.0f} {at[each][1]:.1f} L{x:.0f} {y:.1f}"/>'
        for node, (x, y) in at.items()
        for each in inputs(node)
        if each in at
    ]
    circles = [
        f'<circle cx="{at[node][0]:.0f}" cy="{at[node][1]:.1f}" r="3.6" fill="{colour[batch.kind]}"/>'
        for batch in batches
        for node in (batch.nodes.tolist() if dots else ())
    ]
    legend, legend_width = _legend([(kind.name, colour[kind]) for kind in kinds])
    title = f"{num:,} operations in {len(batches):,} batches"
    width, bottom = max(2 * _LEFT + step * len(batches), legend_width, 7 * len(title) + 140), _TOP + height + 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {bottom:.0f}" font-family="sans-serif" '
        f'font-size="11"><style>{_STYLE}</style><title>{title}</title>{legend}{"".join(columns)}'
        f'<g stroke-width="0.6" fill="none">{"".join(lines)}</g>{"".join(circles)}'
        f'<text x="{_LEFT}" y="{bottom - 6:.0f}">{title}, left to right; below each, its nodes</text></svg>\n'
    )


def _rows(batches: Sequence[BatchReport], inputs: Callable[[int], list[int]]) -> dict[int, float]:
    """How far down each node stands: amid what it needs, as far as there is room in its column."""
    rows: dict[int, float] = {}
    most = max((batch.num for batch in batches), default=1)
    for batch in batches:
        wanted: list[float] = []
        for node in batch.nodes.tolist():
            above = [rows[each] for each in inputs(node) if each in rows]
            after = wanted[-1] + 1 if wanted else (most - batch.num) / 2
            wanted.append(max(sum(above) / len(above), wanted[-1] + 1 if wanted else 0.0) if above else after)
        below = float(most)
        for i in reversed(range(len(wanted))):  # what was pushed out at the bottom moves up
            wanted[i] = below = min(wanted[i], below - 1)
        rows |= dict(zip(batch.nodes.tolist(), wanted, strict=True))
    return rows


def _legend(names: Sequence[tuple[str, str]]) -> tuple[str, int]:
    """A square and a name for each kind, and how many pixels wide they are."""
    parts, x = list[str](), _LEFT
    for name, colour in names:
        parts.append(f'<rect x="{x}" y="12" width="10" height="10" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="21">{html.escape(name)}</text>')
        x += 30 + 7 * len(name)
    return "".join(parts), x
