"""How much of a line is shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling import Completer
from codling.complete.sure import sure_length
from codling.errors import ConfigError
from ngram_model import NgramModel

# After "x = " the file goes on with "first(" always, and then in four ways.
SOURCE = "".join(f"x = first({name}, 1)\n" for name in ("alpha", "beta", "gamma", "delta"))


def marks(text: str, *sure: tuple[int, float]) -> list[tuple[int, float]]:
    """Every character is certain but for some, which have a probability."""
    uncertain = dict(sure)
    log_prob, rows = 0.0, []
    for at in range(len(text)):
        log_prob += math.log(uncertain.get(at, 1.0))
        rows.append((at + 1, log_prob))
    return rows


@pytest.mark.parametrize(
    ("text", "unsure", "shown"),
    [
        ("first(alpha, 1)", 100, "first(alpha, 1)"),
        ("first(alpha, 1)", 9, "first"),  # not half a word, and no bracket that stays open
        ("first(alpha, 1)", 13, "first(alpha"),
        ("a.mean() + b", 11, "a.mean()"),
        ('f("a", "b")', 8, 'f("a"'),
        ("return f'a {b}'", 8, "return"),
        ("half", 2, ""),
    ],
)
def test_whole_words_and_no_open_end(text: str, unsure: int, shown: str) -> None:
    assert text[: sure_length(text, marks(text, (unsure, 0.1)), math.log(0.25))] == shown


def test_what_a_limit_cut_off_is_not_taken_for_whole() -> None:
    text = "first + seco"
    assert sure_length(text, marks(text), -math.inf, whole=False) == len("first")
    assert sure_length(text, marks(text), -math.inf, whole=True) == len(text)


@given(st.text(alphabet="ab1.(\"', =", max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_who_wants_to_be_surer_sees_no_more(text: str, first: float, second: float) -> None:
    rows = [(at + 1, -0.2 * (at + 1)) for at in range(len(text))]
    less, more = sorted(math.log(max(value, 1e-9)) for value in (first, second))
    assert sure_length(text, rows, more) <= sure_length(text, rows, less)


def test_a_suggestion_ends_where_the_model_is_unsure() -> None:
    model = NgramModel(SOURCE, order=8)
    (suggestion,) = Completer(model, sure=0.3).complete("x = ").suggestions
    assert suggestion.text == "first"
    assert suggestion.score > 0.9  # that of what is shown, not of a line
    (whole,) = Completer(model, sure=0).complete("x = ").suggestions
    assert whole.text in {f"first({name}, 1)" for name in ("alpha", "beta", "gamma", "delta")}
    assert whole.score < 0.3
    many = Completer(model, sure=0.3).complete("x = first(", limit=4).suggestions  # each is sure from its first word on
    assert {row.text for row in many} == {f"{name}, 1)" for name in ("alpha", "beta", "gamma", "delta")}


def test_the_line_above_is_not_suggested_again() -> None:
    model = NgramModel("x = 1\nx = 1\nx = 1\nx = 1\n", order=8)
    assert Completer(model).complete("x = 1\n").suggestions == ()
    assert Completer(model).complete("y = 1\nx").suggestions[0].text == " = 1"


@pytest.mark.parametrize("sure", [-0.1, 1.5, math.nan])
def test_sure_is_a_probability(sure: float) -> None:
    with pytest.raises(ConfigError, match="sure"):
        Completer(NgramModel("x"), sure=sure)
