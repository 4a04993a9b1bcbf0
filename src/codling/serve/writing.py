"""The writer of programs that a server offers: opened when it is first needed, and shared by all doors."""

from __future__ import annotations

import threading
from pathlib import Path

from codling.errors import BundleError
from codling.serve.models import UnknownModelError
from codling.write import Writer

__all__ = ["WRITER", "LazyWriter"]

WRITER = "write"
"Name of the bundle that ships."


class LazyWriter:
    """Safe to use from several threads at once."""

    def __init__(self, bundle: str | Path = WRITER) -> None:
        self._bundle = bundle
        self._writer: Writer | None = None
        self._opening = threading.Lock()

    def open(self) -> Writer:
        """Raises:
        UnknownModelError: there is no such bundle, or it is damaged, or no writer.
        """
        with self._opening:
            if self._writer is None:
                try:
                    self._writer = Writer(self._bundle)
                except BundleError as error:
                    raise UnknownModelError(str(error)) from None
            return self._writer
