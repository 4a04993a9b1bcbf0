"""Making an index and keeping it true: files in, one new state of the index out, whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from codling.errors import BundleError, CancelledError, InputError
from codling.search.catalogue import FileRow
from codling.search.encoder import load_encoder
from codling.search.generation import Generation
from codling.search.places import IndexOptions, Pointer, collection_prefix, new_generation, point_to, sweep, writing
from codling.search.prepare import PreparedFile, prepare
from codling.search.store import Document, FileText
from codling.search.walk import files_of

__all__ = ["Progress", "UpdateReport", "build_generation", "update_generation"]

_log = logging.getLogger("codling")

Progress = Callable[[int, int], None]
"Called with the files done and the number of all."

_BATCH_FILES = 400  # that change together: a batch is one transaction, and lies in memory
_TASK_FILES = 12  # for one worker at a time: enough to be worth sending
_AHEAD_FILES = 2 * _BATCH_FILES  # that workers may be ahead: they go on while a batch is written
_MIN_PARALLEL = 150  # files; fewer are read before a worker has started
_COMMIT_UNITS = 200_000  # vectors that wait in memory while an index is made


@dataclass(frozen=True, kw_only=True)
class UpdateReport:
    """What a look at the files found."""

    num_files: int
    num_units: int
    num_read: int
    "Files that were new or changed."
    num_removed: int
    num_left_out: int
    "Files that are too large, or no text."
    ms: float


@dataclass(frozen=True, slots=True)
class _Task:
    """Some files for a worker."""

    root: Path
    paths: Sequence[str]
    known: Sequence[bytes]
    "Hashes of what the index has of each; empty for nothing."
    max_file_bytes: int
    encoder: str | None


@dataclass(frozen=True, slots=True)
class _Same:
    """A file that was touched and has not changed."""

    path: str
    mtime_ns: int
    size: int


def build_generation(
    root: Path,
    folder: Path,
    options: IndexOptions,
    *,
    workers: int = 1,
    progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> UpdateReport:
    """Make a whole index beside the one that is there, and then put it in its place.

    Raises:
        InputError: the root is no folder.
        BundleError: there is no such encoder.
        BusyError: another process writes the index.
        CancelledError: cancelled() became true first; the index that was there stays.
    """
    start = time.perf_counter()
    if not root.is_dir():
        raise InputError(f"{root} is no folder")
    fingerprint, dim = _identity(options.encoder)
    with writing(folder):
        made = new_generation(folder)
        pointer = Pointer(root=root, generation=made.name, options=options, fingerprint=fingerprint, dim=dim)
        generation = Generation(made, pointer, create=True)
        try:
            paths = files_of(root, options)
            num_left_out = _fill(generation, paths, workers, progress, cancelled)
            num_files, num_units = generation.catalogue.num_files, generation.catalogue.num_units
        finally:
            generation.close()
        point_to(folder, pointer)
        sweep(folder, made.name)
        if options.vectors_at is not None and fingerprint:
            from codling.search import qdrant

            prefix = collection_prefix(folder)
            qdrant.sweep(options.vectors_at, prefix, prefix + made.name)
    return UpdateReport(
        num_files=num_files,
        num_units=num_units,
        num_read=num_files,
        num_removed=0,
        num_left_out=num_left_out,
        ms=1000 * (time.perf_counter() - start),
    )


def _fill(
    generation: Generation,
    paths: Sequence[str],
    workers: int,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> int:
    """Put files into a generation that nobody reads yet; returns how many were left out."""
    num_left_out = done = num_waiting = 0
    progress(0, len(paths))
    for batch in _batches(_prepared(generation, paths, {}, workers)):
        if cancelled():
            raise CancelledError("the index is no longer asked for; the one that was there stays")
        found = [each for each in batch if isinstance(each, PreparedFile)]
        num_left_out += len(batch) - len(found)
        files, texts = _numbered(generation, found, {})
        documents = [
            each for file, prepared in zip(files, found, strict=True) for each in _documents(prepared, file[0])
        ]
        generation.add(documents, texts)
        generation.catalogue.switch(files, {file[0]: each.entries for file, each in zip(files, found, strict=True)}, ())
        num_waiting += len(documents)
        if generation.neural is not None and num_waiting >= _COMMIT_UNITS:
            generation.neural.commit()
            num_waiting = 0
        done += len(batch)
        progress(done, len(paths))
    generation.commit()
    generation.lexical.finish()
    return num_left_out


def update_generation(
    generation: Generation,
    folder: Path,
    *,
    paths: Iterable[str] | None = None,
    workers: int = 1,
    wait_s: float = 60.0,
    progress: Progress = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> UpdateReport:
    """Take up what has changed on disk.

    Args:
        generation: the one that counts.
        paths: files to look at, below the root; None for all.
        wait_s: how long to wait for another writer.

    Raises:
        BusyError: another process writes the index.
        CancelledError: cancelled() became true first; the files looked at so far are up to date.
    """
    start = time.perf_counter()
    catalogue, root = generation.catalogue, generation.pointer.root
    num_read = num_left_out = done = 0
    with writing(folder, wait_s):
        known = catalogue.files()
        present, gone = _changes(root, generation.pointer.options, known, paths)
        garbage = catalogue.garbage()
        batches: Iterator[list[PreparedFile | _Same | str]] = _batches(_prepared(generation, present, known, workers))
        for batch in batches:
            if cancelled():
                raise CancelledError("the index is no longer asked for")
            found = [each for each in batch if isinstance(each, PreparedFile)]
            num_read += len(found)
            dropped = [known[each] for each in batch if isinstance(each, str) and each in known]
            num_left_out += sum(isinstance(each, str) for each in batch)
            catalogue.touch(
                (each.mtime_ns, each.size, known[each.path].id) for each in batch if isinstance(each, _Same)
            )
            if found or dropped:
                _change(generation, found, dropped, known, garbage)
                garbage = ([], [])
            done += len(batch)
            progress(done, len(present))
        if gone:
            _change(generation, [], gone, known, garbage)
    return UpdateReport(
        num_files=catalogue.num_files,
        num_units=catalogue.num_units,
        num_read=num_read,
        num_removed=len(gone),
        num_left_out=num_left_out,
        ms=1000 * (time.perf_counter() - start),
    )


def _change(
    generation: Generation,
    found: Sequence[PreparedFile],
    gone: Sequence[FileRow],
    known: dict[str, FileRow],
    garbage: tuple[list[int], list[int]],
) -> None:
    """One step from one state to the next; see codling.search.catalogue for its order."""
    catalogue = generation.catalogue
    files, texts = _numbered(generation, found, known)
    before: set[int] = set()
    for each in found:
        if each.path in known:
            before |= {entry.id for entry in catalogue.in_file(each.path)}
    documents = [
        each
        for file, prepared in zip(files, found, strict=True)
        for each in _documents(prepared, file[0])
        if each.id not in before
    ]
    catalogue.note([each.id for each in documents], [each.file for each in texts])
    generation.remove(*garbage)
    generation.add(documents, texts)
    generation.commit()
    catalogue.switch(
        files,
        {file[0]: each.entries for file, each in zip(files, found, strict=True)},
        [each.id for each in gone],
        collected=garbage,
    )


def _changes(
    root: Path, options: IndexOptions, known: dict[str, FileRow], paths: Iterable[str] | None
) -> tuple[list[str], list[FileRow]]:
    """Files that may be new or other than the index has them, and those that are gone."""
    listed = set(files_of(root, options)) if paths is None else None
    asked = listed if listed is not None else set(paths or ())
    present = []
    for path in sorted(asked):
        try:
            about = os.stat(f"{root}/{path}")  # noqa: PTH116 - a path object costs more than the look
        except OSError:
            continue
        row = known.get(path)
        if row is None or (row.mtime_ns, row.size) != (about.st_mtime_ns, about.st_size):
            present.append(path)
    if listed is not None:
        return present, [row for path, row in known.items() if path not in listed]
    return present, [known[path] for path in sorted(asked) if path in known and not (root / path).is_file()]


def _prepared(
    generation: Generation, paths: Sequence[str], known: dict[str, FileRow], workers: int
) -> Iterator[PreparedFile | _Same | str]:
    """Files as they are on disk, in order; the path alone of what cannot be indexed."""
    options, root = generation.pointer.options, generation.pointer.root
    encoder = options.encoder if generation.neural is not None else None
    tasks = []
    for first in range(0, len(paths), _TASK_FILES):
        some = paths[first : first + _TASK_FILES]
        hashes = [known[path].hash if path in known else b"" for path in some]
        tasks.append(_Task(root, some, hashes, options.max_file_bytes, encoder))
    if workers == 1 or len(paths) < _MIN_PARALLEL:
        for task in tasks:
            yield from _run(task)
        return
    from codling.corpus.workers import in_order, worker_pool  # processes take time even to import

    with worker_pool(workers) as pool:
        for results in in_order(pool, _run, tasks, ahead=max(4 * workers, _AHEAD_FILES // _TASK_FILES)):
            yield from results


def _run(task: _Task) -> list[PreparedFile | _Same | str]:
    """A worker's work."""
    results: list[PreparedFile | _Same | str] = []
    for path, known in zip(task.paths, task.known, strict=True):
        try:
            file = task.root / path
            about = file.stat()
            data = file.read_bytes() if about.st_size <= task.max_file_bytes else b"\0"
        except OSError:
            results.append(path)
            continue
        content_hash = hashlib.blake2b(data, digest_size=16).digest()
        if content_hash == known:
            results.append(_Same(path, about.st_mtime_ns, about.st_size))
            continue
        prepared = prepare(path, data, content_hash, about.st_mtime_ns, about.st_size, task.encoder)
        results.append(path if prepared is None else prepared)
    return results


