"""From a file's bytes to all that the index keeps of it. Runs in worker processes, for this is where the time goes."""

from __future__ import annotations

import codecs
import functools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from codling.search.extract import units_of
from codling.search.store import Floats
from codling.search.terms import terms_of, terms_of_identifiers
from codling.search.unit import Entry, Unit

__all__ = ["PreparedFile", "decode_text", "names_of", "prepare", "terms_by_field", "zipped"]

_ZIP_LEVEL = 3  # 90 MB a second, and within 10 % of the best


@dataclass(slots=True, kw_only=True)
class PreparedFile:
    """One file, ready for the catalogue and the stores."""

    path: str
    content_hash: bytes
    mtime_ns: int
    size: int
    text: str
    zipped: bytes
    "The text, UTF-8, zlib."
    entries: list[Entry]
    names: list[tuple[str, ...]]
    terms: list[dict[str, str]]
    vectors_ND: Floats | None
    "In step with entries; None without an encoder."


def prepare(
    path: str, data: bytes, content_hash: bytes, mtime_ns: int, size: int, encoder: str | None
) -> PreparedFile | None:
    """Read one file; None if it is no text.

    Args:
        encoder: name or path of the bundle that encodes units; None for none.
    """
    text = decode_text(data)
    if text is None:
        return None
    units = units_of(text, path)
    vectors_ND = None
    if encoder is not None:
        from codling.search.encoder import load_encoder

        vectors_ND = load_encoder(encoder).encode_units(units)
    return PreparedFile(
        path=path,
        content_hash=content_hash,
        mtime_ns=mtime_ns,
        size=size,
        text=text,
        zipped=zipped(text),
        entries=[unit.entry for unit in units],
        names=[names_of(unit) for unit in units],
        terms=terms_by_field(units, path),
        vectors_ND=vectors_ND,
    )


def decode_text(data: bytes) -> str | None:
    """A file's text with \\n line ends and no byte order mark; None for what is binary."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data:
        return None
    else:
        data = data.removeprefix(codecs.BOM_UTF8)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")  # never fails; names and keywords are ASCII in all that is left
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def names_of(unit: Unit) -> tuple[str, ...]:
    """What somebody may call a unit, lower case: name, Class.name, file.name, folder.name and what lies between."""
    if not unit.name:
        return ()
    scopes = unit.qualified_name.lower().split(".") if unit.kind != "module" else [unit.name.lower()]
    if unit.qualified_name and unit.kind != "module" and "." in unit.name:  # operator names and the like
        scopes = [unit.qualified_name.lower()]
    name = scopes[-1]
    found = {".".join(scopes[first:]): None for first in range(len(scopes))}
    found |= {f"{place}.{'.'.join(scopes)}": None for place in _places(unit.path) if place != name}
    found[unit.name.lower()] = None
    return tuple("".join(each.split()) for each in found)


@functools.lru_cache(maxsize=64)
def _places(path: str) -> tuple[str, ...]:
    """The two folders above a file and its name, lower case: the same for all its units."""
    pure = PurePosixPath(path.lower())
    return (*pure.parts[-3:-1], pure.stem)


def terms_by_field(units: Sequence[Unit], path: str) -> list[dict[str, str]]:
    """Terms of each unit by the fields of codling.search.lexical.FIELD_WEIGHTS."""
    of_path = terms_of(path)
    return [
        {
            "name": terms_of(unit.name),
            "place": terms_of(unit.qualified_name.rpartition(".")[0]),
            "signature": terms_of(unit.signature),
            "doc": terms_of_identifiers(unit.doc_identifiers),
            "all": terms_of_identifiers(unit.doc_identifiers + unit.code_identifiers),
            "path": of_path,
        }
        for unit in units
    ]


def zipped(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _ZIP_LEVEL)


def read(path: Path, max_bytes: int) -> bytes | None:
    """A file's content; None if it is too large, gone or not to be read."""
    try:
        if path.stat().st_size > max_bytes:
            return None
        return path.read_bytes()
    except OSError:
        return None
