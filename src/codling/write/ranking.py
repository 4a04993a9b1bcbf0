"""By what candidates are ordered: how likely the writer finds them, and how well the description could be said of them.

Yin & Neubig 2019, *Reranking for neural semantic parsing*. One weight balances the two; it is chosen on development
pairs, as the one whose first candidates are best. A logistic regression then turns the sum into a score in [0, 1] that
says how likely a first candidate is the right program.
"""

# R rows, F = 2 features

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from codling.errors import BundleError, TrainingError

__all__ = ["RANKING", "Judged", "Ranking", "fit_ranking"]

RANKING = "ranking.json"
"The file of a bundle that holds one."

_KEYS = ("bias", "merit", "missed")
_BALANCES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0)
_RIDGE = 1.0  # pulls weights to 0: of a few pairs that can be told apart perfectly, no score should be next to 0 or 1
_LEAST_SLOPE = 0.05  # where what is better isn't more often right: scores still say the order
_MAX_STEPS = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate for a description whose program is known."""

    merit: float
    missed: float
    right: bool
    bleu: float
    "In [0, 100]."


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of what candidates are judged by."""

    bias: float
    merit: float
    "Of the measure that a search compares programs by."
    missed: float
    "Of the nats by which a program misses its description, over the root of the number of words; not above 0."

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
            numbers = [data[key] for key in _KEYS]
        except (ValueError, KeyError, TypeError, RecursionError):
            numbers = []
        plain = len(numbers) == len(_KEYS) and all(type(each) in (int, float) for each in numbers)
        if not plain or not all(map(math.isfinite, numbers)) or numbers[1] <= 0 or numbers[2] > 0:
            raise BundleError(f"the bundle's {RANKING} is damaged; get the bundle again")
        return Ranking(*map(float, numbers))


def fit_ranking(judged: Sequence[Sequence[Judged]]) -> Ranking:
    """Fit the weights to the candidates of some descriptions.

    Raises:
        TrainingError: no first candidate is right, or all are.
    """
    lists = [each for each in judged if each]
    balance = max(_BALANCES, key=lambda balance: _worth([_first(each, balance) for each in lists]))
    firsts = [_first(each, balance) for each in lists]
    right_R = np.array([each.right for each in firsts], float)
    if not 0 < right_R.sum() < len(firsts):
        raise TrainingError("candidates can't be ranked by pairs of which all are right, or none")
    x_RF = np.array([(1.0, each.merit - balance * each.missed) for each in firsts])
    bias, merit = map(float, _newton(x_RF, right_R))
    merit = max(merit, _LEAST_SLOPE)
    return Ranking(bias, merit, -merit * balance)


def _first(candidates: Sequence[Judged], balance: float) -> Judged:
    return max(candidates, key=lambda each: each.merit - balance * each.missed)


def _worth(firsts: Sequence[Judged]) -> float:
    """Exact matches and BLEU count the same: where few programs are right to the letter, the latter decides."""
    return sum(each.right + each.bleu / 100 for each in firsts)


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
