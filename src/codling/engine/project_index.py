"""The n-grams of a project's files, searched from one of them: which matches stand in its folder, which elsewhere."""

# B contexts, D documents, R matches

from __future__ import annotations

import bisect
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from codling.engine.ngram_cache import FOLDER, PROJECT
from codling.engine.ngrams import Matches, Places, Tokens
from codling.vocab import DOC

__all__ = ["ProjectIndex"]


class ProjectIndex:
    """Some files of a project. Never changes; safe to use from several threads at once."""

    def __init__(self, files: Mapping[str, Tokens], cap: int | None = None) -> None:
        """Args:
        files: tokens by path, with / between folders; a file's tokens hold no DOC.
        cap: see Places; None for its own.
        """
        # Sorted by their parts, so that all that lies below a folder stands side by side.
        self._parts = sorted(tuple(path.split("/")) for path in files)
        self.paths = tuple("/".join(parts) for parts in self._parts)
        start = np.array([DOC], np.uint16)
        pieces = [piece for path in self.paths for piece in (start, np.asarray(files[path], np.uint16))]
        tokens_N = np.concatenate(pieces) if pieces else np.zeros(0, np.uint16)
        self._places = Places(tokens_N) if cap is None else Places(tokens_N, cap)

    @property
    def num_tokens(self) -> int:
        return len(self._places.tokens_N)

    @property
    def num_bytes(self) -> int:
        return self._places.num_bytes + sum(100 + 2 * len(path) for path in self.paths)

    def tokens_of(self, path: str) -> Tokens | None:
        """A file's tokens; None when it is not here."""
        document = self._document(path)
        if document is None:
            return None
        starts = self._places.doc_starts_D
        stop = int(starts[document + 1]) if document + 1 < len(starts) else self.num_tokens
        return self._places.tokens_N[int(starts[document]) + 1 : stop]

    def find(
        self, contexts_BK: Tokens, path: str = "", without: Collection[str] = ()
    ) -> tuple[Matches, npt.NDArray[np.int64]]:
        """Matches for contexts in one of the files, and the level of each: FOLDER or PROJECT.

        Args:
            path: the file that is asked from; its own entry does not count, for what is typed says more. Its folder
                is the one that it lies in, with all below.
            without: other files that do not count, because something newer is known of them.
        """
        matches = self._places.find(contexts_BK)
        documents = self._places.document_of(matches.places_R)
        absent = [found for each in (path, *without) if (found := self._document(each)) is not None]
        if absent:
            keep = documents != absent[0] if len(absent) == 1 else ~np.isin(documents, absent)
            matches, documents = matches.pick(keep), documents[keep]
        first, last = self._folder(path)
        return matches, np.where((documents >= first) & (documents < last), FOLDER, PROJECT)

    def _document(self, path: str) -> int | None:
        parts = tuple(path.split("/"))
        place = bisect.bisect_left(self._parts, parts)
        return place if place < len(self._parts) and self._parts[place] == parts else None

    def _folder(self, path: str) -> tuple[int, int]:
        folder = tuple(path.split("/"))[:-1]

        def head(parts: tuple[str, ...]) -> tuple[str, ...]:
            return parts[: len(folder)]

        return bisect.bisect_left(self._parts, folder, key=head), bisect.bisect_right(self._parts, folder, key=head)
