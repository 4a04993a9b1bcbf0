"""Everyday requests with their programs, drawn from a table of what people ask for: files, tables, plots, pages, dates.

An operation has a piece of code and several ways to ask for it; what it works on is mentioned by name, by a literal, or
not at all, and then has its usual name. Operations that follow from each other make one request (``read a csv file and
print the mean of each column``). No public set has such requests with a licence to pass on what was learned from them;
the table, everyday.txt, was written for codling.
"""

from __future__ import annotations

import ast
import functools
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources

from codling.trees.writing.pairs import Pair, read_program

__all__ = ["everyday_pairs", "everyday_table"]

_GET = ("get", "compute", "find", "calculate", "give me", "determine", "")
_PRINT = ("print", "show", "display", "output", "print out")
_AND = (" and ", " and then ", ", then ", ", and ", " and ")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of thing that a request is about; the fields as in the table."""

    usual: str
    names: tuple[str, ...]
    nouns: tuple[str, ...]
    unsaid: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Operation:
    code: str
    takes: tuple[str, ...]
    gives: str
    is_value: bool
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    kinds: dict[str, _Kind] = field(default_factory=dict)
    operations: list[_Operation] = field(default_factory=list)
    takers: dict[str, list[_Operation]] = field(default_factory=lambda: defaultdict(list))
    "Operations by the kind that they take first."


def everyday_pairs(count: int, seed: int = 0) -> Iterator[Pair]:
    """So many requests, no two the same."""
    rng = random.Random(seed)
    table = everyday_table()
    seen: set[str] = set()
    while len(seen) < count:
        text, code = _request(rng, table)
        if text not in seen:
            seen.add(text)
            yield Pair(text, code, read_program(code))


def _request(rng: random.Random, table: _Table) -> tuple[str, str]:
    """One to three operations."""
    operation = rng.choice(table.operations)
    said, code, made = _one(rng, table, operation, None)
    kind = operation.gives
    for _ in range(2):
        followers = table.takers.get(kind, ())
        if made is None or not followers or rng.random() < 0.35:
            break
        operation = rng.choice(followers)
        following, more, made = _one(rng, table, operation, made)
        said, code, kind = said + rng.choice(_AND) + following, f"{code}\n{more}", operation.gives
    if rng.random() < 0.15:
        said = said[:1].upper() + said[1:]
    return said, code


def _one(rng: random.Random, table: _Table, operation: _Operation, made: str | None) -> tuple[str, str, str | None]:
    """What is said of an operation, its code, and the name of what it makes, if another may follow.

    Args:
        made: name of what the operation before made, which this one takes.
    """
    taken = {made} if made else set[str]()
    said, codes = [], []
    for i, kind in enumerate(operation.takes):
        if i == 0 and made is not None:
            said.append(rng.choice(("it", f"`{made}`", made)))
            codes.append(made)
            continue
        mention, code = _mention(rng, table.kinds[kind], taken)
        taken.add(code)
        said.append(mention)
        codes.append(code)
    way = rng.choice(operation.ways)
    leave_out = "[" in way and (made is not None or (rng.random() < 0.4 and _is_usual(table, operation, codes)))
    way = re.sub(r"\[[^\]]*\]", "", way) if leave_out else way.replace("[", "").replace("]", "")
    if leave_out and made is None:
        codes[0] = table.kinds[operation.takes[0]].usual
    text = way.format(*said)
    if not operation.is_value:
        out = None
        if "{out}" in operation.code:
            names = [name for name in _names(table, operation.gives) if name not in taken]
            usual = _usual(table, operation.gives)
            out = usual if usual not in taken and rng.random() < 0.5 else rng.choice(names)
        return text, operation.code.format(*codes, out=out), out
    value = operation.code.format(*codes)
    return _asked(rng, table, operation, text, value)


def _asked(
    rng: random.Random, table: _Table, operation: _Operation, text: str, value: str
) -> tuple[str, str, str | None]:
    """A value as a request: printed, returned, tested, given a name, or as it is."""
    draw = rng.random()
    if text.startswith("whether "):
        text = text.removeprefix("whether ")
        if draw < 0.2:
            return f"print whether {text}", f"print({value})", None
        if draw < 0.4:
            return f"return whether {text}", f"return {value}", None
        return rng.choice(("check if ", "check whether ", "test if ", "see if ")) + text, value, None
    if re.match(r"(?:resize|scale|convert)\b", text):
        name = _usual(table, operation.gives)
        return text, f"{name} = {value}", name
    if draw < 0.3:
        return f"{rng.choice(_PRINT)} {text}", f"print({value})", None
    if draw < 0.42:
        return f"return {text}", f"return {value}", None
    if draw < 0.62 and operation.gives != "value":
        name = rng.choice(_names(table, operation.gives))
        if not re.search(rf"\b{name}\b", value):
            how = rng.choice((f"set `{name}` to {text}", f"store {text} in `{name}`", f"let `{name}` be {text}"))
            return how, f"{name} = {value}", name
    return f"{rng.choice(_GET)} {text}".strip(), value, None


def _mention(rng: random.Random, kind: _Kind, taken: set[str]) -> tuple[str, str]:
    """How a request speaks of a thing, and its code."""
    draw = rng.random()
    if kind.unsaid and draw < 0.35 and kind.usual not in taken:
        return rng.choice(kind.unsaid), kind.usual
    noun = rng.choice(kind.nouns)
    literals = [each for each in kind.literals if each not in taken]
    if literals and draw < 0.75:
        literal = rng.choice(literals)
        plain = literal.strip("'")
        if plain.isidentifier() and rng.random() < 0.5:  # column age
            return (f"{noun} {plain}" if noun else plain), literal
        return literal if literal[0].isdigit() else f"{noun} {literal}".strip(), literal
    name = rng.choice([each for each in kind.names if each not in taken])
    return f"{noun} `{name}`".strip() if rng.random() < 0.8 or not noun else f"{noun} {name}", name


def _is_usual(table: _Table, operation: _Operation, codes: Sequence[str]) -> bool:
    return table.kinds[operation.takes[0]].usual not in codes[1:]


def _usual(table: _Table, kind: str) -> str:
    return table.kinds[kind].usual if kind in table.kinds else "result"


def _names(table: _Table, kind: str) -> tuple[str, ...]:
    return table.kinds[kind].names if kind in table.kinds else ("result", "found", "value")


@functools.cache
def everyday_table() -> _Table:
    """The table as it is written in everyday.txt."""
    table = _Table()
    text = resources.files("codling.trees.writing").joinpath("everyday.txt").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=\S)", text):
        head, *rows = [line.strip() for line in block.splitlines() if line.strip() and not line.startswith("#")] or [""]
        word, _, rest = head.partition(" ")
        if word == "kind":
            name, _, usual = rest.partition(": ")
            said = {key: value for key, _, value in (row.partition(": ") for row in rows)}
            nouns = tuple("" if noun == "_" else noun for noun in said["nouns"].split(", "))
            unsaid = tuple(said["unsaid"].split(", ")) if "unsaid" in said else ()
            names, literals = tuple(said["names"].split()), tuple(said.get("literals", "").split())
            table.kinds[name] = _Kind(usual, names, nouns, unsaid, literals)
        elif word in ("do", "get"):
            takes, _, gives = rows[0].partition(" -> ")
            kinds = () if takes == "nothing" else tuple(takes.split())
            ways = tuple(row.removeprefix("- ") for row in rows[1:])
            operation = _Operation(ast.literal_eval(rest), kinds, gives, word == "get", ways)
            table.operations.append(operation)
            if kinds:
                table.takers[kinds[0]].append(operation)
    return table
