"""Programs for comments and documentation: where one is wanted, and how it stands in the file."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_bundle import chain_bundle
from codling.complete import Completer
from codling.complete.context import prepare
from codling.complete.described import LEAST_SCORE, Wanted, fitted, wanted_here
from ngram_model import NgramModel

METHOD = 'class A:\n    async def f(\n        self, s: str = ":",\n    ) -> int:\n'
SORT = "# sort the rows by their second element\n"


def wanted(prefix: str, suffix: str = "") -> Wanted | None:
    return wanted_here(prepare(prefix, suffix))


@pytest.mark.parametrize(
    ("prefix", "description", "lead", "indent"),
    [
        (SORT, "sort the rows by their second element", "", ""),
        ("# Sort the rows by name.\n", "sort the rows by name", "", ""),
        ("# CSV files are read here\n", "CSV files are read here", "", ""),
        ("x = 1\n    # print the sum of both\n    ", "print the sum of both", "", "    "),
        ("def f():\n    # print the sum of both\n", "print the sum of both", "    ", "    "),
        ("def f():\n\t# print the sum of both\n\t", "print the sum of both", "", "    "),
        ("# print the sum\r\n# of all values\r\n", "print the sum of all values", "", ""),
        ("rows = []\n# sort rows by the first field\n", "sort `rows` by the first field", "", ""),
        ("rows = []\n# sort `rows` by rows.key and 'rows'\n", "sort `rows` by rows.key and 'rows'", "", ""),
        ("x = 2  # two\n# take the square of x\n", "take the square of `x`", "", ""),
    ],
)
def test_a_comment_asks_for_a_program(prefix: str, description: str, lead: str, indent: str) -> None:
    assert wanted(prefix) == Wanted(description, lead, indent, is_body=False)


@pytest.mark.parametrize(
    ("prefix", "description", "indent"),
    [
        ('def f(rows):\n    """Return the longest of the rows."""\n    ', "return the longest of the `rows`", "    "),
        ('def f(s):\n  """The length of s.\n\n  More about it, which is long.\n  """\n  ', "the length of `s`", "    "),
        (
            METHOD + '        r"""How long is\n        s, a text?"""\n',
            "how long is `s`, a text?",
            "        ",
        ),
        ("def f(s):\n    '''How long is the text s'''\n", "how long is the text `s`", "    "),
    ],
)
def test_documentation_of_an_empty_function_asks_for_its_body(prefix: str, description: str, indent: str) -> None:
    found = wanted(prefix)
    assert found is not None
    assert (found.description, found.indent, found.is_body) == (description, indent, True)


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        ("", ""),
        ("\n", ""),
        (SORT + "\n", ""),  # not directly below
        (SORT + "x", ""),
        (SORT, "x = 1\n"),
        (SORT + "    ", ""),  # deeper than the comment
        ("# x = sorted(rows, key=len)\n", ""),
        ("# return x\n", ""),
        ("# ---------------------------\n", ""),
        ("# Helpers\n", ""),
        ("# TODO: sort the rows by name\n", ""),
        ("# type: ignore of this line here\n", ""),
        ("#!/usr/bin/env python of mine\n", ""),
        ("#: documents the name that follows\n", ""),
        ("# %% a cell of some notebook\n", ""),
        ("# Copyright 2024 of the authors\n", ""),
        ("# one two three\n" * 7, ""),  # an essay
        ("x = 1  # the first of the numbers\n", ""),
        ('def f(rows):\n    """Return the longest of the rows."""\n', "\n    return rows\n"),
        ('x = 1\n"""Return the longest of the rows."""\n', ""),
        ('def f(rows):\n    x = 1\n    """Return the longest of the rows."""\n', ""),
        ('"""Documentation of this very module."""\n', ""),
        ('class A:\n    """Documentation of this very class."""\n', ""),
        ('def f(rows):\n    """Return the longest of the rows.\n    ', ""),
    ],
)
def test_everywhere_else_none_is_wanted(prefix: str, suffix: str) -> None:
    assert wanted(prefix, suffix) is None


def test_a_function_below_is_none_of_its_business() -> None:
    assert wanted('def f(s):\n    """The length of the s."""\n    ', "\n\n\ndef g(s):\n    return s\n") is not None


@given(st.text(alphabet="#\"' \n\tdef:(x)ab🐟", max_size=60), st.text(alphabet=" \nx#", max_size=10))
def test_whatever_stands_there_it_is_judged(prefix: str, suffix: str) -> None:
    context = prepare(prefix, suffix)
    found = wanted_here(context)
    if found is not None:
        assert context.on_blank_line
        assert context.line + found.lead == found.indent


def fit(code: str, prefix: str, suffix: str = "") -> str | None:
    context = prepare(prefix, suffix)
    found = wanted_here(context)
    assert found is not None
    text = fitted(code, found, context)
    return None if text is None else context.restore(text)


LOOP = "for row in rows:\n    print(row)"


