"""Descriptions and programs of a few kinds, enough for a small writer to learn, and names it has not seen."""

from __future__ import annotations

import itertools
import random

from codling.trees.writing.pairs import Pair, read_program

NAMES = ("timeout", "rows", "get_user", "maxSize", "path", "total", "headers", "buffer", "items", "cache")
STRINGS = ("utf-8", "no such file", "a, b", "%s")


def pair(text: str, code: str) -> Pair:
    return Pair(text, code, read_program(code))


def small_pairs() -> list[Pair]:
    pairs = []
    for one, other in itertools.permutations(NAMES, 2):
        pairs.append(pair(f"set {one} to {other}.", f"{one} = {other}"))
        pairs.append(pair(f"call {one} with {other} as argument.", f"{one}({other})"))
    for name, string in itertools.product(NAMES, STRINGS):
        pairs.append(pair(f"if {name} is not '{string}',", f"if {name} != {string!r}:"))
        pairs.append(pair(f'raise {name} with "{string}"', f"raise {name}({string!r})"))
    for name in NAMES:
        pairs.append(pair(f"define the function {name} with an argument x.", f"def {name}(x): pass"))
        pairs.append(pair(f"return {name} and True.", f"return {name}, True"))
    random.Random(0).shuffle(pairs)
    return pairs
