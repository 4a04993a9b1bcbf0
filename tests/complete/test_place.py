"""Where the cursor stands, against the tokenizer of Python's standard library, and by hand for the others."""

from __future__ import annotations

import io
import json.decoder
import tokenize
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.complete.place import MAX_CHARS, Place, place


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("x = 1", "python", "code"),
        ("x = 1  # a", "python", "comment"),
        ("x = '#", "python", "string"),
        ("x = '#'", "python", "code"),
        ('"""doc\n it\'s', "python", "string"),
        ('f("a\\" b', "python", "string"),
        ('""" a "', "python", "string"),
        ("don't\nx", "python", "code"),
        ("x // it's", "java", "comment"),
        ("x // it's\ny", "java", "code"),
        ("/* a\n b", "java", "comment"),
        ("/* a **/", "java", "code"),
        ("fn f<'a>(x: &'a", "rust", "code"),
        ("let c = '\\u{41}'; x", "rust", "code"),
        ("`a ${b\n c", "typescript", "string"),
        ("# x", "php", "comment"),
        ("// x", "php", "comment"),
        ("x // y", "python", "code"),
        ("# heading", "plaintext", "code"),
        ("🐟 = '🐟", "python", "string"),
    ],
)
def test_by_hand(text: str, language: str, expected: Place) -> None:
    assert place(text, language) == expected


def test_agrees_with_pythons_own_tokenizer() -> None:
    source = Path(json.decoder.__file__).read_text(encoding="utf-8")
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen = {"comment": 0, "string": 0}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = {tokenize.COMMENT: "comment", tokenize.STRING: "string"}.get(token.type, "code")
        if kind == "code" or "'''" in token.string:
            continue
        start = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        if end - start > 4:
            seen[kind] += 1
            assert place(source[:start], "python") == "code"
            assert place(source[: (start + end) // 2], "python") == kind, token.string
            assert place(source[:end], "python") == ("comment" if kind == "comment" else "code")
    assert min(seen.values()) > 10


@settings(deadline=None)
@given(st.text(alphabet="'\"`/*#\\ \nab", max_size=60), st.sampled_from(["python", "java", "rust", "go", "php", "zig"]))
def test_any_text_has_a_place_and_a_plain_line_below_is_code(text: str, language: str) -> None:
    assert place(text, language) in ("code", "comment", "string")
    if place(text, language) == "comment" and "/*" not in text:
        assert place(text + "\nx", language) == "code"


def test_only_the_end_of_a_long_text_is_looked_at() -> None:
    assert place("x = 1\n" * MAX_CHARS + "# a", "python") == "comment"
