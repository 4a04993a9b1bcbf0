"""Programs as trees of productions, and as the actions that derive them.

A derivation fills slots from left to right, depth first. An action is a production (into a slot of its type), a text
(into a slot for tokens), or CLOSE, which ends a list. Derivations are persistent: taking an action gives a new one and
leaves the old one as it was, so that a beam forks for free.

Rabinovich, Stern & Klein 2017; Yin & Neubig 2017, *A syntactic neural model for general-purpose code generation*, and
2018, *TranX*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from codling.errors import InputError
from codling.trees.grammar.asdl import Field, Production, Schema

__all__ = ["CLOSE", "Action", "Close", "Derivation", "Slot", "Tree", "Value", "actions_of", "tree_of"]


class Close(Enum):
    """The action that ends a list."""

    CLOSE = "close"


CLOSE = Close.CLOSE


@dataclass(frozen=True, slots=True)
class Tree:
    """A node: a production, and a value for each of its fields; a list where the field is one."""

    production: Production
    children: tuple[Value | tuple[Value, ...], ...]

    def child(self, name: str) -> Value | tuple[Value, ...] | None:
        """The value of a field, None where it is not there."""
        for field, child in zip(self.production.fields, self.children, strict=True):
            if field.name == name:
                return child
        return None


Value = Tree | str
"What one slot holds: a node, or the text of a token."

Action = Production | str | Close


@dataclass(frozen=True, slots=True)
class Slot:
    """A place to be filled, and those that wait after it."""

    field: Field | None
    "None for the root."
    type: str
    parent: int
    "The number that the action which opened it was taken under, -1 for the root."
    parent_production: Production | None
    filled: int
    "Elements already there, for a list; 0 otherwise."
    rest: Slot | None

    @property
    def may_close(self) -> bool:
        return self.filled > 0


@dataclass(frozen=True, slots=True)
class Derivation:
    """A tree that is being built: the slot to fill next, and the actions so far."""

    schema: Schema
    slot: Slot | None
    "None when the tree is complete."
    num_actions: int
    last: tuple[Action, Derivation] | None

    @staticmethod
    def start(schema: Schema, type_name: str = "module") -> Derivation:
        slot = Slot(field=None, type=type_name, parent=-1, parent_production=None, filled=0, rest=None)
        return Derivation(schema, slot, 0, None)

    @property
    def complete(self) -> bool:
        return self.slot is None

    def take(self, action: Action, number: int | None = None) -> Derivation:
        """Fill the next slot.

        Args:
            number: what the slots that the action opens give as their parent; by default how many were taken before.

        Raises:
            InputError: the slot does not take the action.
        """
        slot = self.slot
        if slot is None:
            raise InputError("the tree is complete: no further action")
        rest: Slot | None
        if isinstance(action, Close):
            if not slot.may_close:
                raise InputError(f"{_place(slot)} cannot end here")
            rest = slot.rest
        else:
            if isinstance(action, str) != (slot.type in self.schema.tokens):
                raise InputError(f"{_place(slot)} takes no {'text' if isinstance(action, str) else action.name}")
            rest = slot.rest
            if slot.field is not None and slot.field.many:
                rest = Slot(slot.field, slot.type, slot.parent, slot.parent_production, slot.filled + 1, slot.rest)
            if isinstance(action, Production):
                if not self.schema.allows(slot.type, action):
                    raise InputError(f"{_place(slot)} takes no {action.name}")
                for field in reversed(action.fields):
                    rest = Slot(field, field.type, self.num_actions if number is None else number, action, 0, rest)
        return Derivation(self.schema, rest, self.num_actions + 1, (action, self))

    def actions(self) -> list[Action]:
        """All that were taken, the first one first."""
        found: list[Action] = []
        step = self
        while step.last is not None:
            action, step = step.last
            found.append(action)
        return found[::-1]


def actions_of(tree: Tree) -> Iterator[Action]:
    """The actions that derive a tree."""
    waiting: list[Value | Close] = [tree]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, Tree):
            yield value
            continue
        yield value.production
        for child in reversed(value.children):
            if isinstance(child, tuple):
                waiting.append(CLOSE)
                waiting.extend(reversed(child))
            else:
                waiting.append(child)


def tree_of(schema: Schema, actions: Iterable[Action], type_name: str = "module") -> Tree:
    """The tree that actions derive.

    Raises:
        InputError: an action does not fit its slot, or the tree is not complete after the last.
    """
    derivation = Derivation.start(schema, type_name)
    taken = []
    for action in actions:
        derivation = derivation.take(action)
        taken.append(action)
    if not derivation.complete:
        raise InputError("the actions end before the tree is complete")
    return _build(taken)


@dataclass(slots=True)
class _Open:
    """A node with fields yet to fill."""

    production: Production
    children: list[Value | tuple[Value, ...]]
    elements: list[Value]


def _build(actions: list[Action]) -> Tree:
    """Without recursion: expressions can be thousands of operators deep."""
    stack: list[_Open] = []
    for action in actions:
        done: Value | None = None
        if isinstance(action, Production):
            if action.fields:
                stack.append(_Open(action, [], []))
                continue
            done = Tree(action, ())
        elif isinstance(action, str):
            done = action
        while stack:
            top = stack[-1]
            if done is None:  # CLOSE
                top.children.append(tuple(top.elements))
                top.elements = []
            elif top.production.fields[len(top.children)].many:
                top.elements.append(done)
                break
            else:
                top.children.append(done)
            if len(top.children) < len(top.production.fields):
                break
            done = Tree(top.production, tuple(top.children))
            stack.pop()
    assert isinstance(done, Tree)
    return done


def _place(slot: Slot) -> str:
    if slot.field is None or slot.parent_production is None:
        return "the root"
    return f"{slot.parent_production.constructor.name}.{slot.field.name}"
