"""Names token sequences by short numbers, so that what was computed for one is found again."""

# T time

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Fingerprints", "PrefixFingerprints"]


class Fingerprints:
    """128-bit fingerprints of token sequences, for all prefixes of a sequence at once.

    Multilinear hashing (Lemire & Kaser 2014, "Strongly universal string hashing is fast"): the sum of tokens times
    random 64-bit numbers, one per place, modulo 2**64; twice, with independent numbers, which nobody outside knows.
    """

    def __init__(self) -> None:
        self._random = np.random.default_rng()
        self._factors = self._draw(4_096)  # [2, places]
        self._lock = threading.Lock()

    def of_prefixes(self, tokens_T: npt.NDArray[np.int64]) -> PrefixFingerprints:
        factors = self._factors_for(len(tokens_T))[:, : len(tokens_T)]
        sums = np.cumsum(factors * (tokens_T + 1).astype(np.uint64), axis=1)
        return PrefixFingerprints(sums)

    def extend(self, fingerprint: tuple[int, int], place: int, token: int) -> tuple[int, int]:
        """The fingerprint of a sequence with one more token, at the given place (0-based)."""
        factors = self._factors_for(place + 1)
        first = fingerprint[0] + int(factors[0, place]) * (token + 1)
        second = fingerprint[1] + int(factors[1, place]) * (token + 1)
        return first & _MASK, second & _MASK

    def _factors_for(self, num: int) -> npt.NDArray[np.uint64]:
        if num > self._factors.shape[1]:
            with self._lock:
                while num > self._factors.shape[1]:
                    self._factors = np.concatenate([self._factors, self._draw(self._factors.shape[1])], axis=1)
        return self._factors

    def _draw(self, num: int) -> npt.NDArray[np.uint64]:
        return self._random.integers(0, 1 << 64, size=(2, num), dtype=np.uint64)


_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class PrefixFingerprints:
    sums: npt.NDArray[np.uint64]

    @property
    def num_tokens(self) -> int:
        return int(self.sums.shape[1])

    def __call__(self, num: int) -> tuple[int, int]:
        """Of the first num tokens."""
        return int(self.sums[0, num - 1]), int(self.sums[1, num - 1])