def _numbered(
    generation: Generation, found: Sequence[PreparedFile], known: dict[str, FileRow]
) -> tuple[list[tuple[Any, ...]], list[FileText]]:
    """Rows for the catalogue's files, in its columns' order, and their texts, with numbers that nothing else has."""
    if not found:
        return [], []
    first_file = generation.catalogue.next_numbers("file", len(found))
    first_text = generation.catalogue.next_numbers("text", len(found))
    rows: list[tuple[Any, ...]] = []
    texts = []
    for offset, each in enumerate(found):
        number = known[each.path].id if each.path in known else first_file + offset
        language = each.entries[0].language if each.entries else "text"
        rows.append(
            (
                *(number, each.path, language, each.content_hash, each.mtime_ns, each.size),
                *(first_text + offset, each.zipped),
            )
        )
        texts.append(FileText(first_text + offset, each.text))
    return rows, texts


def _documents(prepared: PreparedFile, file: int) -> Iterator[Document]:
    for row, entry in enumerate(prepared.entries):
        yield Document(
            id=entry.id,
            file=file,
            kind=entry.kind,
            language=entry.language,
            names=prepared.names[row],
            terms=prepared.terms[row],
            vector=None if prepared.vectors_ND is None else prepared.vectors_ND[row],
        )


def _batches(items: Iterable[PreparedFile | _Same | str]) -> Iterator[list[PreparedFile | _Same | str]]:
    stream = iter(items)
    while batch := list(islice(stream, _BATCH_FILES)):
        yield batch


def _identity(encoder: str | None) -> tuple[str, int]:
    """Fingerprint and dimensions of an encoder."""
    if encoder is None:
        return "", 0
    loaded = load_encoder(encoder)
    return loaded.fingerprint, loaded.dim


def usable_encoder(encoder: str | None) -> str | None:
    """The encoder that an index can use; the default one may be missing from an installation, with a warning."""
    if encoder != IndexOptions().encoder:
        return encoder
    try:
        load_encoder(encoder)
    except BundleError as error:
        _log.warning("searching by words alone: %s", error)
        return None
    return encoder
