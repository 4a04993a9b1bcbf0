"""The extension of Jupyter's server: its settings, its addresses, its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, List, Unicode

from codling_jupyter.backend import Backend
from codling_jupyter.handlers import CompleteHandler, FeedbackHandler, StatusHandler

__all__ = ["CodlingExtension"]


class CodlingExtension(ExtensionApp):
    """Ghost text from a `codling serve` on this machine."""

    name = "codling_jupyter"
    extension_url = "/codling/status"
    load_other_extensions = True

    start_server = Bool(True, config=True, help="Start a `codling serve` where none runs for the same folder.")
    models = List(Unicode(), config=True, help="Bundles for a server that is started: names or paths.")
    read_project = Bool(True, config=True, help="Read the source files beside the notebooks, for their names.")

    def initialize_settings(self) -> None:
        root = Path(getattr(self.serverapp, "root_dir", None) or ".").resolve()
        self.backend = Backend(
            root if self.read_project else None, may_start=self.start_server, models=self.models, log=self.log
        )
        self.settings["codling_backend"] = self.backend
        self.settings["codling_root"] = root

    def initialize_handlers(self) -> None:
        rows: list[tuple[str, Any]] = [
            (r"/codling/complete", CompleteHandler),
            (r"/codling/feedback", FeedbackHandler),
            (r"/codling/status", StatusHandler),
        ]
        self.handlers.extend(rows)

    async def stop_extension(self) -> None:
        await self.backend.close()
