"""What comes next, as decoders want to know it: the network's answer, put right and mixed with what caches know."""

# B batch, V vocabulary

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from codling.vocab import DOC, SUFFIX, Vocab

__all__ = ["Expect", "Expectation", "Mix"]

Expect = Callable[[npt.NDArray[np.float32], Sequence[tuple[int, ...]]], npt.NDArray[np.float32]]
"""From the network's log-probabilities [B, V] and the last tokens of the text before each, the log-probabilities to
decode by. Must not change its arguments."""

Mix = Expect
"A cache's part of that."


class Expectation:
    """The expectation of one request."""

    def __init__(self, vocab: Vocab, *, hints: bool = False) -> None:
        """Args:
        hints: the model was trained with hints among its lines, so that where a line ends it expects one now and then.
        """
        self._hints = hints
        self._mix: Mix | None = None
        self._newlines = np.flatnonzero([piece.startswith(b"\n") for piece in vocab.pieces()])

    def with_mix(self, mix: Mix) -> Expectation:
        """The same with a cache."""
        found = copy.copy(self)
        found._mix = mix
        return found

    def __call__(
        self, log_probs_BV: npt.NDArray[np.float32], recent_B: Sequence[tuple[int, ...]]
    ) -> npt.NDArray[np.float32]:
        if self._hints:
            log_probs_BV = self._without_hints(log_probs_BV, recent_B)
        return log_probs_BV if self._mix is None else self._mix(log_probs_BV, recent_B)

    def _without_hints(
        self, log_probs_BV: npt.NDArray[np.float32], recent_B: Sequence[tuple[int, ...]]
    ) -> npt.NDArray[np.float32]:
        """A hint stands before a line's start, so whoever expects one expects the line to end."""
        lines_BN = np.take(log_probs_BV, self._newlines, axis=1)
        ends_B = np.exp(lines_BN).sum(axis=1)
        hint_B = np.exp(log_probs_BV[:, SUFFIX])
        hint_B[[bool(recent) and recent[-1] == DOC for recent in recent_B]] = 0
        log_probs_BV = log_probs_BV.copy()
        log_probs_BV[:, self._newlines] = lines_BN + np.log1p(hint_B / np.maximum(ends_B, 1e-30))[:, None]
        log_probs_BV[:, SUFFIX] = -np.inf
        return log_probs_BV
