"""What answers are made of: models and indexes for the folders of one editor's workspace.

Everything here blocks, and is called on a thread. A model is loaded for a folder when a file of it first asks.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from codling.bundle import Card, list_bundles, load_bundle
from codling.serve.codebase import Codebase
from codling.serve.lsp.remote import GoneError, Remote, find
from codling.serve.messages import CompleteRequest, CompleteResponse
from codling.serve.models import Shelf, answer
from codling.serve.writing import LazyWriter

__all__ = ["Workbench", "is_project"]

_log = logging.getLogger("codling")

BUDGET_MS = 1_000  # for one answer; what has been found by then is shown, for nobody looks at a cursor longer


class Workbench:
    """Safe to use from several threads."""

    def __init__(
        self,
        folders: Iterable[Path],
        *,
        model: str | None,
        project: bool,
        index: bool,
        use_server: bool = False,
        writer: LazyWriter | None = None,
    ) -> None:
        """Args:
        folders: of the workspace; those that are no projects, as somebody's home, are left out.
        model: name or path of the one to use; None for the one that fits each language.
        project: read the folders' files for suggestions.
        index: search the folders.
        use_server: ask a `codling serve` that runs for the folders, as long as it does.
        writer: writes the programs that comments ask for; None for one of its own.
        """
        self.folders = [folder for folder in dict.fromkeys(map(Path.resolve, folders)) if is_project(folder)]
        self.code = Codebase(self.folders if index else ())
        self._model, self._project, self._use_server = model, project, use_server
        self._writer = writer or LazyWriter()
        self._remote: Remote | None = None
        self._shelves: dict[Path | None, Shelf] = {}
        self._lock = threading.Lock()
        self._languages: frozenset[str] | None = None
        self._is_closed = False

    def start(self) -> None:
        """Look for a server, or load the first model; begin to index the folders, in the background.

        Raises:
            BundleError: as shelf.
        """
        if self._use_server:
            self._remote = find(self.folders, self._model)
        if self._remote is None:
            self.shelf(self.folders[0] if self.folders else None)
        self.code.start()

    @property
    def server(self) -> str | None:
        """Address of the server that is asked, if one is."""
        remote = self._remote
        return remote.url if remote is not None else None

    @property
    def languages(self) -> frozenset[str]:
        """Those that a model has learned.

        Raises:
            BundleError: the model that was chosen cannot be loaded.
        """
        if self._languages is None:
            if self._model is not None:
                cards = [load_bundle(self._model).card]
            else:
                cards = [card for _, card in list_bundles() if isinstance(card, Card)]
            self._languages = frozenset(language for card in cards if card.kind == "lm" for language in card.languages)
        return self._languages

    def folder_of(self, path: str | None) -> Path | None:
        """The innermost folder that a file lies in."""
        if path is None:
            return None
        holding = [folder for folder in self.folders if Path(path).is_relative_to(folder)]
        return max(holding, key=lambda folder: len(folder.parts), default=None)

    def shelf(self, folder: Path | None) -> Shelf:
        """Models for the files of a folder; made, and the first model loaded, if need be.

        Raises:
            BundleError: there is no model, or not the one that was chosen.
        """
        key = folder if self._project else None
        shelf = self._shelves.get(key)
        if shelf is None:
            with self._lock:
                shelf = self._shelves.get(key)
                if shelf is None:
                    shelf = Shelf([self._model] if self._model is not None else (), project=key)
                    self._shelves[key] = shelf
        return shelf

    def complete(self, message: CompleteRequest, cancelled: Callable[[], bool]) -> CompleteResponse:
        """Raises:
        BundleError: as shelf.
        InputError: the text is no source code.
        CancelledError: cancelled() became true.
        """
        remote = self._remote
        if remote is not None:
            try:
                return remote.complete(msgspec.structs.replace(message, model=self._model))
            except GoneError as error:
                _log.warning("%s; going on without it", error)
                self._remote = None
        shelf = self.shelf(self.folder_of(message.path))
        model = shelf.check(None, message.language)
        completer = shelf.completer(model)
        found = answer(completer, message, programs=self._writer.programs, budget_ms=BUDGET_MS, cancelled=cancelled)
        return CompleteResponse.of(found, model)

    def saved(self, path: str) -> None:
        """Take note that a file was saved."""
        shelf = self._shelves.get(self.folder_of(path) if self._project else None)
        if shelf is not None:
            shelf.saved(path)

    def close(self) -> None:
        """Keep what is known for the next session, and end what goes on in the background."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self.code.close()
        for shelf in self._shelves.values():
            try:
                shelf.close()
            except Exception:  # the others are kept all the same
                _log.exception("what is known of a project could not be kept")


def is_project(folder: Path) -> bool:
    """Whether a folder may be read as a project: not a home and not a whole disk, where some editors start."""
    return folder.is_dir() and folder not in (Path.home(), Path(folder.anchor))
