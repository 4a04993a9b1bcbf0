"""How programs came about: every step has its place in the tree and in the text."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from codling.trees.grammar import PYTHON, actions_of, read_source, write_source
from codling.trees.grammar.asdl import Production
from codling.write import Writer
from codling.write.beam import Grown, Taken
from codling.write.derivation import Step, derivation
from codling.write.ways import Way

SOURCES = {
    "a call": "print('é🐟', x.y.z, *args, key=[1, 2.5], **more)",
    "a function": "@cache\nasync def f(a, /, b: int=2, *c, d, e=(1,), **g) -> None:\n    return await a[b:c, ...]",
    "a class": "class A(B, metaclass=C):\n    x: int = 1\n\n    def f(self):\n        self.x += 1",
    "lambdas and comprehensions": "xs = {k: v for k, v in d.items() if v if k} | {x for x in (lambda a, b=1: a)(1)}",
    "comparisons": "if not 0 <= a < b != c is not None and x in y:\n    pass\nelif -x:\n    del a[0], b.c",
    "f-strings": 'f"{a!r:>{w}} and {b + 1} é"',
    "errors": "try:\n    raise E('x') from e\nexcept (A, B) as error:\n    pass\nfinally:\n    assert x, 'why'",
    "imports": "from .. import a as b, c\nimport os.path as p\nfrom x.y import *\nglobal g, h",
    "a match": "match x:\n    case [1, {'a': b, **c}, A(d, e=None)] | _ if f:\n        pass",
    "loops": "while x:\n    for i, (j, *k) in g:\n        break\n    else:\n        continue\nwith f as g:\n    pass",
    "same names": "x = x.x(x, x=x)[x]",
}


def grown(source: str) -> Grown:
    """As if a search had found it, each action with a probability of a half."""
    actions = tuple(actions_of(read_source(source)))
    ways = [Way.WHOLE if isinstance(each, str) else Way.RULE for each in actions]
    seen = np.full((len(actions), 3), 1 / 3, np.float32)
    taken = tuple(Taken(way, math.log(0.5)) for way in ways)
    return Grown(write_source(read_source(source)), -1.0, actions, seen, taken)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_step_has_its_place_in_the_tree(source: str) -> None:
    found = grown(source)
    steps = derivation(PYTHON, found)
    assert len(steps) == len(found.actions)
    assert (steps[0].parent, steps[0].field) == (-1, "")
    for number, (step, action) in enumerate(zip(steps, found.actions, strict=True)):
        if number:
            above = found.actions[step.parent]
            assert 0 <= step.parent < number and isinstance(above, Production)
            assert step.field in [field.name for field in above.fields]
        assert step.kind == (
            "node" if isinstance(action, Production) else "token" if isinstance(action, str) else "end"
        )
        assert step.source == ("known" if step.kind == "token" else "grammar")
        assert step.probability == pytest.approx(0.5)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_nodes_stand_within_their_parents_and_beside_each_other(source: str) -> None:
    found = grown(source)
    steps = derivation(PYTHON, found)
    for step in steps[1:]:
        around = steps[step.parent].span
        if step.span is not None and around is not None:
            assert around[0] <= step.span[0] <= step.span[1] <= around[1]
    for expression in (step for step in steps if step.label in ("Name", "Call", "Attribute", "Int") and step.span):
        assert expression.span is not None
        ast.parse(text_of(expression, found.code).strip(), mode="eval")


def text_of(step: Step, code: str) -> str:
    assert step.span is not None
    return code[slice(*step.span)]


def test_texts_are_found_where_they_were_written() -> None:
    found = grown(SOURCES["same names"])
    steps = derivation(PYTHON, found)
    places = [step.span for step in steps if step.kind == "token"]
    assert [found.code[slice(*place)] for place in places if place] == ["x"] * 7
    assert len(set(places)) == 7
    assert [place[0] for place in places if place] == [0, 4, 6, 8, 11, 13, 16]


def test_strings_and_statements_have_their_whole_text() -> None:
    found = grown(SOURCES["a call"])
    steps = derivation(PYTHON, found)
    texts = {step.label: text_of(step, found.code) for step in steps if step.kind == "node" and step.span}
    assert texts["Str"] == "'é🐟'"
    assert texts["Module"] == texts["Expr"] == found.code
    assert texts["keyword"] == "key=[1, 2.5]"


@pytest.mark.parametrize("name", ["textwrap", "bisect", "contextlib"])
def test_whole_files_have_derivations(name: str) -> None:
    module = __import__(name)
    found = grown(Path(module.__file__).read_text(encoding="utf-8"))
    steps = derivation(PYTHON, found)
    tokens = [step for step in steps if step.kind == "token" and step.type == "identifier" and step.span]
    exact = sum(text_of(step, found.code) == step.label for step in tokens)
    assert exact == len(tokens)


def test_of_a_program_that_was_written_the_steps_multiply_to_its_probability() -> None:
    writer = Writer()
    best = writer.write("the length of `s`", limit=1, beam=1).candidates[0]  # nothing merges in a beam of one
    steps = derivation(writer.model.lexicon.schema, best.grown)
    assert math.prod(step.probability for step in steps) == pytest.approx(best.probability, rel=1e-5)


def test_spelt_texts_tell_their_parts() -> None:
    writer = Writer()
    found = writer.write("call the function frobnicate_quux_v2 with argument zork_17b", limit=5)
    spelt = [
        step
        for candidate in found.candidates
        for step in derivation(writer.model.lexicon.schema, candidate.grown)
        if step.source == "spelt"
    ]
    for step in spelt:
        assert "".join(part for part, _ in step.parts) == step.label
        assert all(part in found.words for part, is_copied in step.parts if is_copied)


def test_what_a_search_had_to_end_is_forced() -> None:
    from codling.trees.writing.words import words_of
    from codling.write.beam import grow

    writer = Writer()
    described = writer.model.describe(words_of("for every key and value in `counts`, print key and value"))
    (ended, *_) = grow(writer.model, described, max_steps=4)
    steps = derivation(writer.model.lexicon.schema, ended)
    forced = [step.source for step in steps if step.source == "forced"]
    assert forced and steps[-1].source == "forced" and steps[-1].probability == 0
    assert steps[0].source == "grammar"
