"""Where indexes lie, and the file by which a new one takes the place of the old.

An index is a folder of generations. ``index.json`` names the one that counts and is replaced in one step when the next
is whole; what it says about the index (format, options, encoder) is checked before anything is opened. ::

    index.json   writer.lock   g00000007/{catalogue.sqlite, lexical/, vectors/}
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from codling.bundle import cache_folder
from codling.errors import BusyError, CodlingError
from codling.files import write_text_atomically

__all__ = [
    "FORMAT",
    "IndexOptions",
    "KeptIndex",
    "NoIndexError",
    "Pointer",
    "SearchIndexError",
    "clear_indexes",
    "collection_prefix",
    "index_folder",
    "list_indexes",
    "new_generation",
    "point_to",
    "read_pointer",
    "sweep",
    "writing",
]

FORMAT = 2
"Of everything in an index's folder: another number, and the index is made again."

_POINTER = "index.json"
_WAIT_S = 0.05


class SearchIndexError(CodlingError):
    """An index that is missing, damaged, or of another version of codling."""


class NoIndexError(SearchIndexError):
    """There is no index yet."""


@dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """What decides which units an index holds; another value makes another index."""

    scope: Literal["project", "environment"] = "project"
    "A project's files, or the packages installed in a Python environment."
    encoder: str | None = "search"
    "Name or path of the bundle that encodes units; None for words alone."
    vectors_at: str | None = None
    "Address of the Qdrant server that keeps the vectors, or a folder for its local mode; None to keep them here."
    max_file_bytes: int = 1_000_000
    "A larger file stays out: people write smaller ones."


def collection_prefix(folder: Path) -> str:
    """How the names of an index's collections begin, where its vectors lie elsewhere."""
    return f"codling-{hashlib.sha256(str(folder.resolve()).encode('utf-8', 'surrogateescape')).hexdigest()[:16]}-"


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """What index.json says."""

    root: Path
    generation: str
    options: IndexOptions
    fingerprint: str
    "Of the encoder; empty for none."
    dim: int
    "Of its vectors; 0 for none."


def indexes() -> Path:
    """Where indexes are kept unless told otherwise: beside what completion keeps of projects."""
    return cache_folder() / "search"


def index_folder(root: Path, folder: Path | None = None) -> Path:
    """The folder of a project's index."""
    if folder is not None:
        return folder
    return indexes() / hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def read_pointer(folder: Path) -> Pointer | None:
    """What an index says of itself; None if there is none.

    Raises:
        SearchIndexError: it is damaged, or of another format.
    """
    path = folder / _POINTER
    try:
        said: dict[str, Any] = json.loads(path.read_bytes())
        if said["format"] != FORMAT:
            raise SearchIndexError(
                f"the index in {folder} is of format {said['format']} and this codling reads {FORMAT};"
                f" `codling index {said.get('root', '')}` makes it again"
            )
        return Pointer(
            root=Path(said["root"]),
            generation=str(said["generation"]),
            options=IndexOptions(**said["options"]),
            fingerprint=str(said["fingerprint"]),
            dim=int(said["dim"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SearchIndexError(f"{path} is damaged ({error}); `codling index` makes it again") from None


def point_to(folder: Path, pointer: Pointer) -> None:
    """Make a generation the one that counts."""
    said = {
        "format": FORMAT,
        "root": str(pointer.root),
        "generation": pointer.generation,
        "options": dataclasses.asdict(pointer.options),
        "fingerprint": pointer.fingerprint,
        "dim": pointer.dim,
    }
    write_text_atomically(folder / _POINTER, json.dumps(said, indent=1) + "\n")


@dataclass(frozen=True, kw_only=True)
class KeptIndex:
    """An index that is kept, as it stands in a list."""

    folder: Path
    root: str
    "Of the project; empty if the index is damaged."
    num_bytes: int
    written: float
    "When it was last written, in seconds since 1970."
    error: str = ""


def list_indexes() -> list[KeptIndex]:
    """The indexes in the user's cache folder, those written last first."""
    found = []
    for folder in indexes().glob("*") if indexes().is_dir() else ():
        files = [path.stat() for path in folder.rglob("*") if path.is_file()]
        if not files:
            continue
        root, error = "", ""
        try:
            pointer = read_pointer(folder)
            root, error = (str(pointer.root), "") if pointer is not None else ("", f"{folder} was never finished")
        except SearchIndexError as problem:
            error = str(problem)
        written = max(about.st_mtime for about in files)
        size = sum(about.st_size for about in files)
        found.append(KeptIndex(folder=folder, root=root, num_bytes=size, written=written, error=error))
    return sorted(found, key=lambda each: -each.written)


def clear_indexes(root: Path | None = None) -> int:
    """Delete the index of a project, or all that are kept (and what is damaged); returns how many.

    Raises:
        BusyError: a process writes one of them.
    """
    gone = 0
    for each in list_indexes():
        if root is None or each.root == str(root):
            with writing(each.folder, wait_s=1.0):
                (each.folder / _POINTER).unlink(missing_ok=True)  # first, so that nobody opens the rest
                sweep(each.folder, "")
            shutil.rmtree(each.folder, ignore_errors=True)
            gone += 1
    return gone


def new_generation(folder: Path) -> Path:
    """An empty folder for the next generation."""
    taken = [int(path.name[1:]) for path in folder.glob("g????????") if path.name[1:].isdigit()]
    made = folder / f"g{max(taken, default=0) + 1:08d}"
    made.mkdir(parents=True)
    return made


def sweep(folder: Path, generation: str) -> None:
    """Remove all generations but one: older ones, and those that were never finished. The caller holds the lock."""
    for path in folder.glob("g????????"):
        if path.name != generation:
            shutil.rmtree(path, ignore_errors=True)  # Windows keeps what a reader has open; the next sweep tries again


@contextlib.contextmanager
def writing(folder: Path, wait_s: float = 60.0) -> Iterator[None]:
    """Hold the right to write an index; it ends with the block, or with the process however that ends.

    Raises:
        BusyError: another process holds it for longer than wait_s.
        SearchIndexError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # a file system without modes
        folder.chmod(0o700)  # a project's code is nobody else's business
    # SQLite's lock is the one that works alike on every platform and vanishes with its process.
    with contextlib.ExitStack() as stack:
        try:
            connection = sqlite3.connect(folder / "writer.lock", timeout=wait_s, isolation_level=None)
            stack.callback(connection.close)
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:  # a full disk, a folder that may not be written to
                raise SearchIndexError(f"{folder} cannot be written to ({error})") from None
            raise BusyError(f"another process is writing the index in {folder}; try again when it has ended") from None
        except sqlite3.DatabaseError as error:
            raise SearchIndexError(f"{folder / 'writer.lock'} is damaged ({error}); delete it") from None
        yield
