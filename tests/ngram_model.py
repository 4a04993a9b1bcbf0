"""A language model that remembers real text: the longest known context decides, as in an n-gram model with back-off.

It has the protocol of codling.engine.Model without ONNX: a small real fake that completes what it has read, so that a
test can say in plain words which completion it expects.
"""

# B batch, T time, V vocabulary, N context

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from codling.bundle import Card, StateRow
from codling.vocab import DOC, CharVocab, Vocab

__all__ = ["NgramModel"]

_SMOOTHING = 1e-4
_SIZES = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1, 0)  # lengths of contexts, the longest first


class NgramModel:
    """Predicts the token that followed the longest context that it has seen."""

    name = "ngram"

    def __init__(self, *texts: str, order: int = 12, vocab: Vocab | None = None) -> None:
        self.vocab: Vocab = vocab or CharVocab()
        self.order = order
        self.num_calls = 0
        self.card = Card(
            name=self.name,
            kind="lm",
            description="remembers, for tests",
            languages=("python",),
            licence="Apache-2.0",
            states=(StateRow(name="last", shape=(-1, order)),),
        )
        self._counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for text in texts:
            ids = [DOC, *self.vocab.encode(text)]
            for i in range(1, len(ids)):
                for size in self._sizes(i):
                    self._counts[tuple(ids[i - size : i])][ids[i]] += 1

    def _sizes(self, num_known: int) -> list[int]:
        return [size for size in _SIZES if size <= min(num_known, self.order)]

    def initial_state(self, batch: int = 1) -> dict[str, np.ndarray]:
        return {"last": np.full((batch, self.order), -1, np.float32)}

    def run(self, tokens_BT, state) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        self.num_calls += 1
        tokens_BT = np.asarray(tokens_BT, np.int64)
        read_BT = np.concatenate([state["last"].astype(np.int64), tokens_BT], axis=1)
        log_probs_BTV = np.empty((*tokens_BT.shape, self.vocab.size), np.float32)
        for b in range(tokens_BT.shape[0]):
            for t in range(tokens_BT.shape[1]):
                log_probs_BTV[b, t] = self._predict(read_BT[b, t + 1 : t + 1 + self.order].tolist())
        return log_probs_BTV, {"last": read_BT[:, -self.order :].astype(np.float32)}

    def _predict(self, context: list[int]) -> np.ndarray:
        known = [token for token in context if token >= 0]
        for size in self._sizes(len(known)):
            counts = self._counts.get(tuple(known[len(known) - size :]))
            if counts:
                weights_V = np.full(self.vocab.size, _SMOOTHING)
                for token, count in counts.items():
                    weights_V[token] += count
                return np.log(weights_V / weights_V.sum())
        return np.full(self.vocab.size, -np.log(self.vocab.size))
