"""The writer of programs that a server offers: opened when it is first needed, and shared by all doors."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codling.errors import BundleError, InputError
from codling.serve.models import UnknownModelError

if TYPE_CHECKING:
    from codling.write import Writer

__all__ = ["WRITER", "LazyWriter"]

_log = logging.getLogger("codling")

WRITER = "write"
"Name of the bundle that ships."

_MAX_KNOWN = 64  # descriptions whose programs are kept: somebody types below a comment, or comes back to it


class LazyWriter:
    """Safe to use from several threads at once."""

    def __init__(self, bundle: str | Path = WRITER) -> None:
        self._bundle = bundle
        self._writer: Writer | None = None
        self._opening = threading.Lock()
        self._is_missing = False
        self._known: OrderedDict[tuple[str, int], list[tuple[str, float]]] = OrderedDict()
        self._keeping = threading.Lock()

    def open(self) -> Writer:
        """Raises:
        UnknownModelError: there is no such bundle, or it is damaged, or no writer.
        """
        from codling.write import Writer  # NumPy and the grammar, which most keystrokes do without

        with self._opening:
            if self._writer is None:
                try:
                    self._writer = Writer(self._bundle)
                except BundleError as error:
                    raise UnknownModelError(str(error)) from None
            return self._writer

    def programs(self, description: str, limit: int, give_up: Callable[[], bool]) -> list[tuple[str, float]]:
        """Programs and their scores, best first, for a comment in an editor.

        Args:
            give_up: asked between steps; may raise, too.

        Returns:
            None where there is no bundle that writes, or it had to be given up.
        """
        with self._keeping:
            known = self._known.get((description, limit))
        if known is not None or self._is_missing:
            return known or []
        try:
            found = self._write(self.open(), description, limit, give_up)
        except UnknownModelError as error:
            self._is_missing = True
            _log.warning("no programs from comments: %s", error)
            return []
        except InputError:  # nothing that the model would take for words
            found = []
        if found is None:
            return []
        with self._keeping:
            self._known[description, limit] = found
            while len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)
        return found

    @staticmethod
    def _write(
        writer: Writer, description: str, limit: int, give_up: Callable[[], bool]
    ) -> list[tuple[str, float]] | None:
        rows: list[tuple[str, float]] = []
        for state in writer.writing(description, limit=limit):
            if give_up():
                return None
            rows = [(each.code, each.score) for each in state.candidates]
        return rows
