"""The project that somebody works in: its files, kept up to date, and what they say about the next token.

Nothing here is learned and nothing leaves the machine: source files below a folder are read (those that .gitignore
names are not), cleaned as the model's training text was, made into tokens and indexed. A file that is open counts as
its editor has it, keystroke by keystroke.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codling.config import from_mapping
from codling.corpus.clean import CleanConfig, Dropped, clean, decode
from codling.corpus.languages import language_of_path
from codling.corpus.readers import list_folder
from codling.engine.file_view import FileView
from codling.engine.ngrams import Matches, Tokens
from codling.engine.project_index import ProjectIndex
from codling.engine.project_store import StoredFile, read_stored, store_path, stores, write_stored
from codling.errors import CancelledError, CodlingError
from codling.vocab import Vocab

__all__ = ["CacheLimits", "CacheReport", "FileView", "ProjectCache"]

_log = logging.getLogger("codling")

_LEADING_TABS = re.compile(r"(?m)^\t+")
_TAB = "    "  # as the completer has the model read it
_MERGE_TOKENS = 60_000  # in files that changed since the large index was made, before it is made again

Progress = Callable[[int, int], None]
"Called with the files done and the number of all."


@dataclass(frozen=True, kw_only=True)
class CacheLimits:
    """How much of a project counts."""

    max_file_bytes: int = 1_000_000
    max_tokens: int = 2_000_000
    "Of all files together; 24 bytes of memory each. Where there are more, those that changed last stay."
    max_files: int = 20_000


@dataclass(frozen=True, kw_only=True)
class CacheReport:
    """What a look at the folder found."""

    num_files: int
    num_tokens: int
    num_read: int
    "Files that were new or changed; the others were known already."
    num_left_out: int
    "Files that are too large, no text, or beyond the limits."
    num_bytes: int
    "Memory that the project takes."


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the project at one moment; replaced, never changed."""

    index: ProjectIndex
    recent: ProjectIndex
    "Files that changed since the index was made."
    outdated: frozenset[str]
    "Files that the index has and that are in recent, or gone."


