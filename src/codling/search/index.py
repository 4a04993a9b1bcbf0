"""The index of one project, and several of them together: the public way into code search."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any

from codling.errors import CodlingError, InputError
from codling.search.generation import Generation
from codling.search.places import IndexOptions, NoIndexError, Pointer, SearchIndexError, index_folder, read_pointer
from codling.search.query import Filters
from codling.search.searchable import Searchable
from codling.search.unit import Entry

if TYPE_CHECKING:  # what only a change needs is imported when there is one: a search starts sooner
    from codling.search.update import Progress, UpdateReport

__all__ = ["CodeIndex", "CodeIndexes"]

_TRIES = 5  # to open an index that others make anew at the same time


class CodeIndex(Searchable):
    """A searchable index of a project's code, kept on disk. Safe to search from several threads and processes, also
    while one of them updates it."""

    def __init__(self, root: Path, folder: Path, pointer: Pointer) -> None:
        """Use build, open or open_or_build."""
        self.root, self.folder = root, folder
        self._pointer = pointer
        self._generation: Generation | None = None
        self._stamp: tuple[int, int] = (0, 0)
        self._lock = threading.Lock()

    @classmethod
    def build(
        cls,
        root: Path | str,
        *,
        folder: Path | None = None,
        encoder: str | None = "search",
        scope: str = "project",
        vectors_at: str | None = None,
        workers: int = 1,
        progress: Progress = lambda *_: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> CodeIndex:
        """Index a folder from the beginning; an index that is there already answers until the new one is whole.

        Args:
            root: the project's folder; with scope "environment" that of a Python environment, as ``.venv``.
            folder: where to keep the index; None for the user's cache folder.
            encoder: name or path of the bundle that encodes units; None to search by words alone.
            vectors_at: address of a Qdrant server that is to keep the vectors; None to keep them with the index.
            workers: processes that read files. They import the main module anew: a script that asks for more than one
                does it under ``if __name__ == "__main__"``.

        Raises:
            InputError: the root is no folder, or no Python environment.
            BundleError: there is no such encoder.
            BusyError: another process writes the index.
        """
        if scope not in ("project", "environment"):
            raise InputError(f"unknown scope {scope!r}; known: project, environment")
        where = _root(root, scope)
        from codling.search.update import build_generation, usable_encoder

        usable = usable_encoder(encoder)
        options = IndexOptions(scope=scope, encoder=usable, vectors_at=vectors_at)  # type: ignore[arg-type]
        build_generation(
            where, index_folder(where, folder), options, workers=workers, progress=progress, cancelled=cancelled
        )
        return cls.open(where, folder=folder)

    @classmethod
    def open(cls, root: Path | str, *, folder: Path | None = None) -> CodeIndex:
        """Open the index of a project, or of the packages of a Python environment.

        Raises:
            NoIndexError: there is none.
            SearchIndexError: it is damaged, or of another version or encoder.
        """
        wanted = Path(root).resolve()
        places = [wanted]
        if (wanted / "pyvenv.cfg").exists():
            from codling.search.walk import environment_root

            places.append(environment_root(wanted))
        for where in places:
            at = index_folder(where, folder)
            pointer = read_pointer(at)
            if pointer is not None and pointer.root not in places:
                raise SearchIndexError(f"{at} holds the index of {pointer.root}, not of {wanted}")
            if pointer is not None and pointer.root == where:
                index = cls(where, at, pointer)
                index.generation().encoder  # noqa: B018 - a damaged index, or another encoder, says so here
                return index
        raise NoIndexError(f"{wanted} is not indexed; `codling index {root}` does it")

    @classmethod
    def open_or_build(cls, root: Path | str, *, folder: Path | None = None, **building: Any) -> CodeIndex:
        """Open the index of a project; where there is none, or one that cannot be used, make it.

        Args:
            building: for build.
        """
        try:
            return cls.open(root, folder=folder)
        except CodlingError:  # none, damaged, of another version, or made by another encoder
            return cls.build(root, folder=folder, **building)

    @property
    def indexes(self) -> Sequence[CodeIndex]:
        return (self,)

    @property
    def name(self) -> str:
        """What ``repo:`` asks for: the name of the project's folder; of an environment's, that of the environment."""
        parts = self.root.parts
        if self._pointer.options.scope == "environment":
            below = next((at for at, part in enumerate(parts) if part.lower() == "lib"), 0)
            return parts[below - 1] if below else self.root.name
        return self.root.name or str(self.root)

    @property
    def options(self) -> IndexOptions:
        """How it was made."""
        return self._pointer.options

    @property
    def num_files(self) -> int:
        return self.generation().catalogue.num_files

    @property
    def num_units(self) -> int:
        return self.generation().catalogue.num_units

    @property
    def num_bytes(self) -> int:
        """What it takes on disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def update(
        self,
        paths: Iterable[str] | None = None,
        *,
        workers: int = 1,
        wait_s: float = 60.0,
        progress: Progress = lambda *_: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> UpdateReport:
        """Take up what has changed on disk since; readers see it from their next query on.

        Args:
            paths: indexed files to look at, below the root with / between folders; None for all, and for new ones.
            wait_s: how long to wait for another writer.

        Raises:
            BusyError: another process writes the index.
        """
        from codling.search.update import update_generation

        return update_generation(
            self.generation(),
            self.folder,
            paths=paths,
            workers=workers,
            wait_s=wait_s,
            progress=progress,
            cancelled=cancelled,
        )

    def watch(self, stop: threading.Event, updated: Callable[[UpdateReport], None] = lambda _: None) -> None:
        """Keep the index true while files change, until stop is set."""
        from codling.search.watch import watch

        watch(self, stop, updated)

    def units(self, path: str) -> list[Entry]:
        """The units of an indexed file, by line, outer before inner; empty for a file that is not indexed."""
        return self.generation().catalogue.in_file(path)

    def text(self, path: str) -> str | None:
        """A file's text as it was indexed; None for a file that is not."""
        return self.generation().catalogue.text(path)

    def relative(self, path: str) -> str:
        """A path as the index has it."""
        if Path(path).is_absolute():
            try:
                return Path(path).resolve().relative_to(self.root).as_posix()
            except ValueError:
                return path
        return PurePosixPath(path.replace(os.sep, "/")).as_posix()

    def is_asked(self, filters: Filters) -> bool:
        """Whether ``repo:`` filters let this index pass."""
        own = (self.name.lower(), self.root.as_posix().lower())

        def named(wanted: str) -> bool:
            return wanted.lower() in own[0] or ("/" in wanted and wanted.lower() in own[1])

        return (not filters.repos or any(map(named, filters.repos))) and not any(map(named, filters.not_repos))

    def generation(self) -> Generation:
        """The state that counts now, open. For codling's own use.

        Raises:
            SearchIndexError: the index is damaged, or gone.
        """
        try:
            about = (self.folder / "index.json").stat()
            stamp = about.st_mtime_ns, about.st_ino
        except OSError:
            raise SearchIndexError(f"the index of {self.root} is gone; `codling index {self.root}` makes it") from None
        if stamp != self._stamp or self._generation is None:
            with self._lock:
                self._go_over(stamp)
        generation = self._generation
        assert generation is not None
        return generation

    def _go_over(self, stamp: tuple[int, int]) -> None:
        """Open the generation that counts; the one before lives until its last query has ended."""
        for attempt in range(_TRIES):
            pointer = read_pointer(self.folder)
            if pointer is None:
                raise SearchIndexError(f"the index of {self.root} is gone; `codling index {self.root}` makes it")
            try:
                if self._generation is None or pointer.generation != self._generation.pointer.generation:
                    self._generation = Generation(self.folder / pointer.generation, pointer)
            except CodlingError:
                if attempt == _TRIES - 1 or read_pointer(self.folder) == pointer:
                    raise
                continue  # another was made meanwhile, and this one was swept away
            self._pointer, self._stamp = pointer, stamp
            return

    def close(self) -> None:
        """Let go of all files."""
        if self._generation is not None:
            self._generation.close()
            self._generation = None
            self._stamp = (0, 0)

    def __enter__(self) -> CodeIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class CodeIndexes(Searchable):
    """Several indexes, searched as one."""

    def __init__(self, indexes: Iterable[CodeIndex]) -> None:
        self._indexes = tuple(indexes)

    @property
    def indexes(self) -> Sequence[CodeIndex]:
        return self._indexes

    def close(self) -> None:
        for each in self._indexes:
            each.close()


def _root(root: Path | str, scope: str) -> Path:
    where = Path(root).resolve()
    if not where.is_dir():
        raise InputError(f"{root} is no folder")
    if scope != "environment":
        return where
    from codling.search.walk import environment_root

    return environment_root(where)
