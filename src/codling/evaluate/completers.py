"""The completer as a user has it, in one of the modes, for files of several projects."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codling.bundle import Bundle
from codling.complete import Completer
from codling.complete.completer import SURE
from codling.engine.model import load_model
from codling.evaluate.modes import Mode
from codling.evaluate.sources import SourceFile
from codling.types import Kind, Suggestion

__all__ = ["Completers"]


class Completers:
    """Asks for suggestions in files; a project is read when one of its files is first asked about.

    A bundle that brings no gate counts nothing without a project, so that dynamic is static for it, as in the editor.
    """

    def __init__(
        self, bundle: Bundle, files: Sequence[SourceFile], mode: Mode, *, sure: float = SURE, threads: int = 1
    ) -> None:
        """Args:
        files: those that may be asked about, which know their projects.
        sure: see Completer.
        """
        self._bundle = bundle
        self._files = {file.name: file for file in files}
        self._mode = mode
        self._sure = sure
        self._threads = threads
        self._by_root: dict[Path | None, Completer] = {}

    def ask(self, name: str, prefix: str, suffix: str = "", *, kind: Kind = "line", limit: int = 1) -> list[str]:
        """Texts to insert in a file at a cursor, best first; the arguments are those of suggestions."""
        return [row.text for row in self.suggestions(name, prefix, suffix, kind=kind, limit=limit)]

    def suggestions(
        self, name: str, prefix: str, suffix: str = "", *, kind: Kind = "line", limit: int = 1
    ) -> tuple[Suggestion, ...]:
        """What to insert in a file at a cursor, best first.

        Args:
            name: of the file.
        """
        file = self._files[name]
        completer = self._completer(file)
        path = str(file.root / file.path) if file.root else file.path or file.name
        language = file.language or None
        answer = completer.complete(prefix, suffix, kind=kind, limit=limit, language=language, path=path)
        return answer.suggestions

    def first(self, name: str, prefix: str, suffix: str = "") -> str:
        """The line that is offered, empty for none."""
        return next(iter(self.ask(name, prefix, suffix)), "")

    def _completer(self, file: SourceFile) -> Completer:
        root = file.root if self._mode == "maintenance" else None
        if root not in self._by_root:
            self._by_root[root] = self._make(root)
        return self._by_root[root]

    def _make(self, root: Path | None) -> Completer:
        if self._mode == "static":  # a model by itself has no gate, so that nothing is counted
            return Completer(load_model(self._bundle, self._threads), sure=self._sure)
        return Completer(self._bundle.path, self._threads, sure=self._sure, project=root)
