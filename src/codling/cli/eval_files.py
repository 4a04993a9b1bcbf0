"""The files that `codling eval` is given: found, read, cleaned as the model's training text was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from codling.errors import InputError

if TYPE_CHECKING:
    from codling.bundle import Card
    from codling.evaluate.sources import SourceFile

__all__ = ["Files", "ModeName", "read_files"]

MAX_RAW_BYTES = 16 << 20  # per file, where no cleaning sets a limit


class ModeName(StrEnum):
    """The modes of codling.evaluate.modes, which is not imported before it is needed."""

    static = "static"
    dynamic = "dynamic"
    maintenance = "maintenance"


@dataclass
class Files:
    """What is there to evaluate on."""

    files: list[SourceFile] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    "Files left out, by reason."


def read_files(paths: list[Path], card: Card, raw: bool) -> Files:
    """Read files and folders; a folder is a project, and so are the files that are named by themselves.

    Raises:
        InputError: a path does not exist, a file whose language nobody knows is to be cleaned, or nothing is left.
    """
    from codling.evaluate.sources import SourceFile

    found = Files()
    for name, project, path, data, language in _read(paths, card, raw):
        text, reason = _clean(data, language, card, raw)
        if reason:
            found.dropped[reason] += 1
        else:
            root = Path(project) if project else None
            row = SourceFile(name=name, text=text, language=language, project=project, path=path, root=root)
            found.files.append(row)
    if not found.files:
        reasons = ", ".join(f"{count} {reason}" for reason, count in found.dropped.items())
        raise InputError(f"there is nothing to evaluate on{': ' + reasons if reasons else ''}")
    return found


def _read(paths: list[Path], card: Card, raw: bool) -> Iterator[tuple[str, str, str, bytes | None, str]]:
    """Name, project, path in it, content (None if unreadable) and language; in a folder, those that the model knows."""
    from codling.corpus.languages import language_of_path
    from codling.corpus.readers import list_folder

    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise InputError(f"no file or folder {path}")
        if not (path.is_file() or path.is_dir()):  # a pipe may never end
            raise InputError(f"{path} is neither a file nor a folder")
        for place in list_folder(path) if path.is_dir() else [""]:
            file = path / place if place else path
            language = language_of_path(file.name)
            if place and (language is None or language.name not in card.languages):
                continue
            if language is None and not raw:
                raise InputError(f"cannot clean {file}: no language has the suffix {file.suffix!r}; use --raw")
            if file.resolve() not in seen:
                seen.add(file.resolve())
                project, place = (str(path), place) if place else ("", file.as_posix())
                yield str(file), project, place, _content(file), language.name if language else ""


def _content(file: Path) -> bytes | None:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_RAW_BYTES + 1)
    except OSError:
        return None


def _clean(data: bytes | None, language: str, card: Card, raw: bool) -> tuple[str, str]:
    """A file's text as the model wants it, or the reason why it has none."""
    from codling.config import from_mapping
    from codling.corpus.clean import CleanConfig, Dropped, clean

    if data is None:
        return "", "unreadable"
    if raw:
        if len(data) > MAX_RAW_BYTES:
            return "", "too-large"
        if b"\0" in data:
            return "", "binary"
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            return "", "encoding"
    else:
        cleaned = clean(data, language, from_mapping(CleanConfig, card.cleaning, "the card's cleaning"))
        if isinstance(cleaned, Dropped):
            return "", cleaned.reason
        text = cleaned.text
    return text, "" if text.strip() else "empty"
