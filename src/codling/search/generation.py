"""One generation of an index, open: the catalogue and the stores that belong to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codling.search.catalogue import Catalogue
from codling.search.encoder import Encoder, load_encoder
from codling.search.lexical import LexicalStore
from codling.search.neural import NeuralStore
from codling.search.places import Pointer, SearchIndexError, collection_prefix
from codling.search.store import Document, FileText, Store, VectorsStore

__all__ = ["Generation"]


class Generation:
    """Open files of one generation. Safe to read from several threads.

    Args:
        folder: the generation's own.
        pointer: what the index says of itself.
        create: make it, empty.

    Raises:
        CodlingError: something of it is damaged, or made by another encoder than the one installed.
    """

    def __init__(self, folder: Path, pointer: Pointer, *, create: bool = False) -> None:
        self.folder, self.pointer = folder, pointer
        self.catalogue = Catalogue(folder / "catalogue.sqlite", create=create)
        self.lexical = LexicalStore(folder / "lexical", create=create)
        self.neural: VectorsStore | None = None
        if pointer.fingerprint:
            self.neural = _vectors(folder, pointer)
            if not create and not len(self.neural) and self.catalogue.num_units:
                raise SearchIndexError(f"{folder / 'vectors'} is missing; index the project again")
        self._lock = threading.Lock()
        self._seen = threading.local()

    @property
    def stores(self) -> Sequence[Store]:
        """All that units are looked for in."""
        return (self.lexical,) if self.neural is None else (self.lexical, self.neural)

    @property
    def encoder(self) -> Encoder | None:
        """What encoded the units; loaded when first asked for.

        Raises:
            SearchIndexError: the one that is installed is another.
        """
        name = self.pointer.options.encoder
        if self.neural is None or name is None:
            return None
        encoder = load_encoder(name)
        if encoder.fingerprint != self.pointer.fingerprint:
            raise SearchIndexError(
                f"the index of {self.pointer.root} was made with another encoder than {name!r} is now;"
                f" `codling index {self.pointer.root}` makes it again"
            )
        return encoder

    @contextmanager
    def reading(self) -> Iterator[Generation]:
        """One state of everything for the block, in this thread: the newest there is.

        The stores take up a change before the catalogue does, and forget what it has replaced only with the next. So
        stores that are refreshed while the catalogue stays at one version have all units of that version.
        """
        with self.catalogue.snapshot():
            version = self.catalogue.version
        while True:
            if getattr(self._seen, "version", None) != version:
                with self._lock:
                    self.lexical.refresh()
                    if self.neural is not None:
                        self.neural.refresh()
            with self.catalogue.snapshot():
                before, version = version, self.catalogue.version
                if version == before:
                    self._seen.version = version
                    yield self
                    return

    def add(self, documents: Sequence[Document], texts: Sequence[FileText]) -> None:
        """Put units and files into the stores; they count from the next commit on."""
        self.lexical.upsert(documents)
        self.lexical.upsert_texts(texts)
        if self.neural is not None:
            self.neural.upsert(documents)

    def remove(self, ids: Sequence[int], text_ids: Sequence[int]) -> None:
        """Take units and files out of the stores."""
        self.lexical.delete(ids)
        self.lexical.delete_texts(text_ids)
        if self.neural is not None:
            self.neural.delete(ids)

    def commit(self) -> None:
        self.lexical.commit()
        if self.neural is not None:
            self.neural.commit()

    def close(self) -> None:
        self.lexical.close()
        if self.neural is not None:
            self.neural.close()
        self.catalogue.close()


def _vectors(folder: Path, pointer: Pointer) -> VectorsStore:
    """Where the vectors of a generation are kept."""
    where = pointer.options.vectors_at
    if where is None:
        return NeuralStore(folder / "vectors", dim=pointer.dim, fingerprint=pointer.fingerprint)
    from codling.search.qdrant import QdrantNeuralStore, connect

    return QdrantNeuralStore(connect(where), collection_prefix(folder.parent) + folder.name, dim=pointer.dim)
