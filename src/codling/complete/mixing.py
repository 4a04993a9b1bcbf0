"""What a project's files add to what the network expects."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from codling.engine.gate import GATE_FILE, default_gate, load_gate, mix
from codling.engine.ngram_cache import FEATURES, Candidates
from codling.engine.open_file import OpenFile
from codling.engine.project import FileView, ProjectCache

if TYPE_CHECKING:
    import numpy.typing as npt

    from codling.bundle import Bundle
    from codling.engine.decoding import Expect
    from codling.engine.model import Model

__all__ = ["Mixing"]

MAX_FILES = 16  # that are open at once; a file that comes back is counted again, in some milliseconds
MAX_ROWS = 4_096  # contexts whose answers are kept for each: those of one line, unless it is a line without end


class Mixing:
    """Makes each request's expectation. Safe to use from several threads at once.

    A cache is asked where there is a project, and where the bundle brings a gate that has learned how far to trust one;
    without a project it knows the open file only.
    """

    def __init__(
        self, model: Model, bundle: Bundle | None, project: ProjectCache | str | Path | None, *, read: bool = True
    ) -> None:
        """Args:
        bundle: where the model comes from, for its gate; None for the default gate.
        project: its folder or its cache, or None.
        read: read that now.
        """
        card = model.card
        self._model = model
        self._gate = load_gate(bundle) if bundle is not None else default_gate()
        has_gate = bundle is not None and GATE_FILE in card.files
        self._cache: ProjectCache | None = None
        if isinstance(project, ProjectCache):
            self._cache = project
        elif project is not None or has_gate:
            self._cache = ProjectCache(project, model.vocab, languages=card.languages, cleaning=card.cleaning)
            if project is not None and read:
                self._cache.refresh()
        self._views: OrderedDict[str, _View] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def project(self) -> ProjectCache | None:
        return self._cache if self._cache is not None and self._cache.root is not None else None

    def expectation(self, path: str | None, before: str, after: str) -> Expect | None:
        """For one request; None where nothing is mixed in.

        Args:
            path: of the file, in the project or not; texts without one are taken for the same file.
            before, after: its text around the cursor, as the model reads it.
        """
        if self._cache is None:
            return None
        moment = self._view(self._cache, path or "").at(self._cache, before, after)

        def mixed(
            log_probs_BV: npt.NDArray[np.float32], recent_B: Sequence[tuple[int, ...]]
        ) -> npt.NDArray[np.float32]:
            return mix(log_probs_BV, moment.candidates(recent_B), self._gate)

        return mixed

    def _view(self, cache: ProjectCache, path: str) -> _View:
        with self._lock:
            view = self._views.get(path)
            if view is None:
                view = self._views[path] = _View(cache.file(path))
            self._views.move_to_end(path)
            while len(self._views) > MAX_FILES:
                self._views.popitem(last=False)
            return view


_Row = tuple["npt.NDArray[np.int64]", "npt.NDArray[np.float64]", "npt.NDArray[np.float64]"]
"What is expected after one context: tokens, probabilities, features."


class _View:
    """An open file's cache that remembers its answers until something that counts has changed.

    What counts of the open file are its lines but the cursor's, which is being written. So nothing changes while a line
    is typed, and most keystrokes ask about the same contexts again.
    """

    def __init__(self, view: FileView) -> None:
        self._view = view
        self._counted: tuple[object, str, str] = (None, "", "")
        self._moment: _Moment | None = None
        self._lock = threading.Lock()

    def at(self, cache: ProjectCache, before: str, after: str) -> _Moment:
        """The file with a text around the cursor."""
        before = before[: before.rfind("\n") + 1]
        counted = (cache.version, before, after.partition("\n")[2])
        with self._lock:
            if self._moment is None or counted[0] is not self._counted[0] or counted[1:] != self._counted[1:]:
                self._moment = _Moment(self._view, self._view.update(before, "\n" + counted[2]))
                self._counted = counted
            return self._moment


class _Moment:
    """An open file as one request has it. Another that asks meanwhile, with another text, has one of its own."""

    def __init__(self, view: FileView, held: OpenFile) -> None:
        self._view, self._held = view, held
        self._rows: dict[tuple[int, ...], _Row] = {}

    def candidates(self, contexts: Sequence[tuple[int, ...]]) -> Candidates:
        """As FileView.candidates."""
        rows = self._rows = self._rows if len(self._rows) < MAX_ROWS else {}
        unknown = [context for context in dict.fromkeys(contexts) if context not in rows]
        if unknown:
            found = self._view.candidates(unknown, self._held)
            for index, context in enumerate(unknown):
                rows[context] = found.ids_BC[index], found.probs_BC[index], found.features_BF[index]
        known = [rows[context] for context in contexts]
        width = max(len(ids) for ids, _, _ in known)
        joined = Candidates(
            np.zeros((len(known), width), np.int64),
            np.zeros((len(known), width)),
            np.empty((len(known), len(FEATURES))),
        )
        for index, (ids, probs, features) in enumerate(known):
            joined.ids_BC[index, : len(ids)], joined.probs_BC[index, : len(ids)] = ids, probs
            joined.features_BF[index] = features
        return joined
