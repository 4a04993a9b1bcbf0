from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.config import describe, flatten, from_mapping, override, parse_assignments, to_mapping
from codling.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Inner:
    lr: float = 1e-3
    "Peak learning rate."
    schedule: Literal["constant", "cosine"] = "constant"
    steps: int | None = None
    "Steps in all;\n    None for no end."


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    orders: tuple[int, ...] = ()
    verbose: bool = False
    optim: Inner = field(default_factory=Inner)


inners = st.builds(
    Inner,
    lr=st.floats(allow_nan=False, allow_infinity=False),
    schedule=st.sampled_from(["constant", "cosine"]),
    steps=st.none() | st.integers(),
)
outers = st.builds(
    Outer, name=st.text(), orders=st.lists(st.integers()).map(tuple), verbose=st.booleans(), optim=inners
)


@given(outers)
def test_what_is_written_reads_back_unchanged(config: Outer) -> None:
    assert from_mapping(Outer, to_mapping(config)) == config


def test_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'optim\.lrr'; did you mean 'lr'"):
        from_mapping(Outer, {"name": "a", "optim": {"lrr": 1}})
    with pytest.raises(ConfigError, match=r"unknown key 'optim\.scedule'; did you mean 'optim\.schedule'"):
        override(Outer(name="a"), {"optim.scedule": "cosine"})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optim.lr": "fast"}, "optim.lr must be float, not 'fast'"),
        ({"optim.schedule": "step"}, "optim.schedule must be one of constant, cosine, not 'step'"),
        ({"optim.steps": "1.5"}, "optim.steps must be int, not '1.5'"),
        ({"verbose": "1"}, "verbose must be bool, not '1'"),
        ({"optim.lr": True}, "optim.lr must be float, not True"),
    ],
)
def test_a_value_of_another_type_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        override(Outer(name="a"), changes)


def test_missing_key_and_wrong_shape() -> None:
    with pytest.raises(ConfigError, match="name"):
        from_mapping(Outer, {})
    with pytest.raises(ConfigError, match="must be a table"):
        from_mapping(Outer, {"name": "a", "optim": [1]})


def test_override_converts_what_was_typed_on_a_command_line() -> None:
    typed = parse_assignments(["optim.lr=0.01", "orders=2,3", "verbose=true", "optim.steps=10_000", "name=x=y"])
    config = override(Outer(name="a"), typed)
    assert config == Outer(name="x=y", orders=(2, 3), verbose=True, optim=Inner(lr=0.01, steps=10_000))
    assert override(config, {"optim.steps": "none"}).optim.steps is None
    assert override(config, {"orders": ""}).orders == override(config, {"orders": "none"}).orders == ()
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        parse_assignments(["lr"])


def test_flatten_and_describe() -> None:
    assert flatten(Outer(name="a"))["optim.schedule"] == "constant"
    assert describe(Inner)["lr"] == "Peak learning rate."
    assert describe(Inner)["steps"] == "Steps in all;\nNone for no end."
