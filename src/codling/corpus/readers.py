"""Read the files of one source: a folder, an archive, or a single file. Nothing is unpacked to disk, nothing is run."""

from __future__ import annotations

import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Literal, TypeVar

from codling.corpus.clean import Dropped
from codling.corpus.languages import language_of_path
from codling.errors import CorpusError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = [
    "ARCHIVE_SUFFIXES",
    "SKIPPED_FOLDERS",
    "LocalSource",
    "RawFile",
    "ReadLimits",
    "file_identity",
    "folder_identity",
    "is_metadata",
    "is_source",
    "read_source",
]

M = TypeVar("M")
_Limit = Callable[[str], int]

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip")

SKIPPED_FOLDERS = frozenset(
    (
        *(".git", ".hg", ".svn", ".bzr", "CVS", "_darcs", ".tox", ".nox", ".venv", "venv", ".virtualenv", "virtualenv"),
        *("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints", ".eggs", "node_modules"),
        *("site-packages", "build", "dist", "_build", "target", ".gradle", ".idea", ".vscode", ".cache"),
    )
)
_MAX_HASHED_BYTES = 1 << 26  # of one file: more than any that is read
_LICENCE_NAMES = ("license", "licence", "copying", "unlicense")


@dataclass(frozen=True, kw_only=True)
class LocalSource:
    """A source that lies on this machine, and everything that decides what it holds."""

    spec: str
    "As the user wrote it."
    kind: Literal["folder", "archive", "file"]
    path: Path
    identity: str
    "Hash of the content, or the commit: two sources of one identity hold the same files."
    num_bytes: int = 0
    "Size on disk, by which the largest go first."
    is_live: bool = False
    "Somebody may be writing to it: the identity is that of the moment in which it was taken."
    name: str = ""
    "The project's name when the source itself says it, as an index or a repository's address does."
    version: str = ""
    origin: str = ""
    "Where it came from: an address, a commit; for the manifest."


@dataclass(frozen=True, kw_only=True)
class ReadLimits:
    """How much is read at most."""

    max_notebook_bytes: int = 20_000_000
    "A notebook carries its pictures; the limit on source files is the one that cleaning has."
    max_archive_bytes: int = 4_000_000_000
    "An archive that unpacks to more is read up to here; a bomb otherwise fills the memory."
    max_files: int = 500_000


@dataclass(frozen=True, slots=True)
class RawFile:
    """One file as it lies in its source."""

    path: str
    "In its project, with / between folders."
    data: bytes
    problem: Dropped | None = None
    "Why there are no data."
    num_bytes: int = 0


def is_metadata(path: str) -> bool:
    """Whether a path names what a project says about itself: PKG-INFO, pyproject.toml, its licence."""
    pure = PurePosixPath(path)
    if len(pure.parts) > 1 and pure.parts[0].lower() not in ("licenses", "licences"):
        return False
    name = pure.name.lower()
    return name in ("pkg-info", "pyproject.toml", "setup.cfg") or name.startswith(_LICENCE_NAMES)


def is_source(path: str) -> bool:
    """Whether a path names a source file or a notebook."""
    return language_of_path(path) is not None or path.lower().endswith(".ipynb")


def read_source(
    source: LocalSource,
    limits: ReadLimits,
    max_file_bytes: int = 1_000_000,
    wanted: Callable[[str], bool] | None = None,
) -> Iterator[RawFile]:
    """Every source file of a source, and its metadata files, in an order that depends only on the source.

    Args:
        max_file_bytes: a larger file comes without its data, as a problem.
        wanted: which paths count, in place of source and metadata.

    Raises:
        CorpusError: the source cannot be opened, or breaks off.
    """

    wanted = wanted or _is_wanted

    def limit(path: str) -> int:
        return limits.max_notebook_bytes if path.lower().endswith(".ipynb") else max_file_bytes

    try:
        if source.kind == "file":
            yield _read(source.path, source.path.name, limit)
        elif source.kind == "folder":
            for path in list_folder(source.path, wanted):
                yield _read(source.path / path, path, limit)
        elif source.path.name.lower().endswith(".zip"):
            yield from _read_zip(source.path, limits, limit, wanted)
        else:
            yield from _read_tar(source.path, limits, limit, wanted)
    except (
        *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
        *(NotImplementedError, RuntimeError, ValueError),  # zipfile's: a method it hasn't, a name that is no UTF-8
    ) as error:
        raise CorpusError(f"cannot read {source.spec}: {error or type(error).__name__}") from None


def _is_wanted(path: str) -> bool:
    return is_source(path) or is_metadata(path)


