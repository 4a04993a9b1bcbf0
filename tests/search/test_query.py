"""Queries read: words, exact strings, expressions, filters, and errors that say what is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.search.query import MAX_QUERY_CHARS, Filters, QueryError, parse_query


def test_words_stay_as_they_are() -> None:
    query = parse_query("  parse   std::vector  a->b http://x.org  f(x) 😀 ")
    assert query.text == "parse std::vector a->b http://x.org f(x) 😀"
    assert not query.filters and not query.is_literal


def test_filters() -> None:
    query = parse_query(
        'json lang:golang,rs -lang:c path:src/*.py -path:"my tests" kind:struct kind:fn -kind:chunk repo:app x'
    )
    assert query.text == "json x"
    assert query.filters == Filters(
        languages=frozenset({"go", "rust"}),
        not_languages=frozenset({"c"}),
        paths=("src/*.py",),
        not_paths=("my tests",),
        kinds=frozenset({"class", "function"}),
        not_kinds=frozenset({"chunk"}),
        repos=("app",),
    )
    assert query.filters


def test_other_names_of_the_filters() -> None:
    assert (
        parse_query("language:go file:a type:class project:p").filters
        == parse_query("lang:go path:a kind:class repo:p").filters
    )


def test_an_unknown_filter_is_a_word() -> None:
    assert parse_query("std:string time:12:30").text == "std:string time:12:30"


def test_exact_strings() -> None:
    query = parse_query(r'"exit code 2" word "say \"hi\"" ""')
    assert query.phrases == ("exit code 2", 'say "hi"')
    assert query.text == "word"
    assert query.is_literal


def test_expressions() -> None:
    query = parse_query(r"before re:/def \w+\/x (a|b)/i lang:python")
    assert query.pattern is not None
    assert query.pattern.pattern == r"def \w+/x (a|b)"
    assert query.pattern.flags & re.IGNORECASE and query.pattern.flags & re.MULTILINE
    assert query.text == "before"
    assert query.filters.languages == {"python"}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("re:/(/", "is no regular expression: missing )"),
        ("re:/[a-/", "is no regular expression"),
        ("re:/abc", "has no end"),
        ("re:/a/q", "unknown flag 'q'"),
        ("re:/a/ re:/b/", "one regular expression at a time"),
        ("kind:functoin", "did you mean 'function'"),
        ("kind:zzz", "known: "),
        ("lang:pyhton", "did you mean 'python'"),
        ("x" * (MAX_QUERY_CHARS + 1), "characters; at most"),
    ],
)
def test_what_cannot_be_read_is_said(raw: str, said: str) -> None:
    with pytest.raises(QueryError, match=re.escape(said)):
        parse_query(raw)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_an_error_of_ours(raw: str) -> None:
    try:
        query = parse_query(raw)
    except QueryError:
        return
    assert query.raw == raw


@given(st.lists(st.from_regex(r"[A-Za-z_]{1,12}", fullmatch=True), max_size=6))
def test_plain_words_are_kept_in_order(words: list[str]) -> None:
    assert parse_query("  ".join(words)).text == " ".join(words)
