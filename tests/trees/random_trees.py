"""Trees drawn from a grammar alone: any production wherever it may stand."""

from __future__ import annotations

import functools
import random

from codling.trees.grammar import CLOSE, PYTHON, Action, Derivation, Production, Schema, Tree, tree_of

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
JAVA_TEXTS = {
    "identifier": ["x", "f", "name_1", "ß$"],
    "type_identifier": ["T", "String", "$A"],
    "dotted": ["a", "java.util.List"],
    "int": ["0", "12", "0x1fL", "017", "0b1", "1_000"],
    "float": ["1.5", "1e3f", ".5", "1.", "0x1.8p-3"],
    "char": ["a", "\\n", "\\'", '"', "\\u0041"],
    "string": ["", "a b", '\\"', "🐟{x}", "//"],
    "text_block": ['\n  a"b\n', "\n", '\n""\\""\n'],
}
LATER = {"TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"}
"What only newer Pythons have."


@functools.cache
def choices(schema: Schema, type_name: str) -> list[Production]:
    return [
        each
        for each in schema.productions(type_name)
        if schema is not PYTHON or (each.constructor.name not in LATER and "type_params" not in each.present)
    ]


@functools.cache
def costs(schema: Schema) -> dict[str, int]:
    """The fewest actions that a type takes."""
    found = dict.fromkeys(schema.types, 10**6)
    for _ in range(20):
        for name in found:
            found[name] = min((cost(each, found) for each in choices(schema, name)), default=10**6)
    return found


def cost(production: Production, known: dict[str, int]) -> int:
    return 1 + sum(known.get(field.type, 1) for field in production.fields)


def random_tree(rng: random.Random, budget: int = 12) -> Tree:
    """A module of Python; beyond the budget of actions, the smallest productions are taken."""
    return tree_of(PYTHON, random_actions(rng, PYTHON, TEXTS, "module", budget))


def random_actions(
    rng: random.Random, schema: Schema, texts: dict[str, list[str]], type_name: str, budget: int
) -> list[Action]:
    derivation = Derivation.start(schema, type_name)
    while derivation.slot is not None:
        slot, late = derivation.slot, derivation.num_actions > budget
        if slot.may_close and (late or rng.random() < 0.6):
            derivation = derivation.take(CLOSE)
        elif slot.type in schema.tokens:
            derivation = derivation.take(rng.choice(texts[slot.type]))
        else:
            fitting = choices(schema, slot.type)
            if late:
                least = min(cost(each, costs(schema)) for each in fitting)
                fitting = [each for each in fitting if cost(each, costs(schema)) == least]
            name = rng.choice(sorted({each.constructor.name for each in fitting}))
            derivation = derivation.take(rng.choice([each for each in fitting if each.constructor.name == name]))
    return derivation.actions()
