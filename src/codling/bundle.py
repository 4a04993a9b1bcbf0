"""Bundles: a trained model as a folder (or a zip of it) of plain data, and the places where they are kept.

A bundle holds ``card.json``, ``model.onnx``, ``vocab.json`` and whatever else its card lists. Loading one runs no code
from it: JSON is parsed, the graph is handed to ONNX Runtime as bytes, and every file is checked against its hash first.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from codling.config import from_mapping, to_mapping
from codling.errors import BundleError, ConfigError, nearest

__all__ = [
    "FORMAT",
    "Bundle",
    "Card",
    "FileRow",
    "ScoreRow",
    "StateRow",
    "cache_folder",
    "check_target",
    "default_model",
    "list_bundles",
    "load_bundle",
    "write_bundle",
]

FORMAT = 1
"Version of the bundle layout; a reader refuses others."

MAX_BUNDLE_BYTES = 1 << 30
"A zip that unpacks to more is refused: a shipped bundle has at most 20 MB, a user's own hardly more."

_CARD = "card.json"
_RETIRED = ("hints",)  # keys of cards that were written before they were given up; they change nothing


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """One file of a bundle."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class StateRow:
    """One recurrent state of the graph: input ``state_in.NAME``, output ``state_out.NAME``, both float32."""

    name: str
    shape: tuple[int, ...]
    "Sizes; the batch axis is given as -1."


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """What the bundle scored on one set of texts."""

    on: str
    "What it was measured on, in words."
    loss_nats: float
    accuracy: float
    bits_per_char: float
    num_units: int
    graph: str = "int8"
    "Which graph: float32 before quantisation, or int8."


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a bundle says of itself."""

    name: str
    kind: str
    'What the graph does: "lm" predicts the next token from all before it.'
    description: str
    languages: tuple[str, ...]
    licence: str
    'SPDX expression for the weights, for example "Apache-2.0".'
    format: int = FORMAT
    cleaning: dict[str, bool | int] = field(default_factory=dict)
    "How the training text was cleaned, in the fields of corpus.clean.CleanConfig; evaluation cleans in the same way."
    states: tuple[StateRow, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    "Configuration, seed, device, duration, commit: enough to train it again."
    data: dict[str, Any] = field(default_factory=dict)
    "Projects with versions and licences, counts, and how they were split."
    scores: tuple[ScoreRow, ...] = ()
    curve: tuple[dict[str, float], ...] = ()
    "Training and validation loss and accuracy by step, so that one sees what more training still promises."
    files: dict[str, FileRow] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle on disk whose files have been checked against its card."""

    path: Path
    card: Card

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def num_bytes(self) -> int:
        return sum(row.bytes for row in self.card.files.values())

    def file(self, name: str) -> Path:
        """Path of one of the files that the card lists.

        Raises:
            BundleError: the card lists no such file.
        """
        if name not in self.card.files:
            raise BundleError(f"bundle {self.path} has no {name}; the card lists {', '.join(self.card.files)}")
        return self.path / name


def load_bundle(name_or_path: str | Path) -> Bundle:
    """Find a bundle by name or path (a folder or a zip), check every file's hash, and return it.

    A name is looked for in ``$CODLING_HOME/bundles``, the user's data folder, then among those that ship with codling.
    A folder or a zip here that is a bundle goes before; one that only happens to have the name does not.

    Raises:
        BundleError: no such bundle, or it is damaged; the message names the file and the remedy.
    """
    path = _find(name_or_path)
    return _load_zip(path) if path.is_file() else _load_folder(path)


def list_bundles() -> list[tuple[Path, Card | BundleError]]:
    """Every bundle in the places where they are kept, the user's first; a damaged one as its error."""
    found: dict[str, tuple[Path, Card | BundleError]] = {}
    for folder in _places():
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith("."):  # half of one that was being written when its process was killed
                continue
            if (path / _CARD).is_file() and path.name not in found:
                try:
                    found[path.name] = (path, _read_card(path))
                except BundleError as error:
                    found[path.name] = (path, error)
    return list(found.values())


def default_model(language: str | None = None) -> str:
    """Name of the bundle that completes when nobody names one.

    The one called as the language is ("python", then "python-char"), else the first language model that was trained on
    the language, else the first of all. Without a language, Python stands in.

    Raises:
        BundleError: there is no language model at all.
    """
    models = {path.name: card for path, card in list_bundles() if isinstance(card, Card) and card.kind == "lm"}
    if not models:
        raise BundleError("no language model is here; train one with `codling train`, or name a bundle with --model")
    language = language or "python"
    for name in (language, f"{language}-char"):
        if name in models:
            return name
    return next((name for name, card in models.items() if language in card.languages), next(iter(models)))


def check_target(folder: Path) -> None:
    """Ask before long work whether a bundle may be written to a place: a new one, an empty folder, an older bundle's.

    Raises:
        BundleError: something else is there, which writing would replace; or its name is none for a bundle.
    """
    if folder.name in ("", "..") or not folder.name.isprintable():
        raise BundleError(f"{str(folder)!r} names no bundle; name a folder of its own for it, in letters and digits")
    if (folder / _CARD).is_file() or not (folder.exists() or folder.is_symlink()):
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise BundleError(f"{folder} is there already and is no bundle; name another place for the new one")


