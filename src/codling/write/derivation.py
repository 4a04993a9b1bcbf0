"""How a program came about, for people: its tree in the order in which it grew, and where each node stands."""

from __future__ import annotations

import ast
import dataclasses
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from codling.trees.grammar.asdl import Production, Schema
from codling.trees.grammar.building import build_ast
from codling.trees.grammar.tree import Action, Close, Derivation, Tree, Value, tree_of
from codling.write.beam import Grown, Taken
from codling.write.ways import Way

__all__ = ["Source", "Step", "derivation"]

Source = Literal["grammar", "known", "copied", "spelt", "forced"]
"""Where an action comes from: the grammar's productions; the texts that the model knows; the description; pieces and
words one after the other; or nowhere, because the search had to stop."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a program, in the order in which they were taken."""

    kind: Literal["node", "token", "end"]
    "A production, a text, or the end of a list."
    label: str
    "The constructor's name, the text, or nothing."
    parent: int
    "The step that opened the slot; -1 for the root."
    field: str
    "Of the parent; empty at the root."
    type: str
    "That the grammar asks for there."
    source: Source
    probability: float
    "Given all steps before it; 0 where it was forced."
    weights: tuple[float, ...]
    "How much it looked at each word of the description."
    parts: tuple[tuple[str, bool], ...]
    "What a text was spelt from, and whether that was copied."
    span: tuple[int, int] | None
    "Characters of the code from and to which it stands; None for what has no place of its own."


_DEFINITIONS = ("FunctionDef", "AsyncFunctionDef", "ClassDef")
_HEAD = re.compile(r"(?<!\S)(?:async def|def|class) ")
"What stands before the name of a definition, behind its decorators."


def derivation(schema: Schema, grown: Grown) -> list[Step]:
    """The steps that wrote a program of a language.

    Returns:
        As many as it has actions. A node's span holds those of its children.
    """
    spans = _spans(tree_of(schema, grown.actions), grown.code)
    steps: list[Step] = []
    state = Derivation.start(schema)
    for number, (action, taken) in enumerate(zip(grown.actions, grown.taken, strict=True)):
        slot = state.slot
        assert slot is not None
        field = slot.field.name if slot.field is not None else ""
        is_node = isinstance(action, Production)
        steps.append(
            Step(
                kind="node" if is_node else "end" if isinstance(action, Close) else "token",
                label=_label(action),
                parent=slot.parent,
                field=field,
                type=slot.type,
                source=_source(taken, is_node),
                probability=0.0 if taken.way is None else min(1.0, math.exp(taken.log_prob)),
                weights=tuple(float(each) for each in grown.seen_AN[number]),
                parts=taken.parts,
                span=spans[number],
            )
        )
        state = state.take(action)
    return _with_tokens(steps, grown.code)


def _label(action: Action) -> str:
    if isinstance(action, Production):
        return action.constructor.name
    return action if isinstance(action, str) else ""


def _source(taken: Taken, is_node: bool) -> Source:
    if taken.way is None:
        return "forced"
    if taken.way is Way.COPY:
        return "copied"
    if taken.way is Way.WHOLE:
        return "known"
    return "spelt" if taken.way is Way.END and not is_node else "grammar"


def _spans(tree: Tree, code: str) -> list[tuple[int, int] | None]:
    """Where the nodes of a tree stand in its text, in the order of its actions."""
    built: dict[int, Any] = {}
    module = build_ast(tree, lambda node, made: built.__setitem__(id(node), made))
    parsed = dict(zip(map(id, ast.walk(module)), ast.walk(ast.parse(code)), strict=True))
    offsets = _Offsets(code)
    return [
        offsets.of(_placed(built[id(value)], parsed)) if isinstance(value, Tree) else None for value in _values(tree)
    ]


def _values(tree: Tree) -> Iterator[Value | None]:
    """What each action of a tree made, in order; None for the ends of lists."""
    waiting: list[Value | None] = [tree]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, Tree):
            for child in reversed(value.children):
                waiting.extend((None, *reversed(child)) if isinstance(child, tuple) else (child,))


def _placed(made: Any, parsed: dict[int, ast.AST]) -> Iterator[ast.AST]:
    """The nodes that have positions, among what a node was built into."""
    if isinstance(made, (tuple, list)):
        for each in made:
            yield from _placed(each, parsed)
    elif id(made) in parsed:  # some are built for a part of them only
        yield from _with_positions(parsed[id(made)])


def _with_positions(node: ast.AST) -> Iterator[ast.AST]:
    if hasattr(node, "lineno"):
        yield from getattr(node, "decorator_list", ())  # they stand before their function's position
        yield node
    else:
        for child in ast.iter_child_nodes(node):
            yield from _with_positions(child)


class _Offsets:
    """Positions of ``ast``, lines and bytes, as offsets in characters."""

    def __init__(self, code: str) -> None:
        self._lines = [line.encode("utf-8", "surrogatepass") for line in code.split("\n")]
        self._starts = [0, *accumulate(len(line) + 1 for line in code.split("\n"))]

    def of(self, nodes: Iterator[ast.AST]) -> tuple[int, int] | None:
        """From the first of some nodes to the last; None for none."""
        found = [
            (self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]
            for node in nodes
        ]
        return (min(start for start, _ in found), max(end for _, end in found)) if found else None

    def _at(self, line: int, column: int) -> int:
        before = self._lines[line - 1][:column]
        return self._starts[line - 1] + len(before.decode("utf-8", "replace"))


def _with_tokens(steps: list[Step], code: str) -> list[Step]:
    """Give tokens the place of their text behind what their node has already; children do not leave their parents."""
    placed: list[Step] = []
    ends: dict[int, int] = {}  # by step, how far its node has been written
    for step in steps:
        span = step.span
        around = placed[step.parent].span if step.parent >= 0 else (0, len(code))
        if step.kind == "token" and around is not None:
            begin = ends.get(step.parent, around[0])
            if steps[step.parent].label in _DEFINITIONS and (head := _HEAD.search(code, *around)):
                begin = head.end()
            at = code.find(step.label, begin, around[1])
            span = (at, at + len(step.label)) if at >= 0 and step.label else around
        elif span is not None and around is not None and not around[0] <= span[0] <= span[1] <= around[1]:
            span = around  # within f-strings, positions before Python 3.12 are wrong
        placed.append(dataclasses.replace(step, span=span))
        if span is not None and step.parent >= 0:
            ends[step.parent] = max(ends.get(step.parent, 0), span[1])
    return placed
