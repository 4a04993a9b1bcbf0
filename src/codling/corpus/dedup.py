"""Find files that are nearly the same: MinHash signatures (Broder 1997) in a banded index.

Signatures come from rensa: hashing shingles takes it a tenth of what it takes datasketch, and the whole step a third
(benchmarks/corpus.py). The index is ours because it must keep the first of each kind in a given order, over signatures
that other processes made.
"""

# P permutations

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

__all__ = ["NUM_PERMUTATIONS", "Index", "signature"]

NUM_PERMUTATIONS = 128  # the estimate's standard error is at most 0.044
SHINGLE = 5  # tokens; Lee et al. 2022 and the StarCoder corpus shingle by five as well
_ROWS = 4  # per band: 32 bands of 4 find a pair at similarity 0.7 with probability 0.9998
_SEED = 1
_TOKEN = re.compile(rb"\w+|[^\w\s]")


def signature(text: str) -> bytes:
    """MinHash signature of a text's five-token shingles: P little-endian uint32."""
    import rensa

    tokens = _TOKEN.findall(text.encode())
    shifted = (tokens[i:] for i in range(min(SHINGLE, len(tokens)) or 1))
    sketch = rensa.RMinHash(num_perm=NUM_PERMUTATIONS, seed=_SEED)
    sketch.update({b" ".join(shingle) for shingle in zip(*shifted, strict=False)})
    return np.array(sketch.digest(), "<u4").tobytes()


class Index:
    """Signatures seen so far, asked for the first that is similar enough."""

    def __init__(self, threshold: float) -> None:
        """Threshold: least Jaccard similarity of two files' shingles, in (0, 1], that makes them near-duplicates."""
        self._min_equal = round(threshold * NUM_PERMUTATIONS)
        self._bands: list[dict[bytes, list[int]]] = [{} for _ in range(NUM_PERMUTATIONS // _ROWS)]
        self._signatures: list[npt.NDArray[np.uint32]] = []

    def find_or_add(self, signature: bytes) -> tuple[int, float] | None:
        """The earliest similar signature's number and its estimated similarity; if there is none, add it: None.

        Numbers count the signatures that were added, from 0.
        """
        found = self.find(signature)
        if found is None:
            number = len(self._signatures)
            self._signatures.append(np.frombuffer(signature, "<u4"))
            for key, band in zip(_keys(signature), self._bands, strict=True):
                band.setdefault(key, []).append(number)
        return found

    def find(self, signature: bytes) -> tuple[int, float] | None:
        """The earliest similar signature's number and its estimated similarity; None if there is none."""
        row = np.frombuffer(signature, "<u4")
        candidates = {n for key, band in zip(_keys(signature), self._bands, strict=True) for n in band.get(key, ())}
        for number in sorted(candidates):
            num_equal = int(np.count_nonzero(self._signatures[number] == row))
            if num_equal >= self._min_equal:
                return number, num_equal / NUM_PERMUTATIONS
        return None


def _keys(signature: bytes) -> list[bytes]:
    width = 4 * _ROWS
    return [signature[i : i + width] for i in range(0, len(signature), width)]