def write_bundle(folder: Path, card: Card, files: dict[str, bytes]) -> Bundle:
    """Write a bundle as a folder, whole or not at all; an older one in its place is replaced.

    Args:
        card: its file rows are filled in here.
        files: contents by name; names are plain, without folders.

    Raises:
        BundleError: the folder holds something that is no bundle.
    """
    check_target(folder)
    rows = {name: FileRow(bytes=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in files.items()}
    card = dataclasses.replace(card, files=rows)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        text = json.dumps(to_mapping(card), indent=1, ensure_ascii=False)
        (temporary / _CARD).write_text(text + "\n", encoding="utf-8")
        temporary.chmod(0o755)
        _replace_folder(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return Bundle(path=folder, card=card)


def user_bundles() -> Path:
    """Where a user's own bundles are kept: ``$CODLING_HOME/bundles``, or the platform's data folder."""
    home = os.environ.get("CODLING_HOME")
    if home:
        return Path(home) / "bundles"
    import platformdirs

    return platformdirs.user_data_path("codling") / "bundles"


def cache_folder() -> Path:
    """Where what can be made again is kept: ``$CODLING_HOME/cache``, or the platform's cache folder."""
    home = os.environ.get("CODLING_HOME")
    if home:
        return Path(home) / "cache"
    import platformdirs

    return platformdirs.user_cache_path("codling")


def _places() -> Iterator[Path]:
    yield user_bundles()
    yield Path(__file__).parent / "bundles"


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if (path / _CARD).is_file() or (path.suffix == ".zip" and path.is_file()):
        return path
    name = str(name_or_path)
    if PurePosixPath(name).name == name and Path(name).name == name and name not in ("", ".", ".."):
        for folder in _places():
            for candidate in (folder / name, folder / f"{name}.zip"):
                if (candidate / _CARD).is_file() or (candidate.suffix == ".zip" and candidate.is_file()):
                    return candidate
    if path.exists():
        return path  # it was meant, perhaps: what is wrong with it is the better thing to say
    names = [path.name for path, _ in list_bundles()]
    raise BundleError(f"no bundle {name!r}{nearest(name, names)} (a name from `codling bundle list`, or a path)")


def _read_card(path: Path) -> Card:
    try:
        data = json.loads((path / _CARD).read_text(encoding="utf-8"))
    except OSError:
        raise BundleError(f"{path} is no bundle: it has no readable {_CARD}") from None
    except (ValueError, RecursionError) as error:
        raise BundleError(f"bundle {path}: {_CARD} is damaged ({error}); get the bundle again") from None
    if isinstance(data, dict) and data.get("format") != FORMAT:
        raise BundleError(f"bundle {path} is of format {data.get('format')!r}, this codling reads {FORMAT}")
    try:
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if key not in _RETIRED}
        card = from_mapping(Card, data)
    except ConfigError as error:
        raise BundleError(f"bundle {path}: {_CARD} is damaged ({error}); get the bundle again") from None
    if not (card.name.isprintable() and card.description.isprintable()):  # a terminal would obey them
        raise BundleError(f"bundle {path}: its name or description has control characters; get the bundle again")
    return card


def _check_file(path: Path, name: str, row: FileRow) -> None:
    if PurePosixPath(name).name != name or Path(name).name != name or name in ("", ".", ".."):
        raise BundleError(f"bundle {path}: the card lists a file outside the bundle, {name!r}")
    file = path / name
    if file.is_symlink() or not file.is_file():
        raise BundleError(f"bundle {path}: {name} is missing; get the bundle again")
    num_bytes = file.stat().st_size
    if num_bytes != row.bytes:
        raise BundleError(f"bundle {path}: {name} has {num_bytes:,} bytes, not {row.bytes:,}; get the bundle again")
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != row.sha256:
            raise BundleError(f"bundle {path}: {name} is damaged (its hash is not the card's); get the bundle again")


def _load_folder(path: Path) -> Bundle:
    card = _read_card(path)
    for name, row in card.files.items():
        _check_file(path, name, row)
    return Bundle(path=path, card=card)


def _load_zip(path: Path) -> Bundle:
    """Unpack a zip into the user's cache, under its hash, and load it; the next time it is there already."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    folder = cache_folder() / "unpacked" / digest[:32]
    if not _is_whole(folder):  # not there, or damaged since, while the zip may be whole
        _unpack(path, folder)
    return _load_folder(folder)


def _is_whole(folder: Path) -> bool:
    try:
        _load_folder(folder)
    except BundleError:
        return False
    return True


def _unpack(path: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpack."))
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if sum(member.file_size for member in members) > MAX_BUNDLE_BYTES:
                raise BundleError(f"{path} unpacks to more than {MAX_BUNDLE_BYTES:,} bytes; that is no bundle of ours")
            for member in members:  # a bundle is flat: folders in the zip, hostile or not, are dropped
                name = PurePosixPath(member.filename).name
                if Path(name).name != name:  # C:name is a place of its own on Windows
                    raise BundleError(f"{path} holds a file that no bundle has, {name!r}")
                with archive.open(member) as source, (temporary / name).open("wb") as to:
                    shutil.copyfileobj(source, to)
        if not _is_whole(folder):  # another process may have been faster, and reads it by now
            _replace_folder(temporary, folder)
    except (
        *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
        *(RuntimeError, NotImplementedError, ValueError),
    ) as error:
        raise BundleError(f"{path} is no readable zip of a bundle: {error}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_folder(new: Path, folder: Path) -> None:
    """Put a folder in another's place; folders cannot be swapped in one step, so the old one steps aside first."""
    aside = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        folder.rename(aside)
    try:
        new.rename(folder)
    except BaseException:
        if aside.exists():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
