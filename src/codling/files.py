"""Writing files so that a killed process leaves the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

__all__ = ["sweep", "write_atomically", "write_text_atomically"]


_MAX_NAME = 60  # letters of a file's name in that of its temporary one: a name has 255 bytes at most


@contextlib.contextmanager
def write_atomically(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes path's place when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:_MAX_NAME]}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:  # readable for whom the user's umask says, which tempfile does not ask
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # a full disk does not say what it is too full for
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
