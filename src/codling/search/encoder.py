"""The neural half of search: code and queries as unit vectors that lie close when one describes the other.

Both sides are weighted bags of word pieces: one table of vectors for each side, and for each field of a unit a weight
per piece, all learned (codling.search.train). No recurrence and no attention on the side of the code, so that indexing
costs tens of microseconds a function; and no PyTorch, nor ONNX Runtime, for a bag is a matrix product.

# N units or queries, V pieces, D dimensions, F fields
"""

from __future__ import annotations

import functools
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from codling.bundle import Bundle, load_bundle
from codling.errors import BundleError
from codling.search.unit import Unit
from codling.search.words import Pieces, identifiers

__all__ = ["ENCODER_FORMAT", "FIELDS", "Encoder", "load_encoder", "unit_fields"]

ENCODER_FORMAT = 2
"Version of what encoder.npz holds and of how units become fields; a reader refuses others."

FIELDS = ("name", "place", "signature", "doc", "code")
"What a unit is read as. place is what it stands in: class, file, folder."

_MAX_DOC = 1_500  # characters; what follows are parameters and examples
_MAX_CODE = 3_000
_BLOCK = 64  # units summed at once

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int32]


def unit_fields(unit: Unit) -> tuple[str, str, str, str, str]:
    """The texts of FIELDS, in that order."""
    name, place = _head_fields(unit)
    return name, place, unit.signature, unit.doc[:_MAX_DOC], unit.code[:_MAX_CODE]


def _head_fields(unit: Unit) -> tuple[str, str]:
    """Name and place."""
    file, folders = _file_and_folders(unit.path)
    return unit.name or file, f"{unit.qualified_name.rpartition('.')[0]} {file} {folders}"


@functools.lru_cache(maxsize=64)
def _file_and_folders(path: str) -> tuple[str, str]:
    """A file's name without its suffix, and the two folders above it: the same for all units of a file."""
    pure = PurePosixPath(path)
    return pure.stem, " ".join(pure.parts[-3:-1])


def _field_identifiers(unit: Unit) -> tuple[list[str], ...]:
    """The identifiers of unit_fields; long texts are cut first, for the cut may go through a word."""
    return (
        *map(identifiers, (*_head_fields(unit), unit.signature)),
        unit.doc_identifiers if len(unit.doc) <= _MAX_DOC else identifiers(unit.doc[:_MAX_DOC]),
        unit.code_identifiers if len(unit.code) <= _MAX_CODE else identifiers(unit.code[:_MAX_CODE]),
    )


class Encoder:
    """Loaded weights. Safe to share between threads.

    Args:
        pieces: the vocabulary, V pieces.
        code_VD, query_VD: the two tables, int8; one array where the sides share it.
        code_scale_V, query_scale_V: what a row is multiplied by.
        field_weight_FV: how much a piece counts in a field, float.
        query_weight_V: how much it counts in a query.
    """

    def __init__(
        self,
        pieces: Pieces,
        *,
        code_VD: npt.NDArray[np.int8],
        code_scale_V: Floats,
        query_VD: npt.NDArray[np.int8],
        query_scale_V: Floats,
        field_weight_FV: Floats,
        query_weight_V: Floats,
        fingerprint: str,
    ) -> None:
        num_pieces, self.dim = code_VD.shape
        if not (
            len(pieces) == num_pieces
            and query_VD.shape == code_VD.shape
            and code_scale_V.shape == query_scale_V.shape == query_weight_V.shape == (num_pieces,)
            and field_weight_FV.shape == (len(FIELDS), num_pieces)
        ):
            raise BundleError("the encoder's arrays do not fit its vocabulary; get the bundle again")
        self.pieces = pieces
        self.fingerprint = fingerprint
        "Of the weights: vectors made by another encoder cannot be compared with this one's."
        self._code_VD, self._query_VD = code_VD, query_VD
        self._field_weight_FV = field_weight_FV * code_scale_V
        self._query_weight_V = query_weight_V * query_scale_V

    def encode_units(self, units: Iterable[Unit]) -> Floats:
        """Vectors of unit length, float32 [N, D]; zeros where a unit has no word at all."""
        bags = (self._bag(_field_identifiers(unit)) for unit in units)
        blocks = [self._encode_block(block) for block in _blocks(bags, _BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.dim), np.float32)

    def encode_queries(self, queries: Sequence[str]) -> Floats:
        """Vectors of unit length, float32 [N, D]; zeros where a query has no word at all."""
        vectors_ND = np.zeros((len(queries), self.dim), np.float32)
        for row, query in enumerate(queries):
            ids = np.array(self.pieces.ids(query), np.int32)
            if len(ids):
                vectors_ND[row] = self._query_weight_V[ids] @ self._query_VD[ids].astype(np.float32)
        return _normalised(vectors_ND)

    def bag(self, fields: Sequence[str]) -> Ids:
        """A unit's pieces as ``field · V + piece``, in order, repeats and all."""
        return self._bag(list(map(identifiers, fields)))

    def _bag(self, fields: Sequence[list[str]]) -> Ids:
        ids = [self.pieces.ids_of(field) for field in fields]
        found = np.fromiter(chain.from_iterable(ids), np.int32, sum(map(len, ids)))
        found += np.repeat(np.arange(len(ids), dtype=np.int32) * len(self.pieces), list(map(len, ids)))
        return found

    def _encode_block(self, bags: Sequence[Ids]) -> Floats:
        rows, fields, ids, counts = count_pieces(bags, len(self.pieces))
        vectors_ND = np.zeros((len(bags), self.dim), np.float32)
        if len(rows):
            weights_M = self._field_weight_FV[fields, ids] * saturated(counts) * damped(rows * len(FIELDS) + fields)
            starts = np.searchsorted(rows, np.arange(len(bags) + 1))
            for row, (start, end) in enumerate(pairwise(starts)):
                # Not @, which starts threads for a product of this size; they get in the way of the workers that index.
                code_MD = self._code_VD[ids[start:end]]
                vectors_ND[row] = np.einsum("m,md->d", weights_M[start:end], code_MD)
        return _normalised(vectors_ND)


