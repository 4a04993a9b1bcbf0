"""Alike, as fuzz.ratio has it; the same, but for white space."""

from __future__ import annotations

import functools
import inspect
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.evaluate.lexemes import lexemes
from codling.evaluate.similarity import plain_literals, ratio, words_of


def common(one: str, other: str) -> int:
    """Length of the longest common subsequence, by its definition."""

    @functools.cache
    def of(i: int, j: int) -> int:
        if i == len(one) or j == len(other):
            return 0
        if one[i] == other[j]:
            return 1 + of(i + 1, j + 1)
        return max(of(i + 1, j), of(i, j + 1))

    return of(0, 0)


texts = st.text(alphabet="ab(é ", max_size=14)


@given(texts, texts)
def test_twice_the_common_part_over_both(one: str, other: str) -> None:
    total = len(one) + len(other)
    assert ratio(one, other) == (pytest.approx(2 * common(one, other) / total) if total else 1.0)
    assert ratio(one, other) == ratio(other, one)


def test_as_fuzz_ratio_has_it() -> None:
    # what rapidfuzz.fuzz.ratio answers, over 100
    assert ratio("this is a test", "this is a test!") == pytest.approx(0.9655172413793104)
    assert ratio("return self . x", "return x") == pytest.approx(0.6956521739130435)
    assert ratio("abc", "") == 0
    assert ratio("x" * 500, "x" * 500) == 1


def test_words_are_the_grammars_tokens() -> None:
    source = inspect.getsource(textwrap)
    rows = [row for row in lexemes(source, "python") if row.kind != "newline"]
    checked = 0
    for line in source.splitlines():
        at = source.index(line)
        inside = [source[row.start : row.end] for row in rows if at <= row.start and row.end <= at + len(line)]
        if "#" not in line and "".join(inside) == "".join(line.split()) and '"""' not in line:
            assert words_of(line) == inside
            checked += 1
    assert checked > 100


def test_literals_left_empty() -> None:
    assert plain_literals(words_of("f(r'a b', 1.5e3, x2, \"it's\")")) == words_of("f(r'', 0, x2, \"\")")
    assert words_of('x = "not closed, nor') == ["x", "=", '"not closed, nor']
    assert words_of("a  ==b") == words_of("a == b")