@pytest.mark.parametrize(
    ("code", "prefix", "text"),
    [
        ("rows.sort()", SORT, "rows.sort()"),
        (LOOP, SORT, LOOP),
        (LOOP, "def f(rows):\n    # print all of the rows\n    ", "for row in rows:\n        print(row)"),
        (LOOP, "def f(rows):\n    # print all of the rows\n", "    for row in rows:\n        print(row)"),
        (LOOP, "def f(rows):\n\t# print all of the rows\n\t", "for row in rows:\n\t\tprint(row)"),
        (LOOP, "rows = []\r\n# print all of the rows\r\n", "for row in rows:\r\n    print(row)"),
        ("for row in rows:\n    pass", SORT, "for row in rows:"),
        ("pass", "# do nothing at all here\n", "pass"),
        ("len(s)", 'def f(s):\n    """The length of the s."""\n    ', "return len(s)"),
        ("return len(s)", 'def f(s):\n    """The length of the s."""\n    ', "return len(s)"),
        (
            "def g(s):\n    n = len(s)\n    return n",
            'def f(s):\n\t"""The length of the s."""\n\t',
            "n = len(s)\n\treturn n",
        ),
        ("return rows", SORT, None),  # from which function?
        ("[row for row in rows]", "def f(rows):\n    # copy all the rows\n    ", "[row for row in rows]"),
        ("numpy.mean(rows)", SORT, None),  # the file knows no numpy
        ("numpy.mean(rows)", "import numpy\n" + SORT, "numpy.mean(rows)"),
        ("sorted(rows, key=lambda row: row[1])", SORT, "sorted(rows, key=lambda row: row[1])"),
        ("import os.path as p\nprint(p.sep)", SORT, "import os.path as p\nprint(p.sep)"),
        ("try:\n    rows[0]\nexcept E as error:\n    print(error)", SORT, None),  # no E
        ("def f(a):\n    return a\nf(rows)", SORT, "def f(a):\n    return a\nf(rows)"),
    ],
)
def test_programs_stand_as_the_file_wants_them(code: str, prefix: str, text: str | None) -> None:
    assert fit(code, prefix) == text


def test_what_stands_there_already_is_not_offered() -> None:
    assert fit("rows.sort()", SORT, "\nrows.sort()\n") is None
    assert fit("rows.sort()", SORT, "\nrows.clear()\n") == "rows.sort()"


@given(st.sampled_from([LOOP, "rows.sort()", "if rows:\n    rows = [1, 2]\nelse:\n    rows = []"]), st.integers(0, 4))
def test_below_a_comment_a_program_is_the_same_program(code: str, depth: int) -> None:
    heads = "".join("    " * level + "if rows:\n" for level in range(depth))
    prefix = heads + "    " * depth + "# handle rows in some way\n"
    text = fit(code, prefix)
    assert text is not None
    lines = text.split("\n")
    assert ast.dump(ast.parse(textwrap.dedent(text))) == ast.dump(ast.parse(code))
    assert all(line.startswith("    " * depth) for line in lines)
    ast.parse(prefix + text)


class Fake:
    """Writes what it is told to, and remembers what it was asked."""

    def __init__(self, *programs: tuple[str, float]) -> None:
        self.programs, self.asked = list(programs), []  # type: ignore[var-annotated]

    def __call__(self, description: str, limit: int, give_up: Callable[[], bool]) -> Sequence[tuple[str, float]]:
        assert give_up() is False
        self.asked.append(description)
        return self.programs


@pytest.fixture(scope="module")
def completer(tmp_path_factory: pytest.TempPathFactory) -> Completer:
    return Completer(chain_bundle(tmp_path_factory.mktemp("chain")))


def test_a_program_that_is_sure_comes_first(completer: Completer) -> None:
    fake = Fake(("rows.sort()", 0.9), ("rows.clear()", LEAST_SCORE), ("rows", LEAST_SCORE - 0.01))
    answer = completer.complete(SORT, limit=3, programs=fake)
    first, second, *others = answer.suggestions
    assert (first.text, first.score, first.origin) == ("rows.sort()", 0.9, "description")
    assert (second.text, second.origin) == ("rows.clear()", "description")
    assert all(each.origin == "code" for each in others)
    (only,) = completer.complete(SORT, limit=1, programs=fake, kind="block").suggestions
    assert only == first


def test_what_the_code_says_too_is_offered_once() -> None:
    completer = Completer(NgramModel((SORT + "rows.sort()\n") * 3, order=30))
    assert completer.complete(SORT, limit=3, language="python").suggestions[0].text == "rows.sort()"
    answer = completer.complete(SORT, limit=3, language="python", programs=Fake(("rows.sort()", 0.9)))
    texts = [row.text for row in answer.suggestions]
    assert texts.count("rows.sort()") == 1
    assert answer.suggestions[0].origin == "description"


@pytest.mark.parametrize(
    ("prefix", "options"),
    [
        ("fish = tank.", {}),
        (SORT, {"kind": "token"}),
        (SORT, {"temperature": 0.5}),
        (SORT, {"language": "java"}),
        (SORT + "\n", {}),
        ("text = '''\n" + SORT, {}),  # no comment: it stands in a string
        ("rows = [\n    # sort the rows by their second element\n    ", {}),
    ],
)
def test_elsewhere_the_writer_is_not_even_asked(completer: Completer, prefix: str, options: dict[str, object]) -> None:
    fake = Fake(("rows.sort()", 0.9))
    with_it = completer.complete(prefix, programs=fake, **options)  # type: ignore[arg-type]
    assert fake.asked == []
    if not options.get("temperature"):
        assert with_it.suggestions == completer.complete(prefix, **options).suggestions  # type: ignore[arg-type]


def test_without_a_writer_nothing_changes(completer: Completer) -> None:
    assert all(each.origin == "code" for each in completer.complete(SORT, limit=3).suggestions)


def test_a_description_is_asked_for_once_a_place(completer: Completer, tmp_path: Path) -> None:
    fake = Fake()
    completer.complete("x = 1\n# take the square of x\n", programs=fake)
    assert fake.asked == ["take the square of `x`"]
