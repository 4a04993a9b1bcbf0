"""Units kept on a Qdrant server, or in the folder of Qdrant's local mode: vectors, and words as sparse vectors.

The second implementation of codling.search.store.Store, for those who keep vectors on a server. Needs the extra
``qdrant``. Catalogue, texts and exact search stay where they are. BM25 as sparse vectors: the server knows how rare a
term is (its IDF modifier), and a unit's weights say how often it has it, for fields of a usual length.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from codling.errors import CodlingError
from codling.search.candidate import BM25, COSINE
from codling.search.lexical import FIELD_WEIGHTS
from codling.search.store import Document, Found, Ids, Request
from codling.search.unit import unit_id

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

__all__ = ["QdrantError", "QdrantNeuralStore", "QdrantWordStore", "connect", "sweep"]

_BATCH = 256  # points of one request
_SATURATION = 1.2  # BM25's k1
_LENGTH = 0.75  # … and b
# Terms of a field as a rule, BM25's avgdl.
_USUAL_TERMS = {"name": 3, "place": 2, "signature": 12, "doc": 20, "all": 100, "path": 5}


class QdrantError(CodlingError):
    """A Qdrant server that does not answer, or not as it should."""


@functools.cache
def connect(where: str) -> QdrantClient:
    """A client for a server's address, or for a folder in Qdrant's local mode; one for a process, which shares it.

    Raises:
        QdrantError: the extra is not installed, or nothing answers there.
    """
    try:
        from qdrant_client import QdrantClient
    except ImportError:
        raise QdrantError("Qdrant needs its client; `pip install codling[qdrant]`") from None
    if where.startswith(("http://", "https://")):
        client = QdrantClient(url=where, check_compatibility=False)
        _asked(where, client.get_collections)
        return client
    try:
        return QdrantClient(path=where)
    except RuntimeError as error:  # another process has it open: local mode is for one
        raise QdrantError(f"{where} cannot be opened: {' '.join(str(error).split())}") from None


def sweep(where: str, prefix: str, keep: str) -> None:
    """Remove the collections whose names begin like this, but for one."""
    client = connect(where)
    for each in _asked(where, client.get_collections).collections:
        if each.name.startswith(prefix) and each.name != keep:
            _asked(where, client.delete_collection, each.name)


class _Collection:
    """What both kinds of units' collections have in common; changes wait until they are committed."""

    part: str

    def __init__(self, client: QdrantClient, name: str, made: dict[str, Any]) -> None:
        self._client, self._name = client, name
        self._waiting: dict[int, models.PointStruct] = {}
        self._removed: set[int] = set()
        if not self._ask(client.collection_exists, name):
            self._ask(client.create_collection, name, **made)

    def __len__(self) -> int:
        """Committed units."""
        return int(self._ask(self._client.count, self._name).count)

    def upsert(self, documents: Sequence[Document]) -> None:
        from qdrant_client import models

        for each in documents:
            vector = self._vector(each)
            if vector is not None:
                payload = {"kind": each.kind, "language": each.language, "file": each.file}
                self._waiting[each.id] = models.PointStruct(id=each.id, vector={self.part: vector}, payload=payload)

    def delete(self, ids: Sequence[int]) -> None:
        for each in ids:
            self._waiting.pop(each, None)
            self._removed.add(each)

    def commit(self) -> None:
        from qdrant_client import models

        if gone := sorted(self._removed - self._waiting.keys()):
            self._ask(self._client.delete, self._name, models.PointIdsList(points=list[Any](gone)), wait=True)
        points = list(self._waiting.values())
        for first in range(0, len(points), _BATCH):
            self._ask(self._client.upsert, self._name, points[first : first + _BATCH], wait=True)
        self._waiting, self._removed = {}, set()

    def refresh(self) -> None:
        """The server's state is everybody's."""

    def close(self) -> None:
        """Others of this process may still use the client."""

    def explain(self, request: Request, id: int) -> dict[str, float]:  # noqa: A002
        found = self._found(request, 1, [id])
        return {self.part: found[0][1]} if found else {}

    def search(self, request: Request, k: int) -> Found:
        return self._found(request, k, None if request.among is None else request.among.tolist())

    def _found(self, request: Request, k: int, among: Iterable[int] | None) -> Found:
        query = self._query(request)
        if query is None:
            return []
        answer = self._ask(
            self._client.query_points,
            self._name,
            query=query,
            using=self.part,
            query_filter=_filter(request, among),
            limit=k,
            with_payload=False,
        )
        return [(int(point.id), float(point.score)) for point in answer.points]

    def _ask(self, function: Any, *values: Any, **named: Any) -> Any:
        return _asked(self._name, function, *values, **named)

    def _vector(self, document: Document) -> Any:
        raise NotImplementedError

    def _query(self, request: Request) -> Any:
        raise NotImplementedError