class ProjectCache:
    """One project's files as n-grams. Safe to use from several threads at once."""

    def __init__(
        self,
        root: Path | str | None,
        vocab: Vocab,
        *,
        languages: Sequence[str] = ("python",),
        cleaning: Mapping[str, bool | int] | None = None,
        limits: CacheLimits | None = None,
        keep_in: Path | None = None,
        persist: bool = True,
    ) -> None:
        """Nothing is read yet: see refresh.

        Args:
            root: the project's folder; None for files that belong to none, which then know themselves only.
            vocab: the model's.
            languages: of the files that count; names of codling.corpus.languages.
            cleaning: how the model's training text was cleaned, as its card says.
            keep_in: folder for what is kept between sessions; None for the user's cache folder.
            persist: keep anything at all.
        """
        self.root = None if root is None else Path(root).resolve()
        self.vocab = vocab
        self.limits = limits or CacheLimits()
        self._languages = frozenset(languages)
        self._cleaning = from_mapping(CleanConfig, dict(cleaning or {}), "the card's cleaning")
        self._files: dict[str, StoredFile] = {}
        self._known = _Known(ProjectIndex({}), ProjectIndex({}), frozenset())
        self._lock = threading.RLock()  # for writers; readers take _known as it is
        self._store: Path | None = None
        self._is_read_back = False
        self._is_noted = False  # something that is not kept on disk yet
        if persist and self.root is not None:
            reading = {"languages": sorted(self._languages), "cleaning": dataclasses.asdict(self._cleaning)}
            self._store = store_path(keep_in or stores(), self.root, vocab, reading)

    @property
    def num_bytes(self) -> int:
        """Memory that the project takes."""
        known = self._known
        return known.index.num_bytes + known.recent.num_bytes + sum(row.tokens.nbytes for row in self._files.values())

    @property
    def version(self) -> object:
        """Another object whenever something else is known of the files on disk."""
        return self._known

    @property
    def paths(self) -> list[str]:
        """Files that count, relative to the root, with / between folders."""
        return sorted(self._files)

    def file(self, path: Path | str = "") -> FileView:
        """A file as its editor has it, which need not be saved yet, nor lie in the project."""
        return FileView(self.vocab, self._relative(path) or "", self.find)

    def refresh(
        self, progress: Progress = lambda *_: None, cancelled: Callable[[], bool] = lambda: False
    ) -> CacheReport:
        """Look at the folder, read what is new or has changed, forget what is gone, and keep the result on disk.

        It takes seconds for a large project that was never seen, and a walk through the folder otherwise. Questions
        are answered meanwhile, from what was known before.

        Raises:
            CancelledError: cancelled() became true first; nothing has changed then.
        """
        with self._lock:
            known = self._files or self._read_back()
            files: dict[str, StoredFile] = {}
            left_out = num_read = num_tokens = 0
            listed = self._listed()
            for done, (name, about) in enumerate(listed):
                if cancelled():
                    raise CancelledError("the project's files are no longer asked for")
                progress(done + 1, len(listed))
                if len(files) >= self.limits.max_files or num_tokens >= self.limits.max_tokens:
                    left_out += 1
                    continue
                before = known.get(name)
                same = before is not None and (before.mtime_ns, before.size) == (about.st_mtime_ns, about.st_size)
                found = before if same else self._read(name, about)
                num_read += found is not None and not same
                if found is None or num_tokens + len(found.tokens) > self.limits.max_tokens:
                    left_out += 1
                    continue
                files[name] = found
                num_tokens += len(found.tokens)
            if not _are_same(files, self._files):
                self._files = files
                self._index_all()
            if self._is_noted or not _are_same(files, known):
                self._keep()
            return CacheReport(
                num_files=len(files),
                num_tokens=num_tokens,
                num_read=num_read,
                num_left_out=left_out,
                num_bytes=self.num_bytes,
            )

    def saved(self, path: Path | str) -> bool:
        """Take note that a file was saved, made, changed by another program, or deleted; says whether it counts."""
        name = self._relative(path)
        if name is None or self.root is None:
            return False
        with self._lock:
            try:
                about = (self.root / name).stat()
            except OSError:
                return self._forget(name)
            if name not in self._files and name not in {listed for listed, _ in self._listed()}:
                return False  # .gitignore names it, or it is of another language
            found = self._read(name, about)
            others = sum(len(file.tokens) for other, file in self._files.items() if other != name)
            if found is None or others + len(found.tokens) > self.limits.max_tokens:
                self._forget(name)
                return False
            self._files[name] = found
            self._note(name)
            return True

    def close(self) -> None:
        """Keep on disk what was noted since the last refresh."""
        with self._lock:
            if self._is_noted:
                self._keep()

    def find(self, contexts_BK: Tokens, path: str) -> list[tuple[Matches, npt.NDArray[np.int64]]]:
        """Matches and levels for contexts in a file, from all that is known of the others."""
        known = self._known
        parts = [known.index.find(contexts_BK, path, known.outdated)] if known.index.paths else []
        if known.recent.paths:
            parts.append(known.recent.find(contexts_BK, path))
        return parts

    def _relative(self, path: Path | str) -> str | None:
        """A path below the root, with / between folders; None for one outside."""
        if self.root is None or str(path) == "":
            return None
        try:
            return (self.root / path).resolve().relative_to(self.root).as_posix()
        except (ValueError, OSError, RuntimeError):  # outside; no path at all; a link that leads to itself
            return None

    def _listed(self) -> list[tuple[str, os.stat_result]]:
        """Files that could count, those that changed last first."""
        found: list[tuple[str, os.stat_result]] = []
        for name in list_folder(self.root) if self.root is not None and self.root.is_dir() else ():
            language = language_of_path(name)
            if language is not None and language.name in self._languages and self.root is not None:
                try:
                    found.append((name, (self.root / name).stat()))
                except OSError:  # gone since
                    continue
        return sorted(found, key=lambda row: (-row[1].st_mtime_ns, row[0]))

    def _read(self, name: str, about: os.stat_result) -> StoredFile | None:
        assert self.root is not None
        language = language_of_path(name)
        if about.st_size > self.limits.max_file_bytes or language is None:
            return None
        try:
            with (self.root / name).open("rb") as stream:
                data = stream.read(self.limits.max_file_bytes + 1)
        except OSError:
            return None
        cleaned = clean(data, language, self._cleaning)
        if isinstance(cleaned, Dropped):  # half written, perhaps: its names are worth knowing all the same
            plain = decode(data, language) if cleaned.reason == "not-parsing" else cleaned
            if isinstance(plain, Dropped):
                return None
            text = plain.decode("utf-8", "replace")
        else:
            text = cleaned.text
        text = _LEADING_TABS.sub(lambda run: _TAB * len(run[0]), text)
        return StoredFile(about.st_mtime_ns, about.st_size, np.array(self.vocab.encode(text), np.uint16))

    def _forget(self, name: str) -> bool:
        if self._files.pop(name, None) is not None:
            self._note(name)
        return False

    def _note(self, name: str) -> None:
        """Bring the small index up to date, or the large one when the small one is no longer small."""
        self._is_noted = True
        known = self._known
        changed = {*known.recent.paths, name} & self._files.keys()
        recent = {each: self._files[each].tokens for each in changed}
        if sum(map(len, recent.values())) > _MERGE_TOKENS:
            self._index_all()
        else:
            self._known = _Known(known.index, ProjectIndex(recent), known.outdated | {name})

    def _index_all(self) -> None:
        index = ProjectIndex({name: file.tokens for name, file in self._files.items()})
        self._known = _Known(index, ProjectIndex({}), frozenset())

    def _read_back(self) -> Mapping[str, StoredFile]:
        if self._store is None or self._is_read_back:
            return {}
        self._is_read_back = True
        try:
            return read_stored(self._store, self.vocab.size)
        except FileNotFoundError:
            return {}
        except (CodlingError, OSError) as error:
            _log.warning("the project is read again: %s", error)
            return {}

    def _keep(self) -> None:
        self._is_noted = False
        if self._store is not None and self.root is not None:
            try:
                write_stored(self._store, self.root, self._files)
            except OSError as error:
                _log.warning("cannot keep the project's n-grams in %s: %s", self._store.parent, error)


def _are_same(one: Mapping[str, StoredFile], other: Mapping[str, StoredFile]) -> bool:
    return one.keys() == other.keys() and all(other[name] is file for name, file in one.items())
