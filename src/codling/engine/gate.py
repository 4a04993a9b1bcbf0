"""How much to believe the cache: a small network that weighs it against the language model, place by place.

The mixture is p = (1 - g) p_network + g p_cache. The gate g comes from what both say: how long the context was that the
cache found, how often and with how many different successors, how sure each of the two is, and what each thinks of the
other's favourite. Its weights are learned on held-out projects (``codling bundle fit-gate``) and travel in the bundle
as ``gate.json``; a bundle without one gets a gate by rule of thumb.
"""

# B contexts, V vocabulary, C candidates, F features, H hidden units

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.bundle import Bundle
from codling.engine.ngram_cache import FEATURES, Candidates
from codling.errors import BundleError

__all__ = ["GATE_FEATURES", "GATE_FILE", "Gate", "default_gate", "load_gate", "mix"]

GATE_FILE = "gate.json"
FORMAT = 1

MAX_HIDDEN = 256  # a gate of ours has 16

GATE_FEATURES = (
    *FEATURES,
    "network's best",
    "network on cache's best",
    "network on candidates",
    "cross entropy",
    "cache on network's best",
    "agree",
)
"""All that the gate is told: the cache's features, the network's best log-probability, its log-probability of the
cache's best, its probability of all candidates, what they cost under it in nats, the cache's probability of the
network's best, and whether both have the same best."""

_WORST = -12.0  # log-probabilities below are as bad as this one

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """One hidden layer of tanh, then a logistic unit."""

    mean_F: Floats
    scale_F: Floats
    "Features are taken relative to their mean, in these units."
    hidden_FH: Floats
    hidden_bias_H: Floats
    output_H: Floats
    output_bias: float

    def __call__(self, features_BF: Floats) -> Floats:
        """The cache's share of the mixture, in (0, 1)."""
        hidden_BH = np.tanh((features_BF - self.mean_F) / self.scale_F @ self.hidden_FH + self.hidden_bias_H)
        logits_B = np.clip(hidden_BH @ self.output_H + self.output_bias, -30, 30)
        shares: Floats = 1 / (1 + np.exp(-logits_B))
        return shares

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "features": list(GATE_FEATURES),
            "mean": self.mean_F.tolist(),
            "scale": self.scale_F.tolist(),
            "hidden": self.hidden_FH.tolist(),
            "hidden_bias": self.hidden_bias_H.tolist(),
            "output": self.output_H.tolist(),
            "output_bias": self.output_bias,
        }

    @classmethod
    def from_json(cls, data: Any) -> Gate:
        """Read a gate, and check that it is one.

        Raises:
            BundleError: it is of another format, was learned on other features, or its numbers are not in shape.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise BundleError(f"{GATE_FILE} is of a format that this codling does not read; fit the gate again")
        if data.get("features") != list(GATE_FEATURES):
            raise BundleError(f"{GATE_FILE} was learned on other features than this codling has; fit the gate again")
        try:
            num, hidden = len(GATE_FEATURES), len(data["output"])
            names = ("mean", "scale", "hidden", "hidden_bias", "output")
            arrays = [np.array(data[name], np.float64) for name in names]
            bias = float(data["output_bias"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BundleError(f"{GATE_FILE} is damaged ({type(error).__name__}: {error}); fit the gate again") from None
        shapes = ((num,), (num,), (num, hidden), (hidden,), (hidden,))
        in_shape = all(array.shape == shape for array, shape in zip(arrays, shapes, strict=True))
        if not (in_shape and 0 < hidden <= MAX_HIDDEN):
            raise BundleError(f"{GATE_FILE} is damaged: its numbers are not in shape; fit the gate again")
        finite = np.isfinite(bias) and all(np.isfinite(array).all() for array in arrays)
        if not (finite and (arrays[1] > 0).all()):
            raise BundleError(f"{GATE_FILE} is damaged: numbers out of range; fit the gate again")
        return cls(arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], bias)


def load_gate(bundle: Bundle) -> Gate:
    """The gate of a bundle, or the default one where it has none.

    Raises:
        BundleError: its gate is damaged.
    """
    if GATE_FILE not in bundle.card.files:
        return default_gate()
    try:
        data = json.loads(bundle.file(GATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"bundle {bundle.path}: {GATE_FILE} is damaged ({error}); get the bundle again") from None
    try:
        return Gate.from_json(data)
    except BundleError as error:
        raise BundleError(f"bundle {bundle.path}: {error}") from None


def default_gate() -> Gate:
    """For a network without a gate of its own: one unit that trusts long, frequent, unambiguous contexts."""
    weights = dict.fromkeys(GATE_FEATURES, 0.0) | _DEFAULT_WEIGHTS
    num = len(GATE_FEATURES)
    # A logistic unit by way of a tanh in its linear part.
    scaled = np.array([[weights[name]] for name in GATE_FEATURES]) * _LINEAR
    return Gate(np.zeros(num), np.ones(num), scaled, np.zeros(1), np.array([1 / _LINEAR]), _DEFAULT_BIAS)


_LINEAR = 0.02
_DEFAULT_BIAS = -2.5
_DEFAULT_WEIGHTS = {
    "folder order": 1.0,  # a match in the file counts here and below, too
    "project order": 1.5,
    "left over": -1.5,
    "best": 1.6,
    "network's best": -0.5,
}
"Rounded from a logistic unit that was fitted on the validation projects of the Python corpus."


def gate_features(log_probs_BV: npt.NDArray[np.floating[Any]], candidates: Candidates) -> Floats:
    """What the gate is told about each context, [B, F]; see GATE_FEATURES."""
    rows_B1 = np.arange(len(log_probs_BV))[:, None]
    best_B1 = log_probs_BV.argmax(axis=1)[:, None]
    ids_BC, probs_BC = candidates.ids_BC, candidates.probs_BC
    theirs_BC = np.maximum(log_probs_BV[rows_B1, ids_BC], _WORST)
    is_best_BC = ids_BC == best_B1
    num = len(FEATURES)
    features_BF = np.empty((len(rows_B1), len(GATE_FEATURES)))
    features_BF[:, :num] = candidates.features_BF
    features_BF[:, num] = np.maximum(log_probs_BV[rows_B1, best_B1], _WORST)[:, 0]
    features_BF[:, num + 1] = theirs_BC[:, 0]
    features_BF[:, num + 2] = np.einsum("bc,bc->b", np.exp(theirs_BC), probs_BC > 0)
    features_BF[:, num + 3] = -np.einsum("bc,bc->b", probs_BC, theirs_BC)
    features_BF[:, num + 4] = np.einsum("bc,bc->b", probs_BC, is_best_BC)
    features_BF[:, num + 5] = is_best_BC[:, 0]
    return features_BF


def mix(log_probs_BV: npt.NDArray[np.float32], candidates: Candidates, gate: Gate) -> npt.NDArray[np.float32]:
    """The mixture of a network and a cache, as log-probabilities in nats, float32 [B, V].

    A row without candidates stays as it is, to the bit.
    """
    known_B = candidates.probs_BC[:, 0] > 0
    if not known_B.any():
        return log_probs_BV
    shares_B = np.where(known_B, gate(gate_features(log_probs_BV, candidates)), 0.0)
    mixed_BV = log_probs_BV + np.log1p(-shares_B).astype(np.float32)[:, None]
    rows, columns = np.nonzero(candidates.probs_BC)
    ids = candidates.ids_BC[rows, columns]
    added = np.log(candidates.probs_BC[rows, columns] * shares_B[rows])
    mixed_BV[rows, ids] = np.logaddexp(mixed_BV[rows, ids], added)
    return mixed_BV