class QdrantNeuralStore(_Collection):
    """The encoder's vectors, compared by cosine.

    Args:
        name: of the collection; made if it is not there.
        dim: of the vectors.
    """

    part = COSINE

    def __init__(self, client: QdrantClient, name: str, *, dim: int) -> None:
        from qdrant_client import models

        kept = models.VectorParams(size=dim, distance=models.Distance.COSINE)
        super().__init__(client, name, {"vectors_config": {self.part: kept}})

    def scores(self, request: Request, ids: Sequence[int] | Ids) -> dict[int, float]:
        """Cosines of some units; those without a vector are missing."""
        return dict(self._found(request, len(ids), [int(each) for each in ids])) if len(ids) else {}

    def _vector(self, document: Document) -> Any:
        return None if document.vector is None else document.vector.tolist()

    def _query(self, request: Request) -> Any:
        return None if request.vector is None or not request.vector.any() else request.vector.tolist()


class QdrantWordStore(_Collection):
    """Words as sparse vectors, one dimension for each term, whatever its field.

    Args:
        name: of the collection; made if it is not there.
    """

    part = BM25

    def __init__(self, client: QdrantClient, name: str) -> None:
        from qdrant_client import models

        kept = models.SparseVectorParams(modifier=models.Modifier.IDF)
        super().__init__(client, name, {"vectors_config": {}, "sparse_vectors_config": {self.part: kept}})

    def _vector(self, document: Document) -> Any:
        from qdrant_client import models

        weights: dict[int, float] = {}
        for field, text in document.terms.items():
            terms = text.split()
            penalty = _SATURATION * (1 - _LENGTH + _LENGTH * len(terms) / _USUAL_TERMS[field])
            counts: dict[str, int] = {}
            for term in terms:
                counts[term] = counts.get(term, 0) + 1
            for term, count in counts.items():
                weight = FIELD_WEIGHTS[field] * count * (_SATURATION + 1) / (count + penalty)
                weights[_dimension(term)] = weights.get(_dimension(term), 0.0) + weight
        return models.SparseVector(indices=list(weights), values=list(weights.values()))

    def _query(self, request: Request) -> Any:
        from qdrant_client import models

        dimensions = sorted({_dimension(term) for term in request.terms})
        return models.SparseVector(indices=dimensions, values=[1.0] * len(dimensions)) if dimensions else None


def _dimension(term: str) -> int:
    """A term's place in the sparse vectors: 32 bits, where two terms meet once in a billion pairs."""
    return unit_id(term) & 0xFFFFFFFF


def _filter(request: Request, among: Iterable[int] | None) -> models.Filter | None:
    from qdrant_client import models

    def any_of(key: str, values: Iterable[Any]) -> models.FieldCondition:
        return models.FieldCondition(key=key, match=models.MatchAny(any=sorted(values)))

    filters = request.query.filters
    must: list[Any] = [
        any_of(key, values)
        for key, values in (("language", filters.languages), ("kind", filters.kinds), ("file", request.files or ()))
        if values
    ]
    if among is not None:
        must.append(models.HasIdCondition(has_id=list(among)))
    must_not: list[Any] = [
        any_of(key, values)
        for key, values in (("language", filters.not_languages), ("kind", filters.not_kinds))
        if values
    ]
    return models.Filter(must=must, must_not=must_not) if must or must_not else None


def _asked(where: str, function: Any, *values: Any, **named: Any) -> Any:
    """The server's answer.

    Raises:
        QdrantError: there is none.
    """
    from qdrant_client.http.exceptions import ApiException

    try:
        return function(*values, **named)
    except (ApiException, OSError, ValueError) as error:
        said = (" ".join(str(error).split()) or type(error).__name__)[:300]
        raise QdrantError(f"Qdrant does not answer for {where}: {said}") from None
