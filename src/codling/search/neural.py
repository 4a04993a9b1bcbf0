"""The neural index, embedded: the encoder's vectors behind the protocol of stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from codling.search.candidate import COSINE
from codling.search.store import Document, Found, Ids, Request
from codling.search.vectors import VectorStore

__all__ = ["NeuralStore"]


class NeuralStore:
    """See codling.search.store.Store.

    Args:
        folder: made by the first commit.
        dim: of the encoder's vectors.
        fingerprint: of the encoder; an index that another one made is refused.

    Raises:
        VectorError: the folder is damaged, or made by another encoder.
    """

    part = COSINE

    def __init__(self, folder: Path, *, dim: int, fingerprint: str) -> None:
        self.vectors = VectorStore(folder, dim=dim, encoder=fingerprint)

    def __len__(self) -> int:
        return len(self.vectors)

    def upsert(self, documents: Sequence[Document]) -> None:
        ids = [each.id for each in documents if each.vector is not None]
        vectors = [each.vector for each in documents if each.vector is not None]
        if ids:
            self.vectors.upsert(ids, np.stack(vectors))

    def delete(self, ids: Sequence[int]) -> None:
        self.vectors.delete(ids)

    def commit(self) -> None:
        self.vectors.commit()

    def refresh(self) -> None:
        self.vectors.refresh()

    def search(self, request: Request, k: int) -> Found:
        if request.vector is None or not request.vector.any():
            return []
        ids, scores = self.vectors.search(request.vector, k, request.among)
        return list(zip(ids.tolist(), scores.tolist(), strict=True))

    def scores(self, request: Request, ids: Sequence[int] | Ids) -> dict[int, float]:
        """Cosines of some units; those without a vector are missing."""
        if request.vector is None or not request.vector.any():
            return {}
        return self.vectors.scores(request.vector, ids)

    def explain(self, request: Request, id: int) -> dict[str, float]:  # noqa: A002
        score = self.scores(request, [id]).get(id)
        return {} if score is None else {COSINE: score}

    def close(self) -> None:
        pass
