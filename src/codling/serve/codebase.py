"""The code that a server searches: an index for each folder, made or brought up to date in the background and then
kept true while files change."""

from __future__ import annotations

import itertools
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codling.errors import BusyError, CancelledError, CodlingError, InputError, nearest
from codling.search.index import CodeIndex, CodeIndexes
from codling.search.places import SearchIndexError
from codling.search.update import UpdateReport, usable_encoder
from codling.serve.search_messages import RepoMessage, RepoState

__all__ = ["Codebase", "NotIndexedError", "Repo"]

_log = logging.getLogger("codling")

_LOOK_AFTER_S = 30.0  # between two looks at files that the system cannot watch, and after trouble
_RETRY_S = 3.0  # until another process that writes the index is asked again
_PATIENCE_S = 2.0  # for the threads when the server ends; a build looks up after a few hundred files


class NotIndexedError(InputError):
    """Something was asked about that no index here has: a file, a repository, a unit."""


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """How far one folder is; replaced as a whole, so that every thread may read it."""

    state: RepoState = "waiting"
    done: int = 0
    total: int = 0
    files: int = 0
    units: int = 0
    neural: bool = False
    languages: dict[str, int]
    kinds: dict[str, int]
    error: str | None = None


class Repo:
    """One folder and its index, if there is one yet."""

    def __init__(self, root: Path, name: str, stop: threading.Event, *, neural: bool, workers: int) -> None:
        """Args:
        name: by which clients know it; no other folder of the server has it.
        stop: ends everything.
        neural: search by meaning, too, where the encoder is installed.
        workers: processes to make an index with.
        """
        self.root, self.name = root, name
        self.index: CodeIndex | None = None
        "None until there is one that answers."
        self.settled = threading.Event()
        "Set when there is an index that answers, or it is known that there will be none."
        self._stop, self._encoder, self._workers = stop, "search" if neural else None, workers
        self._is_lost = False  # somebody has deleted or damaged the index since it was opened
        self._told = ""  # the log knows of this trouble
        self._standing = _Standing(languages={}, kinds={})
        self._thread = threading.Thread(target=self._keep, name=f"codling-index-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def message(self) -> RepoMessage:
        s = self._standing
        return RepoMessage(
            name=self.name,
            root=str(self.root),
            state=s.state,
            done=s.done,
            total=s.total,
            files=s.files,
            units=s.units,
            neural=s.neural,
            languages=s.languages,
            kinds=s.kinds,
            error=s.error,
        )

    def _keep(self) -> None:
        """The thread: make the index answer, bring it up to date, then follow the files; after any trouble, again."""
        try:
            while not self._stop.is_set():
                try:
                    self._open()
                    self._take_up_changes()
                    self._watch()
                except CancelledError:
                    raise
                except Exception as error:  # the server goes on without, or with the index as it is
                    self._fail(error)
        except CancelledError:
            pass
        finally:
            self.settled.set()

    def _fail(self, error: Exception) -> None:
        """Say what is wrong, and wait: a disk is full for a while, a folder away, an index deleted."""
        if isinstance(error, CodlingError):
            words, pause_s = str(error), _RETRY_S if self.index is not None else _LOOK_AFTER_S
        elif isinstance(error, OSError):
            words, pause_s = f"{error.filename or self.root}: {error.strerror or error}", _LOOK_AFTER_S
        elif isinstance(error, sqlite3.Error):  # a full disk, mostly
            words, pause_s = f"{error} ({self.root})", _LOOK_AFTER_S
        else:
            words, pause_s = f"{type(error).__name__}; the server's log says more", _LOOK_AFTER_S
        if words != self._told:
            known = isinstance(error, (CodlingError, OSError, sqlite3.Error))
            _log.warning("the index of %s cannot be kept: %s", self.root, words, exc_info=None if known else error)
        self._told = words
        self._is_lost = isinstance(error, SearchIndexError)
        self._set(state="failed", error=words)
        self.settled.set()
        self._stop.wait(pause_s)

    def _open(self) -> None:
        while self.index is None or self._is_lost:
            try:
                index = CodeIndex.open(self.root)
                _ = index.generation().encoder  # loaded now, not in the first search; an error if it is another's
                self._use(index)
            except CodlingError:  # none, damaged, of another version, or made by another encoder
                self._build()
        if self.index.options.encoder is None and usable_encoder(self._encoder) is not None:
            self._build()  # it was made before there was an encoder; it answers until the new one is whole

    def _build(self) -> None:
        self._set(state="indexing" if self.index is None else "updating", done=0, total=0, error=None)
        try:
            built = CodeIndex.build(
                self.root,
                encoder=self._encoder,
                scope="environment" if (self.root / "pyvenv.cfg").is_file() else "project",
                workers=self._workers,
                progress=self._progress,
                cancelled=self._stop.is_set,
            )
        except BusyError:  # another process makes it: wait for its index
            if self._stop.wait(_RETRY_S):
                raise CancelledError("the server stops") from None
            return
        self._use(built)

    def _take_up_changes(self) -> None:
        assert self.index is not None
        self._set(state="updating", done=0, total=0, error=None)
        try:
            report = self.index.update(workers=self._workers, progress=self._progress, cancelled=self._stop.is_set)
        except BusyError as error:  # somebody else keeps it up to date
            _log.info("%s", error)
        else:
            if report.num_read or report.num_removed:
                self._count()
        self._told = ""
        self._set(state="ready")

    def _watch(self) -> None:
        """Follow the files until the server stops; where they cannot be watched, until it is time for a look."""
        assert self.index is not None
        try:
            self.index.watch(self._stop, self._updated)
        except CodlingError:
            raise
        except Exception as error:  # too many folders for the system's watches, a file system without any
            _log.warning("%s is looked at every %.0f s, for it cannot be watched: %s", self.root, _LOOK_AFTER_S, error)
            self._stop.wait(_LOOK_AFTER_S)

    def _use(self, index: CodeIndex) -> None:
        self.index, self._is_lost = index, False
        self._count()
        self.settled.set()

    def _updated(self, _: UpdateReport) -> None:
        self._count()

    def _count(self) -> None:
        assert self.index is not None
        catalogue = self.index.generation().catalogue
        self._set(
            files=catalogue.num_files,
            units=catalogue.num_units,
            languages=catalogue.counts("language"),
            kinds=catalogue.counts("kind"),
            neural=self.index.options.encoder is not None,
        )

    def _progress(self, done: int, total: int) -> None:
        self._set(done=done, total=total)

    def _set(self, **changes: object) -> None:
        self._standing = replace(self._standing, **changes)  # type: ignore[arg-type]


class Codebase:
    """All folders that a server searches. Safe to use from several threads."""

    def __init__(self, roots: Iterable[Path] = (), *, neural: bool = True, workers: int | None = None) -> None:
        """Args:
            neural: search by meaning, too, where the encoder is installed.
            workers: processes to make an index with; None leaves one core to those who wait for answers.

        Raises:
            InputError: a root is no folder.
        """
        self._stop = threading.Event()
        workers = workers or max(1, (os.cpu_count() or 1) - 1)
        self.repos: list[Repo] = []
        for root in dict.fromkeys(Path(root).resolve() for root in roots):
            if not root.is_dir():
                raise InputError(f"{root} is no folder")
            name = _unused(root.name or str(root), [each.name for each in self.repos])
            self.repos.append(Repo(root, name, self._stop, neural=neural, workers=workers))

    def start(self) -> None:
        """Begin to make, or bring up to date, all indexes."""
        for repo in self.repos:
            repo.start()

    def close(self) -> None:
        """End what goes on in the background; an index that is half made is dropped, and the one before stays."""
        self._stop.set()
        until = time.monotonic() + _PATIENCE_S
        for repo in self.repos:
            repo.join(max(0.0, until - time.monotonic()))

    def wait(self, seconds: float) -> bool:
        """Wait until every folder has an index that answers, or it is known that it gets none; whether that came."""
        until = time.monotonic() + seconds
        return all(repo.settled.wait(max(0.0, until - time.monotonic())) for repo in self.repos)

    def asked(self, names: Collection[str] = ()) -> list[Repo]:
        """The folders of some names; all of them for no name.

        Raises:
            NotIndexedError: there is none of a name, or none at all.
        """
        if not self.repos:
            raise NotIndexedError("this server searches no project; start it with --project FOLDER")
        known = [repo.name for repo in self.repos]
        for name in names:
            if name not in known:
                raise NotIndexedError(f"no repository {name!r}{nearest(name, known)}")
        return [repo for repo in self.repos if not names or repo.name in names]

    def indexes(self, names: Collection[str] = ()) -> CodeIndexes:
        """Those that answer already."""
        return CodeIndexes(repo.index for repo in self.asked(names) if repo.index is not None)

    def name_of(self, root: Path) -> str:
        """By the root of an index, which for a Python environment lies within the folder."""
        return next((repo.name for repo in self.repos if repo.index is not None and repo.index.root == root), root.name)

    def holding(self, path: str, name: str | None = None) -> tuple[Repo, str]:
        """The folder whose index has a file, and the file's path there. Only what is indexed is ever found.

        Raises:
            NotIndexedError: no index has it.
        """
        if "\0" not in path:
            for repo in self.asked([name] if name else ()):
                if repo.index is not None and repo.index.text(inside := repo.index.relative(path)) is not None:
                    return repo, inside
        raise NotIndexedError(f"{path} is in no index that is searched")

    def first_from(self, repo: Repo) -> CodeIndexes:
        """All that answer, this one first."""
        others: Sequence[Repo] = [each for each in self.repos if each is not repo]
        return CodeIndexes(each.index for each in (repo, *others) if each.index is not None)


def _unused(name: str, used: Collection[str]) -> str:
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(candidate for candidate in names if candidate not in used)
