"""By what candidates are ordered: how likely the writer finds them, and how well the description could be said of them.

Two weights and a bias turn both into a score in [0, 1] that says how much to trust a candidate. They are fitted on
development pairs: a logistic regression on whether a candidate is the right program, over all candidates of a beam.
"""

# R candidates, F = 3 features

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from codling.errors import BundleError, TrainingError

__all__ = ["RANKING", "Judged", "Ranking", "fit_ranking"]

RANKING = "ranking.json"
"The file of a bundle that holds one."

_KEYS = ("bias", "merit", "missed")
_RIDGE = 1.0  # pulls weights to 0: of a few pairs that can be told apart perfectly, no score should be next to 0 or 1
_MAX_STEPS = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate for a description whose program is known."""

    merit: float
    missed: float
    right: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of what candidates are judged by."""

    bias: float
    merit: float
    "Of the measure that a search compares programs by."
    missed: float
    "Of the nats per word by which a program misses its description."

    def score(self, merit: float, missed: float) -> float:
        """In [0, 1], what candidates are ordered by."""
        x = self.bias + self.merit * merit + self.missed * missed
        return 1 / (1 + math.exp(-x)) if x > -700 else 0.0  # exp overflows beyond

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Ranking:
        """Read what to_json gave.

        Raises:
            BundleError: it is damaged.
        """
        try:
            data = json.loads(text)
            numbers = [float(data[key]) for key in _KEYS]
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            numbers = [math.nan]
        if not all(map(math.isfinite, numbers)):
            raise BundleError(f"the bundle's {RANKING} is damaged; get the bundle again")
        return Ranking(*numbers)


def fit_ranking(judged: Iterable[Judged]) -> Ranking:
    """Fit the weights.

    Raises:
        TrainingError: no candidate is right, or none is wrong.
    """
    rows = list(judged)
    x_RF = np.array([(1.0, each.merit, each.missed) for each in rows]).reshape(-1, len(_KEYS))
    right_R = np.array([each.right for each in rows], float)
    if not 0 < right_R.sum() < len(rows):
        raise TrainingError("candidates can't be ranked by pairs of which all are right, or none")
    weights_F = _newton(x_RF, right_R)
    return Ranking(*map(float, weights_F))


def _newton(x_RF: npt.NDArray[np.float64], right_R: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights of a logistic regression, by Newton's method."""
    weights_F = np.zeros(x_RF.shape[1])
    for _ in range(_MAX_STEPS):
        p_R = 1 / (1 + np.exp(-np.clip(x_RF @ weights_F, -30, 30)))
        gradient_F = x_RF.T @ (right_R - p_R) - _RIDGE * weights_F
        curvature_FF = (x_RF * (p_R * (1 - p_R))[:, None]).T @ x_RF + _RIDGE * np.eye(x_RF.shape[1])
        change_F = np.linalg.solve(curvature_FF, gradient_F)
        weights_F = weights_F + change_F
        if float(np.abs(change_F).max()) < 1e-8:
            break
    return weights_F
