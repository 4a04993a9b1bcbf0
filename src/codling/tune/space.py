"""The dimensions of a search, as typed on a command line: choices or a range for a field of a configuration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codling.config import flatten, override, parse_assignments
from codling.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["Dimension", "grid", "parse_space"]


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One field of the configuration and the values that it may take."""

    name: str
    "Dotted, as in optim.lr."
    choices: tuple[Any, ...] = ()
    "The values; empty for a range."
    low: float | int = 0
    high: float | int = 0
    "Both ends of a range belong to it."
    step: float | int | None = None
    "Values stand this far apart, from low on; None for any."
    log: bool = False
    "Whether the range is searched by ratio rather than by difference."

    def distribution(self) -> BaseDistribution:
        """The same for Optuna."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if self.choices:
            return CategoricalDistribution(self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return IntDistribution(self.low, self.high, log=self.log, step=int(self.step or 1))
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def values(self) -> tuple[Any, ...]:
        """All values, for a grid.

        Raises:
            ConfigError: a range without a step has none to list.
        """
        if self.choices:
            return self.choices
        if self.step is None:
            raise ConfigError(
                f"a grid needs values for {self.name}: list them ({self.name}={self.low},{self.high}) or give the "
                f"range a step ({self.name}={self.low}..{self.high}:step=…)"
            )
        count = math.floor((self.high - self.low) / self.step + 1e-6) + 1  # rounding may leave the last one just below
        return tuple(self.low + i * self.step for i in range(count))


def parse_space(specifications: Sequence[str], config: Any) -> tuple[Dimension, ...]:
    """Read dimensions such as ``optim.lr=0.001,0.01`` or ``model.hidden_size=64..512:log`` or ``a.b=0..1:step=0.25``.

    Args:
        config: the configuration that is searched around; it decides which names there are, and their types.

    Raises:
        ConfigError: no such field (names the nearest), a value that it does not take, or no values.
    """
    dimensions = tuple(
        _parse(name, specification, config) for name, specification in parse_assignments(list(specifications)).items()
    )
    if len(dimensions) < len(specifications):
        raise ConfigError("each dimension is given once")
    if not dimensions:
        raise ConfigError("a search needs a dimension, for example --dim optim.lr=0.001,0.01")
    return dimensions


def grid(dimensions: Sequence[Dimension]) -> list[dict[str, Any]]:
    """Every combination of the dimensions' values, the last dimension changing fastest."""
    combinations = itertools.product(*(dimension.values() for dimension in dimensions))
    return [{d.name: value for d, value in zip(dimensions, values, strict=True)} for values in combinations]


def _parse(name: str, specification: str, config: Any) -> Dimension:
    head, *options = specification.split(":")
    low_text, dots, high_text = head.partition("..")
    if not dots:
        texts = [text.strip() for text in specification.split(",") if text.strip()]
        if not texts:
            override(config, {name: flatten(config).get(name)})  # an unknown name is the better thing to say
            raise ConfigError(f"{name} needs values, for example {name}=1,2,3 or {name}=1..9")
        return Dimension(name=name, choices=tuple(dict.fromkeys(_value(name, text, config) for text in texts)))
    low, high = (_value(name, text.strip(), config) for text in (low_text, high_text))
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)):
        raise ConfigError(f"{name} is no number, so it has no range; list its values, as {name}=A,B")
    step: float | int | None = None
    log = False
    for option in options:
        key, _, text = option.partition("=")
        if option == "log":
            log = True
        elif key == "step" and text:
            step = type(low)(_value(name, text, config))
        else:
            raise ConfigError(f"{name}: a range takes :log or :step=NUMBER, not {option!r}")
    if not low < high or (step is not None and step <= 0):
        raise ConfigError(f"{name}: {head} is empty; the lower end comes first, and a step is above 0")
    if log and (low <= 0 or step is not None):
        raise ConfigError(f"{name}: a :log range starts above 0 and has no step")
    return Dimension(name=name, low=low, high=high, step=step, log=log)


def _value(name: str, text: str, config: Any) -> Any:
    """The text as the field's own type; the whole configuration is checked with it."""
    return flatten(override(config, {name: text}))[name]
