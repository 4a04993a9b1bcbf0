"""Dimensions as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.errors import ConfigError
from codling.tune.space import Dimension, grid, parse_space


def one(small, text: str) -> Dimension:
    return parse_space([text], small.Config())[0]


def test_choices_and_ranges_take_the_type_of_their_field(small):
    assert one(small, "optim.lr=1, 0.5,1") == Dimension(name="optim.lr", choices=(1.0, 0.5))
    assert one(small, "optim.steps=4..64:log") == Dimension(name="optim.steps", low=4, high=64, log=True)
    assert one(small, "optim.lr=0..1:step=0.25").values() == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert one(small, "optim.steps=2..9:step=3").values() == (2, 5, 8)
    assert one(small, "name=a,b").choices == ("a", "b")


@given(st.floats(1e-6, 1e6), st.integers(1, 60), st.floats(1e-3, 1e3))
def test_a_stepped_range_has_both_its_ends(low, count, step):
    dimension = Dimension(name="x", low=low, high=low + count * step, step=step)
    assert len(dimension.values()) == count + 1


def test_a_grid_is_every_combination_in_order(small):
    dimensions = parse_space(["optim.lr=1,2", "optim.steps=3..5:step=1"], small.Config())
    assert [tuple(point.values()) for point in grid(dimensions)] == [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)]


@pytest.mark.parametrize(
    "text, message",
    [
        ("optim.ler=1,2", r"unknown key 'optim.ler'; did you mean 'optim.lr'\?"),
        ("optim.ler=", r"unknown key 'optim.ler'; did you mean 'optim.lr'\?"),
        ("optim.lr=fast", "must be float, not 'fast'"),
        ("optim.lr=", "needs values"),
        ("optim.lr", "expected KEY=VALUE"),
        ("optim.lr=2..1", "is empty"),
        ("optim.lr=0..1:log", "starts above 0"),
        ("optim.lr=0..1:logarithmic", "takes :log or :step=NUMBER, not 'logarithmic'"),
        ("name=a..b", "is no number"),
    ],
)
def test_what_cannot_be_searched_is_one_clear_line(small, text, message):
    with pytest.raises(ConfigError, match=message) as raised:
        one(small, text)
    assert "\n" not in str(raised.value)


def test_a_grid_needs_values(small):
    with pytest.raises(ConfigError, match=r"a grid needs values for optim.lr"):
        grid(parse_space(["optim.lr=0..1"], small.Config()))
