"""Programs that do what examples show: the model proposes, the sandbox decides.

Beams of growing width are searched, and each new program is run on the examples in the order of the model's belief, so
the first that passes is the likeliest one found. One that leaves an input unused is an answer only if no other passes:
with few examples, it often does so by chance. What passes is run again in a fresh process before it is returned.
"""

from __future__ import annotations

import ast
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codling.errors import InputError
from codling.trees.writing.words import Word, words_of
from codling.write.beam import Grown, growing
from codling.write.model import Described
from codling.write.sandbox import Case, Outcome, Sandbox
from codling.write.writer import Candidate, Writer, check

__all__ = ["Example", "Search", "Tried", "names_in_order", "read_example", "same", "search", "searching"]

WIDTHS = (5, 20, 60, 200)
"Beams that are tried one after the other."


@dataclass(frozen=True, slots=True)
class Example:
    """An input and what a program should give for it."""

    case: Case
    value: Any


@dataclass(frozen=True, slots=True)
class Tried:
    """A program and how it did."""

    candidate: Candidate
    passed: int
    "Examples that it gives the right value for."
    failed: Outcome | None
    "What it gave for the first example that it does not pass; None when it passes all."
    outcomes: tuple[Outcome, ...]
    "What it gave for each example."
    right: tuple[bool, ...]
    "Whether that is what the example says."


@dataclass(frozen=True, slots=True)
class Search:
    """How a search for a program went."""

    found: tuple[Tried, ...]
    "Programs that pass all examples, the likeliest first."
    nearest: tuple[Tried, ...]
    "Where none does: those that pass most, and the likeliest of them first."
    num_tried: int
    words: tuple[str, ...]
    ms: float
    model: str


def read_example(text: str) -> Example:
    """An example as people write it: inputs, ``=``, and the value: ``[3, 1]=[1, 3]`` or ``xs=[3, 1], n=2=[1]``.

    Inputs are literals by position, or by name. The value is what stands behind the last ``=`` that has inputs before
    it and a literal behind it.

    Raises:
        InputError: it is not of this form.
    """
    for at in range(len(text) - 1, 0, -1):
        if text[at] != "=":
            continue
        try:
            value = ast.literal_eval(text[at + 1 :].strip())
            call = ast.parse(f"f({text[:at].strip()})", mode="eval").body
            assert isinstance(call, ast.Call)
            args = tuple(ast.literal_eval(each) for each in call.args)
            names = {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg is not None}
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return Example(Case(args, names), value)
    raise InputError(f"{text!r} is no example; write inputs=value with Python's literals, as in '[3, 1]=[1, 3]'")


def search(
    writer: Writer,
    description: str,
    examples: Sequence[Example],
    *,
    limit: int = 1,
    seconds: float = 20.0,
    widths: Sequence[int] = WIDTHS,
    sandbox: Sandbox | None = None,
) -> Search:
    """Find programs that pass all examples.

    Args:
        limit: passing programs that are enough.
        seconds: after which no new program is tried.
        widths: beams that are tried one after the other.
        sandbox: the one to run them in; by default one of its own.

    Raises:
        InputError: no example, or a description without words.
    """
    states = searching(writer, description, examples, limit=limit, seconds=seconds, widths=widths, sandbox=sandbox)
    return deque(states, maxlen=1).pop()


