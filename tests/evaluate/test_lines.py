"""Lines are cut and compared as CodeXGLUE does it."""

from __future__ import annotations

import inspect
import shlex
import textwrap

import pytest

from codling.evaluate.lexemes import lexemes
from codling.evaluate.lines import LineCase, draw_lines, judge_line, measure_lines, summarise_lines

TEXTS = {"textwrap.py": inspect.getsource(textwrap), "shlex.py": inspect.getsource(shlex)}
JAVA = "class A {\n  int f(int x) {\n    for (int i = 0; i < x; i++) { x += i; }\n    return x;\n  }\n}\n"


def test_cuts_are_before_tokens_and_reach_to_the_lines_end() -> None:
    cases = draw_lines(TEXTS, "python", 200, seed=3)
    assert len(cases) == 200
    assert {case.path for case in cases} == set(TEXTS)
    for case in cases:
        text = TEXTS[case.path]
        assert case.prefix + case.truth + case.suffix == text
        assert len(case.prefix) in {row.start for row in lexemes(text, "python")}
        assert case.truth and "\n" not in case.truth
        assert case.suffix.lstrip(" ").startswith(("\n", "#"))
        assert case.at_start == (case.prefix.rpartition("\n")[2].strip() == "")
    assert len({(case.path, case.prefix) for case in cases}) == 200  # none twice
    assert 0 < sum(case.at_start for case in cases) < 100


def test_the_seed_decides() -> None:
    assert draw_lines(TEXTS, "python", 20, 1) == draw_lines(TEXTS, "python", 20, 1)
    assert draw_lines(TEXTS, "python", 20, 1) != draw_lines(TEXTS, "python", 20, 2)


def test_few_lines_are_all_there_is() -> None:
    assert {case.truth for case in draw_lines({"a.py": "x = 1\n"}, "python", 50)} == {"x = 1", "= 1", "1"}
    assert draw_lines({}, "python", 5) == []


def test_java_ends_at_semicolons_and_braces() -> None:
    truths = {case.prefix: case.truth for case in draw_lines({"A.java": JAVA}, "java", 500)}
    assert truths["class A {\n  "] == "int f(int x) "
    loop = JAVA.index("for")
    assert truths[JAVA[:loop]] == "for (int i = 0;"
    assert truths[JAVA[: loop + len("for (int i = 0; ")]] == "i < x;"
    assert truths[JAVA[: JAVA.index("}")]] == "}"
    assert JAVA[: JAVA.index("{")] not in truths  # nothing to write


def case(truth: str, language: str = "python") -> LineCase:
    return LineCase("a", language, "", "", truth, at_start=True)


@pytest.mark.parametrize(
    ("truth", "answer", "language", "exact", "plain"),
    [
        ("x = f(1)", "x = f(1)", "python", True, True),
        ("x = f(1)", "x=f( 1 )\nprint()", "python", True, True),  # white space and what follows do not matter
        ("x = f(1)", "x = f(2)", "python", False, True),
        ("x = 'a'", "x = 'b'", "python", False, True),
        ("x = 'a'", 'x = "a"', "python", False, False),
        ("x = f(1)", "x = g(1)", "python", False, False),
        ("x = f(1)", "", "python", False, False),
        ("i < x;", "i < x; i++) {", "java", True, True),
        ("i < x;", "i < x", "java", False, False),
        ("if (x) ", "if (x) {", "java", True, True),
        ('f(";");', 'f(";");', "java", True, True),
    ],
)
def test_exact(truth: str, answer: str, language: str, exact: bool, plain: bool) -> None:
    result = judge_line(case(truth, language), answer)
    assert (result.exact, result.exact_plain) == (exact, plain)
    assert (result.similarity == 1, result.similarity_plain == 1) == (exact, plain)


def test_shares() -> None:
    cases = draw_lines(TEXTS, "python", 60)
    perfect = summarise_lines(measure_lines(cases, lambda case: case.truth))
    assert set(perfect) == {"all", "at_start", "within"}
    assert perfect["all"]["exact"] == {"value": 1.0, "n": 60, "interval": [1.0, 1.0]}
    assert perfect["at_start"]["exact"]["n"] + perfect["within"]["exact"]["n"] == 60
    silent = summarise_lines(measure_lines(cases, lambda case: ""))["all"]
    assert (silent["exact"]["value"], silent["similarity"]["value"], silent["answered"]["value"]) == (0, 0, 0)
    done: list[int] = []
    half = measure_lines(cases, lambda case: case.truth if case.at_start else "?", done.append)
    assert sum(done) == 60
    assert summarise_lines(half)["all"]["exact"]["value"] == sum(case.at_start for case in cases) / 60
