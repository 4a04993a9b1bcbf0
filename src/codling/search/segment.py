"""One segment of a vector store: int8 rows that never change, compared one by one or through a graph.

# N rows of a segment, D dimensions
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from codling.errors import CodlingError

if TYPE_CHECKING:
    from numkong import PackedMatrix
    from usearch.index import Index

__all__ = ["Segment", "VectorError", "largest", "quantised"]

_EXPANSION_SEARCH = 128  # nodes of a graph that a search keeps in view: recall@10 above 0.97 at a million rows
_PASSES_UNPACKED = 3  # over all rows: packing them takes as long as a few, and halves those that follow

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class VectorError(CodlingError):
    """A vector store that is damaged, or that was made by another encoder."""


def quantised(vectors_ND: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Rows as int8, and what each is to be multiplied by; the largest number of a row becomes ±127."""
    largest_N = np.abs(vectors_ND).max(axis=1, initial=0.0)
    scale_N = np.where(largest_N > 0, largest_N / 127, 1).astype(np.float32)
    return np.rint(vectors_ND / scale_N[:, None]).astype(np.int8), scale_N


@dataclass
class Segment:
    """Rows sorted by id; files never change, only the set of dead rows does, and that has a file of its own."""

    folder: Path
    name: str
    ids_N: Ids
    codes_ND: npt.NDArray[np.int8]
    scale_N: Floats
    dead: str = ""
    "File of the numbers of dead rows; empty for none."
    alive_N: npt.NDArray[np.bool_] = field(init=False)
    num_passes: int = field(default=0, init=False)
    "Queries that were compared with all rows."

    def __post_init__(self) -> None:
        self.alive_N = np.ones(len(self.ids_N), bool)
        if self.dead:
            self.alive_N[np.load(self.folder / self.dead, allow_pickle=False)] = False

    @property
    def num_alive(self) -> int:
        return int(np.count_nonzero(self.alive_N))

    @cached_property
    def graph(self) -> Index | None:
        """The graph over a long segment, mapped and not read; None for a short one."""
        path = self.folder / f"{self.name}.usearch"
        if not path.is_file():
            return None
        from usearch.index import Index

        index = Index.restore(path, view=True, expansion_search=_EXPANSION_SEARCH)
        if index is None or len(index) != len(self.ids_N):
            raise VectorError(f"{path} is damaged; index the project again")
        return index

    def rows_of(self, ids: Ids) -> npt.NDArray[np.int64]:
        """Numbers of the living rows with these ids, in the order of ids; those that are elsewhere are left out."""
        if not len(self.ids_N) or not len(ids):
            return np.zeros(0, np.int64)
        rows = np.searchsorted(self.ids_N, ids)
        rows[rows == len(self.ids_N)] = 0
        found: npt.NDArray[np.int64] = rows[(self.ids_N[rows] == ids) & self.alive_N[rows]]
        return found

    @cached_property
    def packed(self) -> PackedMatrix:
        """The codes in the order in which a processor reads them fastest, a copy in memory."""
        import numkong

        return numkong.dots_pack(np.ascontiguousarray(self.codes_ND), dtype="int8")

    def scores(self, query_D: npt.NDArray[np.int8], rows: npt.NDArray[np.int64] | None = None) -> Floats:
        """Products with a query, for some rows or for all."""
        if rows is None:
            return self._all_scores(query_D)
        return _products(query_D, self.codes_ND[rows]) * self.scale_N[rows]

    def _all_scores(self, query_D: npt.NDArray[np.int8]) -> Floats:
        self.num_passes += 1
        if self.num_passes <= _PASSES_UNPACKED or not len(self.ids_N):
            return _products(query_D, self.codes_ND) * self.scale_N
        import numkong

        products_1N = np.asarray(numkong.dots_packed(query_D[None], self.packed), np.float32)
        scores_N: Floats = products_1N[0] * self.scale_N
        return scores_N

    def nearest(self, query_D: npt.NDArray[np.int8], k: int) -> tuple[npt.NDArray[np.int64], Floats]:
        """About the k best living rows, and their products with the query."""
        if self.graph is None:
            scores_N = self.scores(query_D)
            scores_N[~self.alive_N] = -np.inf
            rows = largest(scores_N, min(k, self.num_alive))
            return rows, scores_N[rows]
        spare = min(len(self.ids_N) - self.num_alive, k)
        found = self.graph.search(query_D, k + spare).keys
        rows = np.asarray(found, np.int64)
        rows = rows[self.alive_N[rows]][:k]
        return rows, self.scores(query_D, rows)


def _products(query_D: npt.NDArray[np.int8], codes_ND: npt.NDArray[np.int8]) -> Floats:
    if not len(codes_ND):
        return np.zeros(0, np.float32)
    import numkong

    products_1N = np.asarray(numkong.cdist(query_D[None], np.ascontiguousarray(codes_ND), "dot"), np.float32)
    found_N: Floats = products_1N[0]
    return found_N


def largest(scores_N: Floats, k: int) -> npt.NDArray[np.int64]:
    """Numbers of the k largest, best first; of equals the earlier one."""
    if k <= 0:
        return np.zeros(0, np.int64)
    best = np.argpartition(-scores_N, k - 1)[:k] if k < len(scores_N) else np.arange(len(scores_N))
    return best[np.lexsort((best, -scores_N[best]))]
