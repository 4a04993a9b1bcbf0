"""The shortest way to end a derivation: for a search that must stop, and still has to answer with a whole program."""

from __future__ import annotations

import functools

from codling.trees.grammar.asdl import Production, Schema
from codling.trees.grammar.tree import CLOSE, Action, Slot

__all__ = ["shortest_action", "shortest_length"]


@functools.cache
def _shortest(schema: Schema) -> dict[str, tuple[int, Production | str]]:
    """For each type, how many actions the smallest value takes, and the first of them.

    Knuth 1977, *A generalization of Dijkstra's algorithm*, by plain iteration: the grammar is small. Of a constructor
    only the production without its optional fields can be smallest, and a list of it takes one element and its end.
    """
    found: dict[str, tuple[int, Production | str]] = {name: (1, text) for name, text in schema.tokens.items()}
    changed = True
    while changed:
        changed = False
        for name, constructors in schema.types.items():
            for constructor in sorted(constructors, key=lambda each: each.name != "Pass"):  # not Return, as short
                production = schema.production(constructor.name, frozenset())
                if any(field.type not in found for field in production.fields):
                    continue
                length = 1 + sum(found[field.type][0] + field.many for field in production.fields)
                if name not in found or length < found[name][0]:
                    found[name] = (length, production)
                    changed = True
    return found


def shortest_action(schema: Schema, slot: Slot) -> Action:
    """The action that leads to the end of a derivation in the fewest steps."""
    return CLOSE if slot.may_close else _shortest(schema)[slot.type][1]


def shortest_length(schema: Schema, slot: Slot | None) -> int:
    """How many actions it takes to fill a slot and all that wait after it."""
    total = 0
    while slot is not None:
        many = slot.field is not None and slot.field.many
        total += many if slot.may_close else _shortest(schema)[slot.type][0] + many
        slot = slot.rest
    return total
