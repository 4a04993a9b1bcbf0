"""Nearest neighbours by unit id, on disk: int8, exact while there are few, a usearch graph (HNSW) where there are many.

The store is a folder of segments that never change once written, one file each, and of ``vectors.json``, which says
which of them count. A change writes a new segment and the numbers of the rows that died in older ones, then replaces
``vectors.json`` in one step: whoever reads meanwhile, or after a crash, sees the state before or the state after. Small
segments are merged as they add up.

# N rows of a segment, D dimensions, Q queries
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.files import write_atomically, write_text_atomically
from codling.search.segment import Segment, VectorError, largest, quantised

__all__ = ["EXACT_UP_TO", "VECTORS_FORMAT", "VectorStore"]

VECTORS_FORMAT = 2
"Version of the folder's layout; a reader refuses others."

EXACT_UP_TO = 100_000
"Rows of a segment that are all compared with the query: half a millisecond at 50,000. A longer segment gets a graph."

_MAX_SEGMENTS = 8  # more are merged: each costs a pass
_MAX_DEAD = 0.25  # of all rows; beyond it they are merged away
_MIN_MERGED = 4_096  # rows that are cheap to write again at every change
_CONNECTIVITY, _EXPANSION_ADD = 16, 64  # of the graph: recall@10 above 0.97 at a million rows
_COLUMNS = ("<i8", "<f4", "i1")  # of a segment's file, one behind the other: ids, scales, codes
_ROW_BYTES = 8 + 4  # and a byte for each dimension
_MANIFEST = "vectors.json"
_TRIES = 5  # a reader whose segment vanished while it read the manifest asks again

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class VectorStore:
    """Vectors by unit id. One writer at a time; readers see the last commit before they opened or called ``refresh``.

    Args:
        folder: made by the first commit.
        dim: length of the vectors.
        encoder: fingerprint of what made them; a store made by another is refused.

    Raises:
        VectorError: the folder is damaged, of another format, or made by another encoder.
    """

    def __init__(self, folder: Path, *, dim: int, encoder: str = "") -> None:
        self._folder, self.dim, self._encoder = folder, dim, encoder
        self._lock = threading.Lock()
        self._added: dict[int, Floats] = {}
        self._removed: set[int] = set()
        self._generation = 0
        self._segments: list[Segment] = []
        self.refresh()

    def __len__(self) -> int:
        """Committed vectors."""
        return sum(segment.num_alive for segment in self._segments)

    @property
    def num_bytes(self) -> int:
        """What the committed segments take on disk."""
        files = (path for segment in self._segments for path in self._folder.glob(f"{segment.name}.*"))
        return sum(path.stat().st_size for path in files)

    def refresh(self) -> bool:
        """Take up what another process has committed; whether there was anything."""
        for attempt in range(_TRIES):
            manifest = self._read_manifest()
            if manifest["generation"] == self._generation:
                return False
            try:
                self._segments = [self._open_segment(row) for row in manifest["segments"]]
            except FileNotFoundError:  # a writer removed it after we read the manifest
                if attempt == _TRIES - 1:
                    raise VectorError(f"{self._folder} lacks a segment; index the project again") from None
                continue
            except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
                raise VectorError(f"{self._folder} is damaged ({error}); index the project again") from None
            self._generation = manifest["generation"]
            return True
        return False

    def upsert(self, ids: Sequence[int] | Ids, vectors_ND: Floats) -> None:
        """Add vectors, or put them in the place of those with the same ids; seen after ``commit``."""
        if vectors_ND.shape != (len(ids), self.dim):
            raise ValueError(f"{len(ids)} ids and vectors of shape {vectors_ND.shape}, not ({len(ids)}, {self.dim})")
        with self._lock:
            self._added.update(zip((int(each) for each in ids), vectors_ND.astype(np.float32), strict=True))

    def delete(self, ids: Iterable[int]) -> None:
        """Remove vectors; ids that are not there are passed over. Seen after ``commit``."""
        with self._lock:
            for each in ids:
                self._added.pop(int(each), None)
                self._removed.add(int(each))

    def commit(self) -> None:
        """Write what was added and removed, whole or not at all."""
        with self._lock:
            if not (self._added or self._removed):
                return
            gone = np.fromiter(self._removed | self._added.keys(), np.int64)
            dead = {segment.name: segment.rows_of(gone) for segment in self._segments}
            added_ids = np.fromiter(self._added, np.int64, len(self._added))
            order = np.argsort(added_ids)
            vectors_ND = np.stack(list(self._added.values())) if self._added else np.zeros((0, self.dim), np.float32)
            codes_ND, scale_N = quantised(vectors_ND[order])
            self._write(dead, added_ids[order], codes_ND, scale_N)
            self._added, self._removed = {}, set()

    def search(self, query_D: Floats, k: int, among: Ids | None = None) -> tuple[Ids, Floats]:
        """The k nearest: ids and cosines, best first.

        Args:
            query_D: of unit length.
            among: only these ids, compared exactly however many there are; None for all.
        """
        code_D, scale = self._query(query_D)
        ids, scores = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
        for segment in self._segments:
            if among is None:
                rows, found = segment.nearest(code_D, k)
            else:
                rows = segment.rows_of(among)
                found = segment.scores(code_D, rows)
            ids.append(segment.ids_N[rows])
            scores.append(found)
        all_ids, all_scores = np.concatenate(ids), np.concatenate(scores) * scale
        best = largest(all_scores, min(k, len(all_scores)))
        return all_ids[best], all_scores[best].astype(np.float32)

    def scores(self, query_D: Floats, ids: Sequence[int] | Ids) -> dict[int, float]:
        """Cosines of the units named, by id; those that have no vector are missing."""
        code_D, scale = self._query(query_D)
        asked = np.asarray(ids, np.int64)
        found: dict[int, float] = {}
        for segment in self._segments:
            rows = segment.rows_of(asked)
            scores = segment.scores(code_D, rows) * scale
            found.update(zip(segment.ids_N[rows].tolist(), scores.tolist(), strict=True))
        return found

    def vectors(self, ids: Sequence[int] | Ids) -> dict[int, Floats]:
        """The vectors of the units named, by id, as they were kept."""
        asked = np.asarray(ids, np.int64)
        found: dict[int, Floats] = {}
        for segment in self._segments:
            for row in segment.rows_of(asked).tolist():
                found[int(segment.ids_N[row])] = segment.codes_ND[row] * segment.scale_N[row]
        return found

    def _query(self, query_D: Floats) -> tuple[npt.NDArray[np.int8], float]:
        codes_QD, scale_Q = quantised(np.asarray(query_D, np.float32).reshape(1, -1))
        return codes_QD[0], float(scale_Q[0])

    def _write(
        self, dead: dict[str, npt.NDArray[np.int64]], ids_N: Ids, codes_ND: npt.NDArray[np.int8], scale_N: Floats
    ) -> None:
        generation = self._generation + 1
        kept, merged = self._plan(dead, len(ids_N))
        parts = [(ids_N, codes_ND, scale_N)]
        for segment in merged:
            alive_N = segment.alive_N.copy()
            alive_N[dead[segment.name]] = False
            parts.append((segment.ids_N[alive_N], segment.codes_ND[alive_N], segment.scale_N[alive_N]))
        ids_N, codes_ND, scale_N = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        rows: list[dict[str, Any]] = []
        for segment in kept:
            name = segment.dead
            if len(dead[segment.name]):
                name = f"{segment.name}.{generation:08d}.dead.npy"
                before = np.flatnonzero(~segment.alive_N)
                self._save(name, np.union1d(before, dead[segment.name]))
            rows.append({"name": segment.name, "rows": len(segment.ids_N), "dead": name})
        if len(ids_N):
            order = np.argsort(ids_N)
            name = f"{generation:08d}"
            self._save_rows(name, ids_N[order], scale_N[order], codes_ND[order])
            if len(ids_N) > EXACT_UP_TO:
                self._save_graph(name, codes_ND[order])
            rows.append({"name": name, "rows": len(ids_N), "dead": ""})
        manifest = {
            "format": VECTORS_FORMAT,
            "dim": self.dim,
            "encoder": self._encoder,
            "generation": generation,
            "segments": rows,
        }
        before_files = self._files_in_use()
        write_text_atomically(self._folder / _MANIFEST, json.dumps(manifest, indent=1))
        self.refresh()
        self._sweep(before_files | self._files_in_use())

    def _plan(self, dead: dict[str, npt.NDArray[np.int64]], num_new: int) -> tuple[list[Segment], list[Segment]]:
        """Which segments stay, and which are written again together with what is new."""
        living = {segment.name: segment.num_alive - len(dead[segment.name]) for segment in self._segments}
        total = sum(living.values())
        wasted = sum(len(segment.ids_N) for segment in self._segments) - total
        if len(self._segments) >= _MAX_SEGMENTS or wasted > _MAX_DEAD * max(total, _MIN_MERGED):
            return [], self._segments
        small = max(_MIN_MERGED, num_new)
        kept = [segment for segment in self._segments if living[segment.name] > small]
        return kept, [segment for segment in self._segments if living[segment.name] <= small]

    def _save_rows(self, name: str, ids_N: Ids, scale_N: Floats, codes_ND: npt.NDArray[np.int8]) -> None:
        """One file for one wait until the disk has it; what _open_segment maps."""
        with write_atomically(self._folder / f"{name}.rows") as file:
            for array, kind in zip((ids_N, scale_N, codes_ND), _COLUMNS, strict=True):
                file.write(np.ascontiguousarray(array, kind).data)

    def _save(self, name: str, array: npt.NDArray[Any]) -> None:
        with write_atomically(self._folder / name) as file:
            np.save(file, array, allow_pickle=False)

    def _save_graph(self, name: str, codes_ND: npt.NDArray[np.int8]) -> None:
        from usearch.index import Index

        index = Index(ndim=self.dim, metric="cos", dtype="i8", connectivity=_CONNECTIVITY, expansion_add=_EXPANSION_ADD)
        index.add(np.arange(len(codes_ND)), codes_ND)
        with write_atomically(self._folder / f"{name}.usearch") as file:
            file.write(memoryview(index.save()))  # type: ignore[arg-type]

    def _files_in_use(self) -> set[str]:
        names: set[str] = set()
        for segment in self._segments:
            names |= {f"{segment.name}.{part}" for part in ("rows", "usearch")}
            names.add(segment.dead)
        return names

    def _sweep(self, used: set[str]) -> None:
        """Remove what neither this state nor the one before needs; a reader may still be opening the latter."""
        for path in self._folder.iterdir():
            if path.name[:8].isdigit() and path.name not in used:
                try:
                    path.unlink()
                except OSError:  # Windows keeps a file that somebody has mapped; the next commit tries again
                    continue

    def _open_segment(self, row: dict[str, Any]) -> Segment:
        name = row["name"]
        known = next((each for each in self._segments if (each.name, each.dead) == (name, row["dead"])), None)
        if known is not None:
            return known
        data, num = np.memmap(self._folder / f"{name}.rows", np.uint8, mode="r"), int(row["rows"])
        if len(data) != num * (_ROW_BYTES + self.dim):
            raise ValueError(f"segment {name} does not have {num} rows")
        columns, start = [], 0
        for kind, width in zip(_COLUMNS, (1, 1, self.dim), strict=True):
            end = start + num * width * np.dtype(kind).itemsize
            columns.append(np.asarray(data[start:end]).view(kind))
            start = end
        ids_N, scale_N, codes = columns
        return Segment(self._folder, name, ids_N, codes.reshape(num, self.dim), scale_N, row["dead"])

    def _read_manifest(self) -> dict[str, Any]:
        path = self._folder / _MANIFEST
        try:
            manifest: dict[str, Any] = json.loads(path.read_bytes())
            if manifest["format"] != VECTORS_FORMAT:
                raise VectorError(
                    f"{path} is of format {manifest['format']}, this codling reads {VECTORS_FORMAT}; index again"
                )
            if manifest["dim"] != self.dim or self._encoder not in ("", manifest["encoder"]):
                raise VectorError(f"{path} was made by another encoder; index the project again")
            return {"generation": int(manifest["generation"]), "segments": list(manifest["segments"])}
        except FileNotFoundError:
            return {"generation": 0, "segments": []}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise VectorError(f"{path} is damaged ({error}); index the project again") from None
