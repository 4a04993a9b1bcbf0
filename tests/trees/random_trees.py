"""Trees drawn from the grammar alone: any production wherever it may stand."""

from __future__ import annotations

import functools
import random

from codling.trees.grammar import CLOSE, PYTHON, Derivation, Production, Tree, tree_of

TEXTS = {
    "identifier": ["x", "f", "name_1", "ß"],
    "dotted": ["os", "os.path"],
    "string": ["", "a", 'it\'s "q"\n', "{x}", "\\", "🐟"],
    "bytes": ["", "\xff\n", "b"],
    "int": ["0", "12", "0x1f"],
    "float": ["1.5", "1e+300", "inf"],
    "complex": ["2.0"],
    "level": ["1", "2"],
}
LATER = {"TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"}
"What only newer Pythons have."


@functools.cache
def choices(type_name: str) -> list[Production]:
    return [
        each
        for each in PYTHON.productions(type_name)
        if each.constructor.name not in LATER and "type_params" not in each.present
    ]


@functools.cache
def costs() -> dict[str, int]:
    """The fewest actions that a type takes."""
    found = dict.fromkeys(PYTHON.types, 10**6)
    for _ in range(20):
        for name in found:
            found[name] = min((cost(each, found) for each in choices(name)), default=10**6)
    return found


def cost(production: Production, known: dict[str, int]) -> int:
    return 1 + sum(known.get(field.type, 1) for field in production.fields)


def random_tree(rng: random.Random, budget: int = 12) -> Tree:
    """A module; beyond the budget of actions, the smallest productions are taken."""
    derivation = Derivation.start(PYTHON)
    while derivation.slot is not None:
        slot, late = derivation.slot, derivation.num_actions > budget
        if slot.may_close and (late or rng.random() < 0.6):
            derivation = derivation.take(CLOSE)
        elif slot.type in PYTHON.tokens:
            derivation = derivation.take(rng.choice(TEXTS[slot.type]))
        else:
            fitting = choices(slot.type)
            if late:
                least = min(cost(each, costs()) for each in fitting)
                fitting = [each for each in fitting if cost(each, costs()) == least]
            name = rng.choice(sorted({each.constructor.name for each in fitting}))
            derivation = derivation.take(rng.choice([each for each in fitting if each.constructor.name == name]))
    return tree_of(PYTHON, derivation.actions())
