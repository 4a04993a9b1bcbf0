"""What a project's files add to what the network expects."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codling.engine.expectation import Expectation
from codling.engine.gate import GATE_FILE, default_gate, load_gate, mix
from codling.engine.project import FileView, ProjectCache

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from codling.bundle import Bundle
    from codling.engine.model import Model

__all__ = ["Mixing"]

MAX_FILES = 16  # that are open at once; a file that comes back is counted again, in some milliseconds


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
        self._views: OrderedDict[str, FileView] = OrderedDict()
        self._lock = threading.Lock()
        self._plain = Expectation(model.vocab, hints=card.hints > 0)

    @property
    def project(self) -> ProjectCache | None:
        return self._cache if self._cache is not None and self._cache.root is not None else None

    def expectation(self, path: str | None, before: str, after: str) -> Expectation:
        """For one request.

        Args:
            path: of the file, in the project or not; texts without one are taken for the same file.
            before, after: its text around the cursor, as the model reads it.
        """
        if self._cache is None:
            return self._plain
        view = self._view(self._cache, path or "")
        view.update(before, after)

        def mixed(
            log_probs_BV: npt.NDArray[np.float32], recent_B: Sequence[tuple[int, ...]]
        ) -> npt.NDArray[np.float32]:
            return mix(log_probs_BV, view.candidates(recent_B), self._gate)

        return self._plain.with_mix(mixed)

    def _view(self, cache: ProjectCache, path: str) -> FileView:
        with self._lock:
            view = self._views.get(path)
            if view is None:
                view = self._views[path] = cache.file(path)
            self._views.move_to_end(path)
            while len(self._views) > MAX_FILES:
                self._views.popitem(last=False)
            return view
