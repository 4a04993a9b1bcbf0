"""Terms: however an identifier is written, its words and the whole of it are found."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from codling.search.terms import STOP_WORDS, query_terms, terms_of, without_languages

WORD = st.from_regex(r"[a-z]{4,9}", fullmatch=True)
WORDS = st.lists(WORD, min_size=2, max_size=4)


@given(WORDS)
def test_camel_and_snake_give_the_same_terms(words: list[str]) -> None:
    snake = "_".join(words)
    camel = words[0] + "".join(word.title() for word in words[1:])
    pascal = "".join(word.title() for word in words)
    assert set(terms_of(snake).split()) == set(terms_of(camel).split()) == set(terms_of(pascal).split())


@given(WORDS)
def test_an_identifier_is_found_by_each_of_its_words_and_by_all(words: list[str]) -> None:
    kept = set(terms_of("_".join(words)).split())
    for word in words:
        assert set(query_terms(word)) <= kept
    assert kept & set(query_terms("".join(words)))


@given(st.text(max_size=200))
def test_terms_hold_no_space_and_whatever_is_found_in_a_text_is_found_again(text: str) -> None:
    terms = terms_of(text).split(" ")
    assert all(re.fullmatch(r"\S*", term) for term in terms)
    assert terms_of(text) == terms_of(text), "the cache changes nothing"
    assert terms_of(f"{text} {text}").split() == terms_of(text).split() * 2


def test_words_are_stemmed_and_numbers_stand_alone() -> None:
    assert terms_of("parsing parsed parser").split() == ["pars", "pars", "parser"]
    assert terms_of("utf8 HTTP2Server").split() == ["utf8", "utf", "8", "http2server", "http", "2", "server"]


def test_a_question_goes_without_its_stop_words() -> None:
    assert "the" in STOP_WORDS
    terms = query_terms("how to parse the config file")
    assert {"pars", "config", "file"} <= set(terms)
    assert not {"how", "to", "the"} & set(terms)
    assert query_terms("the") == ("the",), "unless there is nothing else"


def test_words_in_a_row_may_be_one_identifier() -> None:
    assert set(query_terms("get user name")) & set(terms_of("getUserName").split()) > {"get", "user", "name"}


def test_a_long_text_is_read_up_to_a_bound() -> None:
    assert len(terms_of("word " * 10_000, max_terms=50).split()) == 50


def test_languages_are_left_out_where_two_other_words_remain() -> None:
    assert without_languages(["python", "sort", "list"]) == ["sort", "list"]
    assert without_languages(["Python", "parser"]) == ["Python", "parser"]
    assert without_languages(["go"]) == ["go"]
