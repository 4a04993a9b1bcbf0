"""Where units are kept so that they can be found: one small protocol for words and for vectors, here or on a server.

The embedded defaults are codling.search.lexical (tantivy) and codling.search.neural (int8 vectors, usearch);
codling.search.qdrant keeps both on a Qdrant server. What a unit *is*, its lines and its text, the catalogue alone
knows: a store gives ids and scores, and an id that the catalogue does not know counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from codling.search.unit import UnitKind

if TYPE_CHECKING:
    from codling.search.query import Query

__all__ = ["Document", "FileText", "Floats", "Found", "Ids", "Request", "Store", "VectorsStore"]

Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Found = list[tuple[int, float]]
"Unit ids and scores, best first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One unit, made ready for the stores."""

    id: int
    file: int
    "Number of its file in the catalogue."
    kind: UnitKind
    language: str
    names: tuple[str, ...]
    "What somebody may call it, lower case: its name, and with what it stands in, ``class.method``."
    terms: dict[str, str]
    "Terms (codling.search.terms) by field, separated by spaces."
    vector: Floats | None = None
    "Of unit length, float32 [D]; None without an encoder."


@dataclass(frozen=True, slots=True)
class FileText:
    """One file's whole text, in which exact strings are looked for."""

    file: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to look for."""

    query: Query
    terms: tuple[str, ...] = ()
    "Of the query's words (codling.search.terms)."
    vector: Floats | None = None
    "Of unit length, float32 [D]; None without an encoder."
    among: Ids | None = None
    "Only these units; None for all that the query's filters on language and kind let pass."
    files: frozenset[int] | None = None
    "Only units of these files; None for all."


class Store(Protocol):
    """Keeps units and finds them by one measure.

    One writer at a time; readers go on with what they have until ``refresh``. Upserts and deletions are seen after
    ``commit``, all or none of them.
    """

    part: str
    "Name of the measure, as in Candidate.parts."

    def upsert(self, documents: Sequence[Document]) -> None:
        """Add units, or put them in the place of those with the same ids."""

    def delete(self, ids: Sequence[int]) -> None:
        """Remove units; ids that are not there are passed over."""

    def commit(self) -> None:
        """Make the changes since the last commit count."""

    def refresh(self) -> None:
        """Take up what another process has committed."""

    def search(self, request: Request, k: int) -> Found:
        """At most k units, best first."""

    def explain(self, request: Request, id: int) -> dict[str, float]:  # noqa: A002
        """What a unit's score is made of, by name; empty when it has none."""

    def close(self) -> None:
        """Let go of files and threads; what is not committed is lost."""


class VectorsStore(Store, Protocol):
    """A store of the encoder's vectors, which can also say how near given units are."""

    def __len__(self) -> int:
        """Committed units."""

    def scores(self, request: Request, ids: Sequence[int] | Ids) -> dict[int, float]:
        """Cosines of some units; those without a vector are missing."""
