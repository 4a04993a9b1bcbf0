"""Folders that one process at a time writes to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from codling.errors import CodlingError

__all__ = ["only_one"]


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
