"""Lexical tokens, against Python's own tokenizer."""

from __future__ import annotations

import io
import textwrap
import tokenize
from pathlib import Path

import pytest

from codling.complete.lexical import extends, token_end, word_before


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("foo(bar)", "foo"),
        ("  foo bar", "  foo"),
        ("(a", "("),
        ("((", "("),
        ("== b", "=="),
        ("=-1", "="),
        ("1.5e3 + x", "1.5e3"),
        ("1.real", "1.real"),  # numbers are taken generously
        ("x.y", "x"),
        (".y", "."),
        ("... b", "..."),
        ('"""doc', '"""'),
        ("'a'", "'"),
        ("->x", "->"),
        ("größe=1", "größe"),
        ("変数 = 1", "変数"),
        ("**kwargs", "**"),
        (">>>=", ">>>"),
        ("):", ")"),
        ("a\n", "a"),
        ("\\n", "\\"),
    ],
)
def test_first_token(text: str, first: str) -> None:
    assert text[: token_end(text)] == first


@pytest.mark.parametrize("text", ["", " ", "    ", "foo", "=", "1", "12.", '"', "-"])
def test_may_go_on(text: str) -> None:
    assert token_end(text) is None


def test_a_word_that_began_before_the_cursor() -> None:
    assert extends("", "r", "impo")
    assert extends("rt", "s", "impo")
    assert not extends("1", ".", "x")  # x1.y is no number
    assert extends("1", ".", "2")  # 21.5 is one
    assert word_before("import nu") == "nu"
    assert word_before("import ") == ""
    assert word_before("x.größe") == "größe"


def test_words_and_operators_end_where_python_says() -> None:
    source = Path(textwrap.__file__).read_text(encoding="utf-8")
    kinds = {tokenize.NAME, tokenize.NUMBER, tokenize.OP}
    lines = source.splitlines()
    checked = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in kinds:
            row, column = token.start
            rest = lines[row - 1][column:] + "\n"
            assert rest[: token_end(rest)] == token.string
            checked += 1
    assert checked > 1_000
