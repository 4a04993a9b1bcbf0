"""Rows of the JSON Lines files that `--batch` reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from codling.errors import InputError

__all__ = ["read_rows"]


def read_rows(
    batch: str, needed: Sequence[str], optional: Sequence[str] = (), *, max_bytes: int = 1 << 20
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row that is not blank, and where it stands, as "FILE, line 3".

    Args:
        batch: a file's path; "-" for stdin.
        needed: keys whose values must be strings; "id" must be there besides, with any value.
        optional: keys whose values must be strings where they are there and not null.
        max_bytes: a longer row is refused before it is read whole.

    Raises:
        InputError: the file cannot be read, or is a pipe; a row is not JSON, lacks a key, is of another type, or
            is too long.
    """
    name = "stdin" if batch == "-" else batch
    with _opened(batch) as file:
        number = 0
        while line := _line(file, max_bytes + 1, name):
            number += 1
            where = f"{name}, line {number}"
            if len(line) > max_bytes:
                raise InputError(f"{where}: longer than {max_bytes >> 20} MiB")
            if line.strip():
                yield where, _row(line, where, needed, optional)


def _opened(batch: str) -> AbstractContextManager[IO[bytes]]:
    if batch == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        if Path(batch).is_fifo():  # opening one waits for a writer who may never come
            raise InputError(f"{batch} is a pipe; read it as --batch - < {batch}")
        return Path(batch).open("rb")
    except OSError as error:
        raise InputError(f"cannot read {batch}: {error.strerror}") from None


def _line(file: IO[bytes], limit: int, name: str) -> bytes:
    try:
        return file.readline(limit)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from None


def _row(line: bytes, where: str, needed: Sequence[str], optional: Sequence[str]) -> dict[str, Any]:
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: a row is an object with id and {' and '.join(needed)}, not {type(row).__name__}")
    for key in ("id", *needed):
        if key not in row:
            raise InputError(f"{where}: the row has no {key!r}")
    for key in (*needed, *optional):
        value = row.get(key)
        if not isinstance(value, str) and (key in needed or value is not None):
            raise InputError(f"{where}: {key!r} must be a string, not {type(value).__name__}")
    return row


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not in JSON")
