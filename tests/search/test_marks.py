"""What of a text is marked as the answer to a query."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.search.marks import marks
from codling.search.query import QueryError, parse_query


def marked(text: str, query: str) -> str:
    for start, end in reversed(marks(text, parse_query(query))):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("def parse_date(text):", "parse dates", "def [parse_date](text):"),
        ("class HTTPHeaderParser:", "header", "class HTTP[Header]Parser:"),
        ("x = parsing(y)", "parse", "x = [parsing](y)"),  # one stem
        ("writeTextAtomically()", "write_text_atomically", "[writeTextAtomically]()"),
        ("the end of the file", "end of the file", "the [end] of the [file]"),  # words that say nothing stay out
        ("exit Code 2", '"code 2"', "exit [Code 2]"),
        ("exit Code 2", '"Exit"', "exit Code 2"),  # with a capital, case counts
        ("def test_a(): def test_bc()", r"re:/test_\w+/", "def [test_a](): def [test_bc]()"),
        ("parse parse", 'parse "arse"', "p[arse] p[arse]"),  # what is asked for exactly decides
        ("a fish 🐟 tank", "tank", "a fish 🐟 [tank]"),
        ("anything", "lang:python", "anything"),
        ("", "x", ""),
    ],
)
def test_marks(text: str, query: str, shown: str) -> None:
    assert marked(text, query) == shown


def test_an_expression_that_never_ends_marks_nothing_and_takes_no_time() -> None:
    start = time.perf_counter()
    assert marks("a" * 5_000 + "!", parse_query(r"re:/(a|aa)+$/")) == []
    assert time.perf_counter() - start < 5


@given(st.text(max_size=80), st.text(max_size=30))
def test_marks_are_in_order_within_the_text_and_apart(text: str, query: str) -> None:
    try:
        parsed = parse_query(query)
    except QueryError:
        return
    end = -1
    for start, stop in marks(text, parsed):
        assert end < start < stop <= len(text)
        end = stop
