"""What breaks the syntax is not suggested; what nobody can judge yet is."""

from __future__ import annotations

import inspect
import random
import textwrap

import pytest

from codling import Completer
from codling.complete.grammar import GrammarCheck, _lines_above, _num_errors, _parser
from ngram_model import NgramModel

PYTHON = "import os\n\n\nclass A:\n    def f(self, x):\n        "
JAVA = "class A {\n    int f(int x) {\n        "


@pytest.mark.parametrize(
    ("before", "rest", "text", "allowed"),
    [
        (PYTHON, "", "return x", True),
        (PYTHON, "", "return x)", False),
        (PYTHON, "", "return = x", False),
        (PYTHON, "", "for x y in z:", False),
        (PYTHON, "", "for x in y:", True),
        (PYTHON, "", "if x == 1:", True),
        (PYTHON, "", "try:", True),
        (PYTHON, "", "y = [1,", True),  # a bracket is open: nobody can say
        (PYTHON + "print(", ")", "x, y", True),
        (PYTHON + "print(", ")", "x y", False),
        (PYTHON + "if x:\n            pass\n        ", "", "else:", True),
        (PYTHON, "", "else:", False),
        ("x = (1 +* 2)\ny = ", "", "3", True),  # what is wrong above is not its fault
        ("value = foo(\n    ", "", "a=1)", True),
        (JAVA, "", "return x;", True),
        (JAVA, "", "return return x;", False),
        (JAVA, "", "for (int i = 0; i < x; i++) {", True),
        (JAVA, "", "for (int i = 0; i < x; i++)) {", False),
        (JAVA, "", "int y = x +", True),  # it may go on below
    ],
)
def test_lines(before: str, rest: str, text: str, allowed: bool) -> None:
    language = "java" if before == JAVA else "python"
    assert GrammarCheck(before, rest, language).allows(text) is allowed


def test_other_languages_are_not_judged() -> None:
    assert GrammarCheck("", "", "cobol").allows(")))")
    assert GrammarCheck("", "", None).allows(")))")


def test_code_that_people_wrote_passes() -> None:
    """The rest of any line of a real module is sound."""
    source = inspect.getsource(textwrap)
    places = random.Random(0).sample(range(len(source)), 150)
    for at in places:
        end = source.find("\n", at)
        assert GrammarCheck(source[:at], "", "python").allows(source[at:end]), source[at - 40 : end]


def test_the_completer_leaves_it_out() -> None:
    model = NgramModel("y = (x)\n" * 3 + "z = (x\n" * 2, order=3)
    completer = Completer(model, sure=0)
    found = [row.text for row in completer.complete("a = b\ny = (", limit=3, language="python").suggestions]
    assert "x)" in found
    found = [row.text for row in completer.complete("a = b\ny = x", limit=3, language="python").suggestions]
    assert ")" not in found


@pytest.mark.parametrize("ending", ["x = [1, 2]", "return = x", "if (x:", "for x in y:\n        pass", "é = '🐟"])
def test_a_changed_tree_has_the_errors_of_a_new_one(ending: str) -> None:
    source = inspect.getsource(textwrap)
    for at in random.Random(1).sample([end for end, mark in enumerate(source) if mark == "\n"], 80):
        above = _lines_above(source[: at + 1], "python")
        written = source[at + 1 : source.find("\n", at + 1)] + ending
        new = _parser("python").parse(f"{above.text}{written}\n".encode()).root_node
        assert above.num_errors_with(written, "") == _num_errors(new), source[at : at + 60] + ending
