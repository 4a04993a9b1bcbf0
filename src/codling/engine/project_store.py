"""What is kept of a project between sessions: its files' tokens, in the user's own cache folder, and nowhere else.

One file per project and vocabulary: a line with the hash of all that follows, a line of JSON (which files, when they
changed last, how many tokens), then the tokens. What is read back is checked before it is used; it is never run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codling.bundle import cache_folder
from codling.engine.ngrams import Tokens
from codling.errors import CodlingError
from codling.files import write_atomically
from codling.vocab import Vocab

__all__ = ["StoredFile", "StoredProject", "clear_stored", "list_stored", "read_stored", "store_path", "write_stored"]

FORMAT = 1
SUFFIX = ".ngrams"
MAX_STORE_BYTES = 64 << 20  # of one project; ours bound themselves far below
MAX_TOTAL_BYTES = 256 << 20  # of all; the ones that were not written for longest go first


@dataclass(frozen=True, slots=True, eq=False)
class StoredFile:
    """One source file of a project, as the model reads it."""

    mtime_ns: int
    size: int
    "Of the file on disk, in bytes; with the time of its last change, it tells whether the file is still the same."
    tokens: Tokens


@dataclass(frozen=True, kw_only=True)
class StoredProject:
    """What is kept of one project."""

    path: Path
    "Of the file that holds it."
    root: str
    "Of the project."
    num_files: int
    num_tokens: int
    num_bytes: int
    written: float
    "When, in seconds since 1970."


def stores() -> Path:
    """Where projects are kept: ``$CODLING_HOME/cache/projects``, or below the platform's cache folder."""
    return cache_folder() / "projects"


def store_path(folder: Path, root: Path, vocab: Vocab, reading: Mapping[str, Any]) -> Path:
    """The file for a project as one vocabulary has it.

    Args:
        reading: all else that decides what its texts look like, as plain data.
    """
    identity = json.dumps([str(root), vocab.to_json(), reading], sort_keys=True)
    return folder / (hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32] + SUFFIX)


def write_stored(path: Path, root: Path, files: Mapping[str, StoredFile]) -> None:
    """Write a project's files, whole or not at all; others that were not written for long may have to go.

    Raises:
        OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # a file system without modes
        path.parent.chmod(0o700)  # a project's words are nobody else's business
    header = {
        "format": FORMAT,
        "root": str(root),
        "files": [[name, file.mtime_ns, file.size, len(file.tokens)] for name, file in files.items()],
    }
    tokens = [file.tokens.astype("<u2") for file in files.values()]
    payload = json.dumps(header).encode() + b"\n" + (np.concatenate(tokens) if tokens else np.zeros(0)).tobytes()
    with write_atomically(path) as stream:
        stream.write(hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
    _make_room(path)


def read_stored(path: Path, vocab_size: int) -> dict[str, StoredFile]:
    """Read a project's files back.

    Raises:
        CodlingError: the file is damaged, too large or of another format.
        FileNotFoundError: there is none.
    """
    header, payload = _read(path)
    files: dict[str, StoredFile] = {}
    try:
        tokens = np.frombuffer(payload, "<u2").astype(np.uint16)
        if len(tokens) and not 0 < int(tokens.min()) <= int(tokens.max()) < vocab_size:
            raise ValueError("tokens that the vocabulary does not have")
        start = 0
        for name, mtime_ns, size, num in header["files"]:
            if not (type(name) is str and type(mtime_ns) is int and type(size) is int and type(num) is int):
                raise ValueError("rows of another kind")
            if num < 0 or start + num > len(tokens):
                raise ValueError("fewer tokens than its rows say")
            files[name] = StoredFile(mtime_ns, size, tokens[start : start + num].copy())
            start += num
        if start != len(tokens):
            raise ValueError("more tokens than its rows say")
    except (KeyError, TypeError, ValueError) as error:
        raise CodlingError(f"{path} is damaged ({error}); `codling cache clear` removes it") from None
    return files


def list_stored(folder: Path | None = None) -> list[StoredProject | CodlingError]:
    """What is kept, the newest first; a damaged file as its error."""
    rows: list[tuple[float, StoredProject | CodlingError]] = []
    for path in _files(folder or stores()):
        try:
            about = path.stat()
            header, payload = _read(path)
            root, num_files = _printable(str(header["root"])), len(header["files"])
        except OSError:  # gone since
            continue
        except (KeyError, TypeError):
            rows.append((about.st_mtime, CodlingError(f"{path} is damaged; `codling cache clear` removes it")))
        except CodlingError as error:
            rows.append((about.st_mtime, error))
        else:
            project = StoredProject(
                path=path,
                root=root,
                num_files=num_files,
                num_tokens=len(payload) // 2,
                num_bytes=about.st_size,
                written=about.st_mtime,
            )
            rows.append((about.st_mtime, project))
    return [row for _, row in sorted(rows, key=lambda row: -row[0])]


def clear_stored(root: Path | None = None, folder: Path | None = None) -> int:
    """Delete what is kept of a project, or of all (and what is damaged); returns the number of files."""
    num = 0
    wanted = None if root is None else str(root)
    for row in list_stored(folder):
        if isinstance(row, StoredProject) and wanted in (None, row.root):
            row.path.unlink(missing_ok=True)
            num += 1
    if wanted is None:
        for path in _files(folder or stores()):
            path.unlink(missing_ok=True)
            num += 1
    return num


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    with path.open("rb") as stream:
        data = stream.read(MAX_STORE_BYTES + 1)
    if len(data) > MAX_STORE_BYTES:
        raise CodlingError(f"{path} is larger than codling writes; `codling cache clear` removes it")
    digest, _, payload = data.partition(b"\n")
    try:
        if hashlib.sha256(payload).hexdigest().encode() != digest:
            raise ValueError("its hash is another")
        line, _, tokens = payload.partition(b"\n")
        header = json.loads(line)
        if not isinstance(header, dict) or header.get("format") != FORMAT or not isinstance(header.get("files"), list):
            raise ValueError("another format")
        if len(tokens) % 2:
            raise ValueError("half a token")
    except (ValueError, RecursionError) as error:
        raise CodlingError(f"{path} is damaged ({error}); `codling cache clear` removes it") from None
    return header, tokens


def _printable(text: str) -> str:
    """A terminal would obey control characters."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file()) if folder.is_dir() else []


def _make_room(newest: Path) -> None:
    rows = []
    for path in _files(newest.parent):
        with contextlib.suppress(OSError):
            about = path.stat()
            rows.append((path != newest, -about.st_mtime, about.st_size, path))
    total = 0
    for is_other, _, size, path in sorted(rows):
        total += size
        if is_other and total > MAX_TOTAL_BYTES:
            path.unlink(missing_ok=True)
