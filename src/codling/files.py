"""Writing files so that a killed process leaves the old one or the new one, never half of one, and two don't meet."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from codling.errors import CodlingError

__all__ = ["only_one", "sweep", "write_atomically", "write_text_atomically"]


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes path's place when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp's 0600 would keep other users from a shared bundle
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Write text as UTF-8 with \\n line ends, atomically."""
    file: IO[Any]
    with write_atomically(path) as file:
        file.write(text.encode("utf-8"))


def sweep(*folders: Path) -> None:
    """Remove what processes that were killed while they wrote left in folders of which one is the only writer."""
    for folder in folders:
        for part in folder.glob(".*.part"):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(folder: Path, refusal: CodlingError) -> Iterator[None]:
    """Hold a folder for the block, against all other processes that ask for it; a process that ends holds none.

    Args:
        folder: made if need be.
        refusal: raised where another holds it.
    """
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise refusal from None
    try:
        yield
    finally:
        lock.release()
