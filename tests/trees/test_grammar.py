"""Source, trees and actions are one and the same; whatever the grammar derives parses."""

from __future__ import annotations

import ast
import random
import sysconfig
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.errors import ConfigError, InputError
from codling.trees.grammar import (
    CLOSE,
    PYTHON,
    Derivation,
    actions_of,
    read_source,
    shortest_action,
    shortest_length,
    tree_of,
    write_source,
)
from codling.trees.grammar.asdl import Schema
from codling.trees.grammar.building import build_ast, fits
from trees.random_trees import random_tree

STDLIB = Path(sysconfig.get_path("stdlib"))
SAMPLE = [*sorted(STDLIB.glob("*.py"))[::9], STDLIB / "ast.py"]

SNIPPETS = r"""
def f(a, /, b: int = 1, *args: *Ts, c, d=2, **kw) -> str: return a
def f(a=1, /, b=2): pass
lambda a, /, b=1, *c, d, e=3, **f: (yield)
async def f():\n    async with a as (b, *c), d: await e\n    async for x in y: pass
async def f(): return [z async for z in w if z]
class A(B, *C, metaclass=D, **E):\n    x: int = 1\n    (y): str\n    z.w: float
from . import a\nfrom .. import *\nfrom .b.c import d as e\nfrom f import *\nimport g.h as i
try: pass\nexcept (A, B) as c: raise\nexcept: raise X from Y\nelse: pass\nfinally: pass
try: pass\nfinally: pass
try: pass\nexcept* A: pass
a[1:2, ::3, ...]; a[()]; a[*b]; a[b, c] = d; del a[0], (b, [c])
f'{a!r:>{w}} {{}} {b=}' 'c' f"{d:%Y}"
u'a'; b'\xff'; 1_000; 1e400; 2.5j; 0xff; -1; 'a' "b"
match x:\n    case -1 | 1 + 2j | 'a' 'b': pass\n    case [A.b, *_, (c as d)]: pass\n    case {1: e, **f}: pass
match x:\n    case Point(1, y=None) if z: pass\n    case str() | _: pass
x = y = *a, b = c
x += (yield from z)
print(*a, b, c=d, **e)
{**a, 'b': 1}; {1, *c}; {k: v for k, v in d if k if v}
(a := b) if not c else ~d @ e
a < b <= c is not d not in e
global_ = 1\ndef f():\n    global x, y\n    nonlocal z
while a: break\nelse: continue
assert a, b
with (yield): pass
"""


def test_snippets_come_back() -> None:
    for source in SNIPPETS.strip().splitlines():
        source = source.replace("\\n", "\n")
        tree = read_source(source)
        assert tree_of(PYTHON, actions_of(tree)) == tree
        assert ast.dump(ast.parse(write_source(tree))) == ast.dump(ast.parse(source)), source


@pytest.mark.parametrize("path", SAMPLE, ids=lambda path: path.name)
def test_the_standard_library_comes_back(path: Path) -> None:
    """A sample; ``benchmarks/write.py trees`` does all files and large packages."""
    source = path.read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right = ast.dump(ast.parse(source))
    tree = read_source(source)
    actions = list(actions_of(tree))
    assert tree_of(PYTHON, actions) == tree
    assert ast.dump(build_ast(tree)) == right
    assert ast.dump(ast.parse(write_source(tree))) == right


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_every_tree_parses(seed: int) -> None:
    tree = random_tree(random.Random(seed))
    assert tree_of(PYTHON, actions_of(tree)) == tree
    module = ast.fix_missing_locations(build_ast(tree))
    try:
        text = ast.unparse(module)
    except ValueError as error:  # before Python 3.12 an f-string's braces hold no backslash
        assert "f-string" in str(error)
        return
    ast.parse(text)


def test_a_derivation_takes_only_what_fits() -> None:
    start = Derivation.start(PYTHON).take(PYTHON.named("Module+body"))
    for wrong in (CLOSE, "text", PYTHON.named("Name")):
        with pytest.raises(InputError):
            start.take(wrong)
    with pytest.raises(InputError):
        start.take(PYTHON.named("Pass")).take(CLOSE).take(CLOSE)
    with pytest.raises(InputError, match="before the tree is complete"):
        tree_of(PYTHON, [PYTHON.named("Module+body"), PYTHON.named("Pass")])


def test_derivations_fork() -> None:
    one = Derivation.start(PYTHON).take(PYTHON.named("Module+body"))
    passes = one.take(PYTHON.named("Pass")).take(CLOSE)
    breaks = one.take(PYTHON.named("Break")).take(CLOSE)
    assert [write_source(tree_of(PYTHON, each.actions())) for each in (passes, breaks)] == ["pass", "break"]


@pytest.mark.parametrize("source", ["def", "x = (", "a\0b", "(" * 5000 + ")" * 5000])
def test_what_is_no_python_is_an_input_error(source: str) -> None:
    with pytest.raises(InputError):
        read_source(source)


@pytest.mark.parametrize(
    ("text", "kind", "right"),
    [
        ("name", "identifier", True),
        ("if", "identifier", False),
        ("a b", "identifier", False),
        ("a.b", "identifier", False),
        ("a.b", "dotted", True),
        ("a..b", "dotted", False),
        ("12", "int", True),
        ("-1", "int", False),
        ("nan", "float", False),
        ("ā", "bytes", False),
        ("0", "level", False),
    ],
)
def test_texts_fit_their_types(text: str, kind: str, right: bool) -> None:
    assert fits(text, kind) is right


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = B(c d)", "unknown type"),
        ("a = b", "not defined"),
        ("a = B(", "no alternative"),
        ("a = B(t* names)", "list of tokens"),
        ("a = B() | B(a c)", "two constructors"),
    ],
)
def test_schemas_are_checked(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Schema(text, {"t": ""})


def test_productions_are_named() -> None:
    call = PYTHON.named("Call+args+keywords")
    assert call is PYTHON.production("Call", {"args", "keywords"})
    assert call.name == "Call+args+keywords"
    assert [field.name for field in call.fields] == ["func", "args", "keywords"]
    for wrong in ("Called", "Call+func", "arguments+posonlydefaults+args"):
        with pytest.raises(ConfigError):
            PYTHON.named(wrong)


@given(seed=st.integers(0, 10_000), kept=st.floats(0, 1))
def test_any_derivation_can_be_ended_in_the_fewest_steps(seed: int, kept: float) -> None:
    actions = list(actions_of(random_tree(random.Random(seed))))
    actions = actions[: int(kept * len(actions))]
    derivation = Derivation.start(PYTHON)
    for action in actions:
        derivation = derivation.take(action)
    length = shortest_length(PYTHON, derivation.slot)
    while derivation.slot is not None:
        derivation = derivation.take(shortest_action(PYTHON, derivation.slot))
    assert derivation.num_actions == len(actions) + length
    module = ast.fix_missing_locations(build_ast(tree_of(PYTHON, derivation.actions())))
    try:
        ast.parse(ast.unparse(module))
    except ValueError as error:  # before Python 3.12 an f-string's braces hold no backslash
        assert "f-string" in str(error)


def test_the_shortest_ends_of_types_are_what_a_person_would_say() -> None:
    schema = Schema(
        "a = Long(b one, b two) | Short(c* some, b+ many)\nb = Leaf(string text) | Bare()\nc = Never(c more)",
        {"string": "x"},
    )
    start = Derivation.start(schema, "a")
    assert shortest_length(schema, start.slot) == 3
    statement = Derivation.start(PYTHON, "stmt").slot
    assert statement is not None
    assert shortest_action(PYTHON, statement) is PYTHON.named("Pass")