def count_pieces(bags: Sequence[Ids], num_pieces: int) -> tuple[npt.NDArray[np.int64], ...]:
    """The distinct pieces of each field of each unit: row, field, piece and how often it occurs, as four arrays."""
    rows = np.repeat(np.arange(len(bags)), [len(bag) for bag in bags])
    keys = rows * (len(FIELDS) * num_pieces) + (np.concatenate(bags) if bags else rows)
    keys, counts = np.unique(keys, return_counts=True)
    rows, keys = np.divmod(keys, len(FIELDS) * num_pieces)
    fields, ids = np.divmod(keys, num_pieces)
    return rows, fields, ids, counts


def saturated(counts: npt.NDArray[np.int64]) -> Floats:
    """A word that occurs often counts more, but not as often: 1 + ln(count)."""
    return (1 + np.log(counts)).astype(np.float32)


def damped(fields: npt.NDArray[np.int64]) -> Floats:
    """A long field outweighs a short one, but not by its length: 1 / √(distinct pieces of the field), for each piece.

    Args:
        fields: of each piece, the number of its field among all fields of all units.
    """
    return (np.bincount(fields)[fields] ** -0.5).astype(np.float32)


@functools.lru_cache(maxsize=4)
def load_encoder(name: str | Path = "search") -> Encoder:
    """The encoder of a bundle, by name or path; the one that ships is called ``search``.

    Raises:
        BundleError: there is no such bundle, it is damaged, or it is no encoder.
    """
    return read_encoder(load_bundle(name))


def read_encoder(bundle: Bundle) -> Encoder:
    """The encoder in a bundle that has been checked.

    Raises:
        BundleError: it holds no encoder, or one of another format.
    """
    if bundle.card.kind != "search":
        raise BundleError(f"bundle {bundle.path} is of kind {bundle.card.kind!r}; search needs one of kind 'search'")
    try:
        vocabulary = json.loads(bundle.file("vocab.json").read_bytes())
        data = bundle.file("encoder.npz").read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            stored = {key: arrays[key] for key in arrays.files}
        if vocabulary["format"] != ENCODER_FORMAT:
            raise BundleError(
                f"bundle {bundle.path} has format {vocabulary['format']!r}; this codling reads {ENCODER_FORMAT}"
            )
        return Encoder(
            Pieces(vocabulary["pieces"]),
            code_VD=stored["code"],
            code_scale_V=stored["code_scale"].astype(np.float32),
            query_VD=stored.get("query", stored["code"]),
            query_scale_V=stored.get("query_scale", stored["code_scale"]).astype(np.float32),
            field_weight_FV=stored["field_weight"].astype(np.float32),
            query_weight_V=stored["query_weight"].astype(np.float32),
            fingerprint=bundle.card.files["encoder.npz"].sha256[:16],  # which it has been checked against
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BundleError(f"bundle {bundle.path} is damaged ({error}); get it again") from None


def _blocks(bags: Iterable[Ids], size: int) -> Iterator[list[Ids]]:
    block: list[Ids] = []
    for bag in bags:
        block.append(bag)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block


def _normalised(vectors_ND: Floats) -> Floats:
    norms_N = np.sqrt(np.einsum("nd,nd->n", vectors_ND, vectors_ND))
    unit_ND: Floats = vectors_ND / np.maximum(norms_N, math.ulp(1.0))[:, None]
    return unit_ND
