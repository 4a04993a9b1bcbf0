"""A suggestion must not write what is there already."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.complete.overlap import useful_length


@pytest.mark.parametrize(
    ("text", "rest", "useful"),
    [
        ("x)", ")", "x"),
        ("x)", "", "x)"),
        ("f(x)", ")", "f(x)"),  # its own bracket, closed
        ("f(x))", ")", "f(x)"),
        ("a, b):", ")", "a, b"),  # the bracket is closed after the cursor
        ("a, b):", "):", "a, b"),
        ('")")', ")", '")"'),  # a bracket in a string is none
        ("rt numpy", "", "rt numpy"),
        ('data.csv")', '")', "data.csv"),
        ('data.csv")', '"', "data.csv"),
        (r"it\'s'", "'", r"it\'s"),
        (r"C:\\')", "')", r"C:\\"),  # a backslash that is escaped itself escapes nothing
        (r"'C:\\')", ")", r"'C:\\'"),
        (r"'it\'s)')", ")", r"'it\'s)'"),
        ("[0]]", "]", "[0]"),
        ("1}", "}", "1"),
        ("a + b", "bar", "a + b"),  # the b is another word
        ("= value", "value", "="),
        ("x + y = 1", "= 1", "x + y"),
        ("x, y, z)", ", z)", "x, y"),
        ("self.name = name  # done", "= name", "self.name"),
        ("a", "a", ""),
        ("  ", "", ""),
        ("x  ", "", "x"),
        ("one(\n    two)", ")", "one("),  # the rest of the line stands after the first line
    ],
)
def test_rest_of_the_line(text: str, rest: str, useful: str) -> None:
    assert text[: useful_length(text, rest)] == useful


@pytest.mark.parametrize(
    ("text", "next_line", "useful"),
    [
        ("x = 1\n    y = 2\n    return x", "return x", "x = 1\n    y = 2"),
        ("x = 1\n    y = 2", "return x", "x = 1\n    y = 2"),
        ("return x\n    y", "return x", "return x\n    y"),  # the first line is the line kind's business
        ("a(\n    b\n)\n", ")", "a(\n    b\n)\n"),
    ],
)
def test_lines_below(text: str, next_line: str, useful: str) -> None:
    assert text[: useful_length(text, "", next_line)] == useful


@given(st.text("ab()[]\"' \n=.", max_size=20), st.text("ab()[]\"' =.", max_size=10), st.text("ab=", max_size=5))
def test_always_a_length(text: str, rest: str, next_line: str) -> None:
    length = useful_length(text, rest, next_line)
    assert 0 <= length <= len(text)
    assert not text[:length].endswith((" ", "\t"))