def list_folder(
    folder: Path, wanted: Callable[[str], bool] = _is_wanted, skipped: Collection[str] = SKIPPED_FOLDERS
) -> list[str]:
    """Paths of a folder's source and metadata files, sorted; what .gitignore names and build outputs stay out.

    Args:
        wanted: which paths count, in place of source and metadata.
        skipped: names of folders that do not.
    """
    found: list[str] = []
    specs: dict[str, GitIgnoreSpec] = {}
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(f"{folder}/{prefix}") as entries:
                here = list(entries)
        except OSError:  # not for us to read, or gone since
            continue
        if any(entry.name == ".gitignore" for entry in here):
            specs[prefix] = _read_gitignore(folder / prefix / ".gitignore")
        for entry in here:
            name, path = entry.name, f"{prefix}{entry.name}"
            if entry.is_symlink():  # they may run in circles
                continue
            if not entry.is_dir():
                if wanted(path) and not _ignored(path, specs):
                    found.append(path)
            elif not (
                name in skipped
                or name.endswith(".egg-info")
                or _ignored(f"{path}/", specs)
                or _is_environment(entry.path)
            ):
                waiting.append(f"{path}/")
    return sorted(found)


def _is_environment(folder: str) -> bool:
    try:
        return Path(folder, "pyvenv.cfg").exists()
    except OSError:  # not for us to look at; listing it comes to nothing, too
        return False


def folder_identity(folder: Path) -> tuple[str, int]:
    """Hash of the paths and contents of a folder's files, and their size."""
    digest, num_bytes = hashlib.sha256(), 0
    for path in list_folder(folder):
        data = _read(folder / path, path, lambda _: _MAX_HASHED_BYTES).data
        num_bytes += len(data)
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest(), num_bytes


def file_identity(path: Path) -> str:
    """Hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_gitignore(path: Path) -> GitIgnoreSpec:
    import pathspec

    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    except OSError:  # git says so and goes on
        lines = []
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError:  # git passes over a pattern that makes no sense, and so do we
        return pathspec.GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    import pathspec

    try:
        pathspec.GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _ignored(path: str, specs: dict[str, GitIgnoreSpec]) -> bool:
    """Whether the .gitignore files above a path leave it out; the deepest that has something to say decides."""
    for prefix in sorted(specs, key=len, reverse=True):
        if path.startswith(prefix):
            result = specs[prefix].check_file(path.removeprefix(prefix))
            if result.include is not None:
                return result.include
    return False


def _too_large(path: str, num_bytes: int) -> RawFile:
    return RawFile(path, b"", Dropped("too-large", f"{num_bytes:,} bytes"), num_bytes)


def _read(file: Path, path: str, limit: _Limit) -> RawFile:
    try:
        if not file.is_file():
            return RawFile(path, b"", Dropped("unreadable", "not a regular file"))
        num_bytes = file.stat().st_size
        if num_bytes > limit(path):
            return _too_large(path, num_bytes)
        return RawFile(path, file.read_bytes(), None, num_bytes)
    except OSError as error:
        return RawFile(path, b"", Dropped("unreadable", error.strerror or type(error).__name__))


def _read_tar(path: Path, limits: ReadLimits, limit: _Limit, wanted: Callable[[str], bool]) -> Iterator[RawFile]:
    with tarfile.open(path, "r|*") as archive:
        members = ((member, member.name, member.size) for member in archive)

        def judge(member: tarfile.TarInfo) -> Dropped | None:
            return None if member.isfile() else Dropped("unreadable", "a link or a device")

        yield from _read_members(members, judge, archive.extractfile, limits, limit, wanted)


def _read_zip(path: Path, limits: ReadLimits, limit: _Limit, wanted: Callable[[str], bool]) -> Iterator[RawFile]:
    with zipfile.ZipFile(path) as archive:
        members = ((member, member.filename, member.file_size) for member in archive.infolist() if not member.is_dir())

        def judge(member: zipfile.ZipInfo) -> Dropped | None:
            return Dropped("unreadable", "encrypted") if member.flag_bits & 1 else None

        yield from _read_members(members, judge, archive.open, limits, limit, wanted)


def _read_members(
    members: Iterable[tuple[M, str, int]],
    judge: Callable[[M], Dropped | None],
    opened: Callable[[M], IO[bytes] | None],
    limits: ReadLimits,
    limit: _Limit,
    wanted: Callable[[str], bool],
) -> Iterator[RawFile]:
    """Read an archive's members as they come, up to the limits; a project's own top folder is taken off the paths."""
    top, num_unpacked = None, 0
    for num_members, (member, name, num_bytes) in enumerate(members):
        num_unpacked += num_bytes
        if num_unpacked > limits.max_archive_bytes or num_members >= limits.max_files:
            yield RawFile(name, b"", Dropped("archive-too-large", f"{num_unpacked:,} bytes, {num_members:,} files"))
            return
        parts = PurePosixPath(name.removeprefix("./")).parts
        if top is None and len(parts) > 1:
            top = parts[0]
        path = "/".join(parts[1:] if len(parts) > 1 and parts[0] == top else parts)
        if not wanted(path):
            continue
        problem = judge(member)
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            problem = Dropped("unsafe-path", name)
        if problem is not None:
            yield RawFile(path, b"", problem, num_bytes)
        elif num_bytes > limit(path):
            yield _too_large(path, num_bytes)
        else:
            stream = opened(member)
            assert stream is not None  # judge lets only regular files pass
            with stream:
                yield RawFile(path, stream.read(num_bytes), None, num_bytes)  # never more than the header says
