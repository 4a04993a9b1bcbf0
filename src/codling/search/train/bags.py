"""The mined units as bags of word pieces, in a few flat arrays: what a training step reads.

# N units, V pieces, F fields
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codling.search.encoder import FIELDS
from codling.search.train.mine import read_mined
from codling.search.train.summary import rest_of, summary_of
from codling.search.words import Pieces

__all__ = ["Bags", "Ragged", "read_bags"]

DOC = FIELDS.index("doc")
_MAX_DOC = 1_500  # characters, as codling.search.encoder reads
_MAX_COUNT = 255

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, end to end."""

    offsets: Ints
    "Where each row begins, and where the last ends; length N + 1."
    values: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: Ints) -> tuple[Ints, Ints]:
        """The values of some rows, end to end, and the number in ``rows`` that each belongs to."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        owners = np.repeat(np.arange(len(rows)), lengths)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.values[within + self.offsets[rows][owners]].astype(np.int64), owners

    @classmethod
    def of(cls, rows: list[npt.NDArray[np.int32]]) -> Ragged:
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        return cls(offsets, np.concatenate(rows) if rows else np.zeros(0, np.int32))


@dataclass(frozen=True)
class Bags:
    """All units. A piece of a field is the number ``field · V + piece``, as in codling.search.encoder."""

    num_pieces: int
    pieces: Ragged
    "Distinct pieces of every field but the documentation."
    counts: Ragged
    "How often each of them occurs."
    summary: Ragged
    "Pieces of the summary, in order: the query."
    rest: Ragged
    "Pieces of the documentation without its summary."
    row_N: Ints
    "Of the mined table; a unit whose summary has no piece is left out."
    project_N: Ints
    language_N: Ints
    languages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pieces)

    def piece_counts(self) -> npt.NDArray[np.float64]:
        """How often each piece occurs in all texts, float [V]."""
        counts_V = np.zeros(self.num_pieces)
        np.add.at(counts_V, self.pieces.values % self.num_pieces, self.counts.values)
        for ragged in (self.summary, self.rest):
            np.add.at(counts_V, ragged.values, 1)
        return counts_V


def read_bags(folder: Path, pieces: Pieces, progress: Callable[[int], None] | None = None) -> Bags:
    """Make bags of all that codling.search.train.mine has written into a folder.

    Raises:
        CorpusError: there is nothing.
    """
    found: dict[str, list[npt.NDArray[np.int32]]] = {"pieces": [], "counts": [], "summary": [], "rest": []}
    projects: dict[str, int] = {}
    languages: dict[str, int] = {}
    row_N: list[int] = []
    project_N: list[int] = []
    num_rows = 0
    language_N: list[int] = []
    for table in read_mined(folder):
        for row, doc in enumerate(table["doc"]):
            summary = pieces.ids(summary_of(doc))
            if not summary:
                continue
            keys = [np.zeros(0, np.int64)]
            for number, name in enumerate(FIELDS):
                if number != DOC:
                    keys.append(np.array(pieces.ids(table[name][row]), np.int64) + number * len(pieces))
            distinct, counts = np.unique(np.concatenate(keys), return_counts=True)
            found["pieces"].append(distinct.astype(np.int32))
            found["counts"].append(np.minimum(counts, _MAX_COUNT).astype(np.int32))
            found["summary"].append(np.array(summary, np.int32))
            found["rest"].append(np.array(pieces.ids(rest_of(doc)[:_MAX_DOC]), np.int32))
            row_N.append(num_rows + row)
            project_N.append(projects.setdefault(table["project"][row], len(projects)))
            language_N.append(languages.setdefault(table["language"][row], len(languages)))
        num_rows += len(table["doc"])
        if progress is not None:
            progress(len(project_N))
    return Bags(
        num_pieces=len(pieces),
        pieces=Ragged.of(found["pieces"]),
        counts=Ragged.of(found["counts"]),
        summary=Ragged.of(found["summary"]),
        rest=Ragged.of(found["rest"]),
        row_N=np.array(row_N, np.int64),
        project_N=np.array(project_N, np.int64),
        language_N=np.array(language_N, np.int64),
        languages=tuple(languages),
    )