def searching(
    writer: Writer,
    description: str,
    examples: Sequence[Example],
    *,
    limit: int = 1,
    seconds: float = 20.0,
    widths: Sequence[int] = WIDTHS,
    sandbox: Sandbox | None = None,
) -> Iterator[Search]:
    """The same, step by step: how far it has come, for those who watch or may give up; the answer last.

    Returns:
        States; the same object again where nothing has changed.

    Raises:
        InputError: as search.
    """
    if not examples:
        raise InputError("there are no examples to search by")
    started = time.perf_counter()
    words = words_of(check(description, limit, 1))
    if not words:
        raise InputError("the description has no words")
    described = writer.model.describe(words)
    own = Sandbox() if sandbox is None else sandbox
    try:
        passing: list[Tried] = []
        partial: list[Tried] = []
        "What passes, but leaves inputs unused."
        failing: list[Tried] = []

        def state(found: Sequence[Tried]) -> Search:
            nearest = sorted(failing, key=lambda tried: -tried.passed)[:limit]
            num_tried, ms = len(passing) + len(partial) + len(failing), (time.perf_counter() - started) * 1000
            return Search(tuple(found), tuple(nearest), num_tried, described.values, ms, writer.model.name)

        last = state([])
        for candidate in _proposals(writer, described, widths, started + seconds):
            if candidate is not None:
                tried = _try(own, candidate, examples, words)
                passes = passing if _uses_all(candidate.code, examples) else partial
                (passes if tried.failed is None else failing).append(tried)
                last = state(passing)
            yield last
            if len(passing) >= limit:
                break
        passing = (passing + partial)[:limit]
        with Sandbox(timeout_s=own.timeout_s, memory_mb=own.memory_mb) as fresh:
            again = [_try(fresh, tried.candidate, examples, words) for tried in passing]
    finally:
        if sandbox is None:
            own.close()
    yield state([tried for tried in again if tried.failed is None])


def _proposals(writer: Writer, described: Described, widths: Sequence[int], until: float) -> Iterator[Candidate | None]:
    """Programs of ever wider beams, each once; None between the steps of a beam."""
    known: set[str] = set()
    for width in widths:
        found: list[Grown] = []
        for state in growing(writer.model, described, beam=width):
            if time.perf_counter() > until and known:  # the first beam is searched to its end: there is an answer
                return
            found = state
            yield None
        for candidate in writer.ranked(described.words, [each for each in found if each.code not in known]):
            if time.perf_counter() > until and known:
                return
            known.add(candidate.code)
            yield candidate


def _uses_all(code: str, examples: Sequence[Example]) -> bool:
    """Whether a program uses every input that an example names; one without names may use them as it likes."""
    names = {name for example in examples for name in example.case.names}
    return names <= {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _try(sandbox: Sandbox, candidate: Candidate, examples: Sequence[Example], words: Sequence[Word]) -> Tried:
    """Run a program on all examples."""
    order = names_in_order(candidate.code, words)
    outcomes = sandbox.run(candidate.code, [example.case for example in examples], order)
    right = [
        outcome.stopped is None and same(outcome.value, example.value)
        for outcome, example in zip(outcomes, examples, strict=True)
    ]
    failed = next((outcome for outcome, passes in zip(outcomes, right, strict=True) if not passes), None)
    return Tried(candidate, sum(right), failed, tuple(outcomes), tuple(right))


def names_in_order(code: str, words: Sequence[Word]) -> list[str]:
    """The names that a program expects and does not make, as the description has them in order, then as it has."""
    tree = ast.parse(code)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {node.id for node in nodes if isinstance(node.ctx, ast.Store)}
    free = dict.fromkeys(node.id for node in nodes if isinstance(node.ctx, ast.Load) and node.id not in made)
    said = dict.fromkeys(word.value for word in words if word.value in free)
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return [name for name in (*said, *(name for name in free if name not in said)) if name not in calls]


def same(value: Any, right: Any) -> bool:
    """Whether two plain values are the same: of the same type, floats to nine digits, lists for read-out iterators."""
    if isinstance(value, float) and isinstance(right, (int, float)) and not isinstance(right, bool):
        return math.isclose(value, right, rel_tol=1e-9, abs_tol=1e-12) or (value != value and right != right)
    if type(value) is not type(right):
        return False
    if isinstance(value, (list, tuple)):
        return len(value) == len(right) and all(same(one, other) for one, other in zip(value, right, strict=True))
    if isinstance(value, dict):
        return value.keys() == right.keys() and all(same(value[key], right[key]) for key in value)
    return bool(value == right)
