"""What all that answers one editor shares: settings, folders, models, and how the user is told of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codling import __version__
from codling.errors import CodlingError
from codling.serve.desk import Cancelled
from codling.serve.lsp.documents import Documents
from codling.serve.lsp.jobs import Jobs
from codling.serve.lsp.protocol import Protocol
from codling.serve.lsp.settings import Settings, read_settings
from codling.serve.lsp.tally import Tally
from codling.serve.lsp.watching import report_indexing
from codling.serve.lsp.workbench import Workbench
from codling.serve.writing import LazyWriter

__all__ = ["Session"]

_log = logging.getLogger("codling")

_MAX_SAID = 100  # lines that are shown to a user in one session


class Session:
    """One editor's session, on the event loop."""

    def __init__(self, server: LanguageServer, protocol: Protocol, model: str | None = None) -> None:
        """Args:
        model: name or path of the bundle to use when the client's settings name none.
        """
        self.server = server
        self.documents: Documents = protocol.documents
        self.settings = Settings()
        self.folders: list[Path] = []
        self.workbench: Workbench | None = None
        "None until the first models are chosen."
        self.languages: frozenset[str] | None = None
        "Those that a model knows; None until that is known."
        self.jobs, self.tally = Jobs(), Tally()
        self.answered: tuple[str, float] | None = None
        "The model that answered last, and in how many milliseconds."
        self.on_new_models: Callable[[], None] = lambda: None
        "Called when what was suggested does not count any more."
        self._protocol, self._model, self._writer = protocol, model, LazyWriter()
        self._state: tuple[str, str | None] = ("starting", None)
        self._said: set[str] = set()

    @property
    def model(self) -> str | None:
        """Name or path of the bundle that was chosen, if one was."""
        return self.settings.model or self._model

    @property
    def threshold(self) -> float:
        """Least probability of what is shown unasked."""
        chosen = self.settings.threshold
        return (self.tally.threshold or 0.0) if chosen is None else chosen

    def take_settings(self, given: object) -> None:
        self.settings, wrong = read_settings(given)
        for line in wrong:
            self.warn(line)

    async def set_up(self) -> None:
        """Models and indexes for the folders and settings as they are now."""
        before, settings = self.workbench, self.settings
        try:
            self.workbench = workbench = Workbench(
                self.folders,
                model=self.model,
                project=settings.project,
                index=settings.index,
                use_server=settings.use_server,
                writer=self._writer,
            )
        except CodlingError as error:
            self.fail(str(error))
            return
        self.on_new_models()
        self._set_state("loading")

        def load(_: Cancelled) -> frozenset[str]:
            if before is not None:
                before.close()
            self.tally.load()
            languages = workbench.languages
            workbench.start()
            return languages

        try:
            self.languages = await self.jobs.run(load)
        except CodlingError as error:
            self.fail(str(error))
            return
        except Exception:
            _log.exception("models and indexes could not be set up")
            self.fail("something in codling broke; its log says more")
            return
        self._set_state("ready")
        self.jobs.background(report_indexing(self.server, workbench.code, self.tell))

    def fail(self, words: str) -> None:
        """There are no suggestions, and this is why."""
        self._set_state("error", words)
        self.warn(words)

    def warn(self, words: str) -> None:
        """Show a line to the user, once."""
        if words not in self._said and len(self._said) < _MAX_SAID:
            self._said.add(words)
            self.server.window_show_message(
                types.ShowMessageParams(type=types.MessageType.Warning, message=f"codling: {words}")
            )

    def _set_state(self, state: str, error: str | None = None) -> None:
        self._state = state, error
        self.tell()

    def status(self) -> dict[str, Any]:
        """What ``codling/status`` says."""
        state, error = self._state
        workbench, answered = self.workbench, self.answered
        return {
            "state": state if self.settings.enabled else "off",
            "error": error,
            "model": answered[0] if answered else None,
            "ms": round(answered[1], 1) if answered else None,
            "languages": sorted(self.languages or ()),
            "server": workbench.server if workbench else None,
            "folders": [msgspec.to_builtins(repo.message) for repo in workbench.code.repos] if workbench else [],
            "version": __version__,
        }

    def tell(self) -> None:
        """Send the status, behind the answer that is being given."""
        if self.settings.status:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, lambda: self._protocol.notify("codling/status", self.status()))
