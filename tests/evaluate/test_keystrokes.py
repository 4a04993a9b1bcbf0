"""Keystrokes are counted as the module says, and the user never loses by suggestions."""

from __future__ import annotations

import inspect
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.evaluate.keystrokes import Stretch, draw_stretches, summarise_typing, type_stretch

TEXTS = {"a.py": inspect.getsource(textwrap), "b.py": "x = 1\ny = 2\nz = 3\nw = 4\n", "short.py": "x = 1\n"}


def stretch(text: str) -> Stretch:
    return Stretch("a.py", "python", "", text, "")


def test_nothing_offered_nothing_saved() -> None:
    typed = type_stretch(stretch("if x:\n    y = 1\n"), lambda stretch, typed: ("", []))
    assert typed.num_chars == typed.num_keystrokes == len("if x:\n") + len("y = 1\n")  # no indentation
    assert (typed.num_lines, typed.num_tokens, typed.num_shown) == (0, 0, 0)


def test_whole_lines() -> None:
    text = "if x:\n    y = 1\n"

    def ghost(stretch: Stretch, typed: str) -> tuple[str, list[str]]:
        return stretch.text[len(typed) :].split("\n")[0], []

    typed = type_stretch(stretch(text), ghost)
    assert typed.num_keystrokes == 4  # Tab, line end, Tab, line end
    assert (typed.num_lines, typed.line_chars) == (2, 10)
    assert (typed.num_shown, typed.num_right) == (2, 2)


@pytest.mark.parametrize(
    ("ghost", "tokens", "keystrokes"),
    [
        ("abcdef", [], 1),
        ("abcdefg", [], 6),  # wrong: typed
        ("abcde", [], 6),  # right so far, but within a word
        ("", ["abcdef"], 1),
        ("", ["x", "y", "abcdef"], 3),  # twice down, and take it
        ("", ["x"] * 5 + ["abcdef"], 6),  # saves nothing
        ("abcdef", ["abcdef"], 1),
        ("", ["b"], 6),
    ],
)
def test_prices(ghost: str, tokens: list[str], keystrokes: int) -> None:
    def at_start(stretch: Stretch, typed: str) -> tuple[str, list[str]]:
        return ("", []) if typed else (ghost, tokens)

    assert type_stretch(stretch("abcdef"), at_start).num_keystrokes == keystrokes


def test_what_saves_most_is_taken() -> None:
    typed = type_stretch(
        stretch("foo = bar\n"), lambda stretch, typed: ("foo = bar", ["foo"]) if not typed else ("", [])
    )
    assert (typed.num_keystrokes, typed.num_lines, typed.num_tokens) == (2, 1, 0)
    typed = type_stretch(
        stretch("foo = bar\n"), lambda stretch, typed: ("foo", ["x", "foo = bar"]) if not typed else ("", [])
    )
    assert (typed.num_keystrokes, typed.num_lines, typed.num_tokens) == (3, 0, 1)


offers = st.lists(st.tuples(st.integers(0, 12), st.lists(st.integers(0, 8), max_size=4)), min_size=1)


@given(offers)
def test_never_worse_than_typing(offers: list[tuple[int, list[int]]]) -> None:
    text = TEXTS["a.py"][2_000:2_300]
    told: list[int] = []

    def suggest(stretch: Stretch, typed: str) -> tuple[str, list[str]]:
        ghost, tokens = offers[len(typed) % len(offers)]
        rest = stretch.text[len(typed) :]
        return rest[:ghost], [rest[:size] if size % 2 else "?" * size for size in tokens]

    typed = type_stretch(stretch(text), suggest, told.append)
    assert sum(told) == len(text)
    assert 0 < typed.num_keystrokes <= typed.num_chars <= len(text)
    assert typed.line_chars + typed.token_chars <= len(text)
    assert typed.num_right <= typed.num_shown


def test_stretches_are_parts_of_the_files() -> None:
    drawn = draw_stretches(TEXTS, "python", num=6, num_lines=3, seed=1)
    assert [stretch.path for stretch in drawn].count("a.py") == 3  # files take turns
    assert "short.py" not in {stretch.path for stretch in drawn}
    for each in drawn:
        assert each.prefix + each.text + each.suffix == TEXTS[each.path]
        assert each.text.count("\n") == 3
    assert drawn == draw_stretches(TEXTS, "python", num=6, num_lines=3, seed=1)
    assert draw_stretches({}, "python", num=2, num_lines=3) == []


def test_summary() -> None:
    rows = [type_stretch(stretch("abcdef\n"), lambda stretch, typed: ("abcdef" if not typed else "", []))] * 2
    summary = summarise_typing(rows)
    assert summary["saved"]["value"] == pytest.approx(5 / 7)
    assert summary["saved"]["n"] == summary["num_chars"] == 14
    assert (summary["num_keystrokes"], summary["num_lines"], summary["num_tokens"]) == (4, 2, 0)
    assert summary["written_by_lines"]["value"] == pytest.approx(6 / 7)
