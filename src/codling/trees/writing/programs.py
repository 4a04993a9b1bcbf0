"""Small programs with descriptions and input–output examples, drawn from a grammar of tasks.

Numbers, lists and strings; a task is an expression over named inputs, put together from operations that have a piece of
code and several ways to say it. Some ways leave open what they mean (sorted, but up or down?), as people's do: only
examples tell.

In the spirit of AlgoLisp: Polosukhin & Skidanov 2018, *Neural program search: solving programming tasks from
description and examples*. Differs: programs are Python, tasks are drawn from operations and not from course exercises.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from codling.trees.writing.pairs import Pair, read_program

__all__ = ["Task", "tasks"]

NUM_EXAMPLES = 6

_NAMES = {
    "int": ("n", "k", "m", "a", "b", "limit", "size"),
    "list": ("xs", "nums", "values", "items", "data", "numbers"),
    "str": ("s", "text", "line", "word", "name"),
}
_SAID = {"int": "a number", "list": "a list of numbers", "str": "a string"}


@dataclass(frozen=True, slots=True)
class _Operation:
    """What it gives, what it takes, its code with {0}, {1} for what it takes, and ways to say it."""

    gives: str
    takes: tuple[str, ...]
    code: str
    ways: tuple[str, ...]


def _operation(gives: str, takes: str, code: str, *ways: str) -> _Operation:
    return _Operation(gives, tuple(takes.split()), code, ways)


_OPERATIONS = (
    _operation("int", "int int", "{0} + {1}", "the sum of {0} and {1}", "{0} plus {1}", "{0} increased by {1}"),
    _operation("int", "int int", "{0} - {1}", "the difference of {0} and {1}", "{0} minus {1}", "{0} less {1}"),
    _operation("int", "int int", "abs({0} - {1})", "the distance of {0} and {1}", "the difference of {0} and {1}"),
    _operation("int", "int int", "{0} * {1}", "the product of {0} and {1}", "{0} times {1}"),
    _operation("int", "int int", "max({0}, {1})", "the larger of {0} and {1}", "the maximum of {0} and {1}"),
    _operation("int", "int int", "min({0}, {1})", "the smaller of {0} and {1}", "the minimum of {0} and {1}"),
    _operation("int", "int", "{0} ** 2", "the square of {0}", "{0} squared", "{0} to the power of two"),
    _operation("int", "int", "2 * {0}", "twice {0}", "the double of {0}", "{0} doubled"),
    _operation("int", "int", "{0} % 10", "the last digit of {0}", "the remainder of {0} by ten"),
    _operation("int", "int", "sum(range({0} + 1))", "the sum of the numbers up to {0}"),
    _operation("int", "list", "sum({0})", "the sum of {0}", "the total of {0}", "all of {0} added up"),
    _operation("int", "list", "max({0})", "the largest of {0}", "the maximum of {0}", "the biggest element of {0}"),
    _operation("int", "list", "min({0})", "the smallest of {0}", "the minimum of {0}", "the least element of {0}"),
    _operation("int", "list", "max({0}) - min({0})", "the range of {0}", "the spread of {0}"),
    _operation("int", "list", "len({0})", "the length of {0}", "how many elements {0} has", "the size of {0}"),
    _operation("int", "list", "len(set({0}))", "how many different elements {0} has", "the number of distinct {0}"),
    _operation("int", "list", "{0}[0]", "the first element of {0}", "the first of {0}", "the head of {0}"),
    _operation("int", "list", "{0}[-1]", "the last element of {0}", "the last of {0}", "the end of {0}"),
    _operation("int", "list int", "{0}.count({1})", "how often {1} occurs in {0}", "the number of {1} in {0}"),
    _operation("int", "list int", "sum((x > {1} for x in {0}))", "how many of {0} are above {1}"),
    _operation("list", "list", "sorted({0})", "{0} in ascending order", "{0} sorted", "{0} in order"),
    _operation("list", "list", "sorted({0}, reverse=True)", "{0} in descending order", "{0} sorted", "{0} in order"),
    _operation("list", "list", "{0}[::-1]", "{0} reversed", "{0} backwards", "{0} from the end to the start"),
    _operation("list", "list", "{0}[1:]", "{0} without its first element", "all but the first of {0}"),
    _operation("list", "list", "{0}[:-1]", "{0} without its last element", "all but the last of {0}"),
    _operation("list", "list", "{0}[::2]", "every second element of {0}", "every other element of {0}"),
    _operation("list", "list", "sorted(set({0}))", "the different elements of {0} in order", "{0} without duplicates"),
    _operation("list", "list", "[x ** 2 for x in {0}]", "the squares of {0}", "each element of {0} squared"),
    _operation("list", "list", "[2 * x for x in {0}]", "each element of {0} doubled", "twice each of {0}"),
    _operation("list", "list", "[abs(x) for x in {0}]", "the absolute values of {0}", "{0} without signs"),
    _operation("list", "list", "[-x for x in {0}]", "{0} with the signs changed", "the negatives of {0}"),
    _operation("list", "list", "[x for x in {0} if x > 0]", "the positive elements of {0}", "{0} above zero"),
    _operation("list", "list", "[x for x in {0} if x % 2 == 0]", "the even elements of {0}", "the even ones of {0}"),
    _operation("list", "list", "[x for x in {0} if x % 2]", "the odd elements of {0}", "the odd ones of {0}"),
    _operation(
        "list", "list int", "[x + {1} for x in {0}]", "{0} with {1} added to each element", "each of {0} plus {1}"
    ),
    _operation(
        "list", "list int", "[x for x in {0} if x > {1}]", "the elements of {0} above {1}", "{0} larger than {1}"
    ),
    _operation("list", "list int", "[x for x in {0} if x < {1}]", "the elements of {0} below {1}", "{0} less than {1}"),
    _operation("list", "list int", "[x for x in {0} if x != {1}]", "{0} without {1}", "{0} with {1} taken out"),
    _operation("list", "list list", "{0} + {1}", "{0} followed by {1}", "{0} and {1} joined"),
    _operation("list", "list list", "[a + b for a, b in zip({0}, {1})]", "the sums of the pairs of {0} and {1}"),
    _operation("list", "list list", "[x for x in {0} if x in {1}]", "the elements of {0} that are in {1}"),
    _operation("list", "str", "[len(w) for w in {0}.split()]", "the lengths of the words of {0}"),
    _operation("int", "str", "len({0})", "the length of {0}", "the number of characters of {0}", "the size of {0}"),
    _operation("int", "str", "len({0}.split())", "the number of words of {0}", "how many words {0} has"),
    _operation(
        "int", "str", "sum((c in 'aeiou' for c in {0}))", "the number of vowels of {0}", "how many vowels {0} has"
    ),
    _operation("str", "str", "{0}.upper()", "{0} in upper case", "{0} in capitals"),
    _operation("str", "str", "{0}.lower()", "{0} in lower case", "{0} in small letters"),
    _operation("str", "str", "{0}.title()", "{0} with each word capitalized", "{0} in title case"),
    _operation("str", "str", "{0}[::-1]", "{0} reversed", "{0} backwards", "{0} from the end to the start"),
    _operation("str", "str", "{0}.replace(' ', '')", "{0} without spaces", "{0} with the spaces removed"),
    _operation("str", "str", "{0}.replace(' ', '_')", "{0} with underscores for spaces"),
    _operation("str", "str", "' '.join({0}.split()[::-1])", "the words of {0} in reverse order"),
    _operation(
        "str", "str", "' '.join(sorted({0}.split()))", "the words of {0} in alphabetical order", "{0} with sorted words"
    ),
    _operation("str", "str", "max({0}.split(), key=len)", "the longest word of {0}"),
    _operation("str", "str", "''.join((w[0] for w in {0}.split()))", "the initials of {0}", "the first letters of {0}"),
    _operation("str", "str", "''.join((c for c in {0} if c not in 'aeiou'))", "{0} without vowels"),
    _operation("str", "str int", "{0} * {1}", "{0} repeated {1} times", "{1} copies of {0}"),
    _operation("str", "str int", "{0}[:{1}]", "the first {1} characters of {0}", "{0} cut to {1} characters"),
    _operation("str", "str str", "{0} + ' ' + {1}", "{0} and {1} with a space between", "{0}, a space, and {1}"),
    _operation("str", "list", "', '.join(map(str, {0}))", "{0} as text with commas", "{0} joined with commas"),
)
_WORDS = ("apple", "tree", "Ada", "loves", "deep", "blue", "sea", "one", "two", "Kiwi", "under", "a", "go", "river")
_ASKS = ("return {0}", "compute {0}", "give {0}", "find {0}", "what is {0}", "{0}")


@dataclass(frozen=True, slots=True)
class Task:
    """A description, the program that was meant, and what it gives for some inputs, by name."""

    text: str
    code: str
    examples: tuple[tuple[dict[str, Any], Any], ...]
    shape: str
    "The program with types for the names of its inputs, and no numbers: programs of other shapes are unseen ones."
    depth: int
    "Operations within one another."

    @property
    def pair(self) -> Pair:
        return Pair(self.text, self.code, read_program(self.code))


@dataclass(frozen=True, slots=True)
class _Made:
    code: str
    said: str
    shape: str
    depth: int
    "Operations within one another; 0 for a name or a number, which needs no brackets."


def tasks(seed: int, depth: int = 3) -> Iterator[Task]:
    """Tasks without end, each program (its inputs' names aside) as often as it is drawn.

    Args:
        depth: operations within one another at most.
    """
    rng = random.Random(seed)
    while True:
        task = _task(rng, depth)
        if task is not None:
            yield task


def _task(rng: random.Random, depth: int) -> Task | None:
    inputs: dict[str, str] = {}
    made = _make(rng, rng.choice(("int", "list", "list", "str")), rng.randint(1, depth), inputs)
    if not inputs or made.depth == 0:
        return None
    examples = _examples(rng, made.code, inputs)
    if examples is None:
        return None
    given = [f"{_SAID[kind]} `{name}`" for name, kind in inputs.items()]
    text = rng.choice(_ASKS).format(made.said)
    if rng.random() < 0.7:
        text = f"given {' and '.join(given)}, {text}"
    return Task(text, made.code, examples, made.shape, made.depth)


def _make(rng: random.Random, gives: str, depth: int, inputs: dict[str, str]) -> _Made:
    """An expression of a type; a new input, or one that is there, at the leaves."""
    if depth == 0 or (depth < 2 and gives == "int" and rng.random() < 0.3):
        return _leaf(rng, gives, inputs)
    fitting = [each for each in _OPERATIONS if each.gives == gives]
    operation = rng.choice(fitting)
    deep = rng.randrange(len(operation.takes))
    parts = [_make(rng, kind, depth - 1 if i == deep else 0, inputs) for i, kind in enumerate(operation.takes)]
    code = operation.code.format(*(f"({each.code})" if each.depth else each.code for each in parts))
    said = rng.choice(operation.ways).format(*(each.said for each in parts))
    shape = operation.code.format(*(each.shape for each in parts))
    return _Made(code, said, shape, 1 + max(each.depth for each in parts))


def _leaf(rng: random.Random, gives: str, inputs: dict[str, str]) -> _Made:
    if gives == "int" and rng.random() < 0.4:
        number = str(rng.randint(2, 9))
        return _Made(number, number, "0", 0)
    known = [name for name, kind in inputs.items() if kind == gives]
    if not known or (len(known) < 2 and rng.random() < 0.5):
        name = rng.choice([each for each in _NAMES[gives] if each not in inputs])
        inputs[name] = gives
    else:
        name = rng.choice(known)
    return _Made(name, f"`{name}`", gives, 0)


def _examples(rng: random.Random, code: str, inputs: dict[str, str]) -> tuple[tuple[dict[str, Any], Any], ...] | None:
    """Inputs and what the program gives for them; None for a program that fails, or gives always the same."""
    compiled = compile(code, "<task>", "eval")
    found = []
    for _ in range(NUM_EXAMPLES):
        values = {name: _value(rng, kind) for name, kind in inputs.items()}
        try:
            found.append((values, eval(compiled, dict(values))))  # our own operations, nothing else
        except (ValueError, IndexError, ZeroDivisionError, NameError):
            return None
    results = [repr(result) for _, result in found]
    short = all(len(each) < 200 for each in results)
    return tuple(found) if short and len(set(results)) > NUM_EXAMPLES // 2 else None


def _value(rng: random.Random, kind: str) -> Any:
    if kind == "int":
        return rng.randint(1, 9)
    if kind == "list":
        return [rng.randint(-9, 20) for _ in range(rng.randint(2, 7))]
    return " ".join(rng.choices(_WORDS, k=rng.randint(1, 4)))
