"""Identifiers fall apart into words, and words into pieces, without loss of what can be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.search.words import Pieces, identifiers, split_identifier

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PIECES = [*LETTERS, *(f"##{letter}" for letter in LETTERS), "token", "tokenize", "##izer", "##ize", "read", "##er"]


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        ("parseHTTPHeader2", ["parse", "http", "header", "2"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("__init__", ["init"]),
        ("XMLHttpRequest", ["xml", "http", "request"]),
        ("utf8", ["utf", "8"]),
        ("SCREAMING_CASE", ["screaming", "case"]),
        ("x123456", ["x"]),  # a long number says nothing
        ("_", []),
    ],
)
def test_split(identifier: str, words: list[str]) -> None:
    assert split_identifier(identifier) == words


def test_letters_outside_ascii_are_kept() -> None:
    assert "".join(split_identifier("déjàVu_Ω")) == "déjàvuω"


@given(st.lists(st.text("abcdefghij", min_size=2, max_size=6), min_size=1, max_size=5))
def test_snake_and_camel_agree(words: list[str]) -> None:
    assert split_identifier("_".join(words)) == words
    assert split_identifier(words[0] + "".join(word.capitalize() for word in words[1:])) == words


def test_identifiers_leave_punctuation_out() -> None:
    assert identifiers("x = foo.bar(1, 'é')") == ["x", "foo", "bar", "1", "é"]


def test_longest_piece_first() -> None:
    pieces = Pieces(PIECES)
    assert [pieces[number] for number in pieces.ids("tokenizer")] == ["tokenize", "##r"]
    assert [pieces[number] for number in pieces.ids("readToken")] == ["read", "token"]


@given(st.text(max_size=60))
def test_every_text_has_ids_in_range_and_the_same_again(text: str) -> None:
    pieces = Pieces(PIECES)
    ids = pieces.ids(text)
    assert all(0 <= number < len(pieces) for number in ids)
    assert pieces.ids(text) == ids  # from the cache


@given(st.text(LETTERS, min_size=1, max_size=4).filter(str.isalpha))
def test_words_are_spelt_whole(word: str) -> None:
    pieces = Pieces(PIECES)
    assert "".join(pieces[number].removeprefix("##") for number in pieces.ids(word)) == word
