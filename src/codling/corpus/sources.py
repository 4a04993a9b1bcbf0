"""From what a user names to what lies on this machine: folders, archives, files, git repositories, PyPI projects."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from codling.corpus.languages import LANGUAGES
from codling.corpus.readers import ARCHIVE_SUFFIXES, LocalSource, file_identity, folder_identity, is_source
from codling.corpus.split import SPLITS
from codling.errors import CorpusError, nearest
from codling.files import write_text_atomically

__all__ = ["Request", "cache_folder", "fetch", "fetch_all", "read_sources_file"]

_NUM_FETCHERS = 6  # at once; an index is asked no harder than pip asks it
_GIT_SCHEMES = ("git+", "git://", "ssh://", "https://", "http://", "file://", "git@")


@dataclass(frozen=True, slots=True)
class Request:
    """One source as the user names it."""

    spec: str
    split: str = ""
    "The split that its project is pinned to; empty for none."

    @property
    def is_pypi(self) -> bool:
        return self.spec.startswith("pypi:")

    @property
    def is_git(self) -> bool:
        if self.spec.startswith(_GIT_SCHEMES):
            return True
        path = Path(self.spec)
        try:
            return path.is_dir() and (path / "HEAD").is_file() and (path / "objects").is_dir()  # a bare repository
        except OSError:  # too long for a name, or not for us to look at
            return False

    @property
    def is_remote(self) -> bool:
        """Whether the same name may mean other files tomorrow."""
        return self.is_pypi or self.is_git


def read_sources_file(path: Path) -> list[Request]:
    """Read a list of sources: one a line, perhaps with the split that it is pinned to; # begins a comment.

    Raises:
        CorpusError: the file cannot be read, or a line has something else after the source.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read the list of sources {path}: {error}") from None
    requests = []
    for number, line in enumerate(lines, start=1):
        words = line.split("#", 1)[0].split() if line.lstrip().startswith("#") else line.split(" #", 1)[0].split()
        if not words:
            continue
        split = words.pop() if len(words) > 1 else ""
        if split and split not in SPLITS:
            raise CorpusError(f"{path}, line {number}: {split!r} is no split; it is one of {', '.join(SPLITS)}")
        requests.append(Request(" ".join(words), split))
    return requests


def fetch_all(
    requests: Iterable[Request], record: Path, index_urls: Sequence[str], progress: Callable[[int, int], None]
) -> tuple[list[tuple[Request, LocalSource]], dict[str, str]]:
    """Fetch every source, a few at a time.

    Args:
        record: file that keeps which version or commit a name stood for, so that a build which was stopped goes on
            with the same files. Whoever finishes the build removes it.

    Returns:
        What was fetched, in the order of the requests, and why the others could not be had, by source.
    """
    requests = list(dict.fromkeys(requests))
    recorded = _read_record(record)
    found = {request: recorded[request.spec] for request in requests if request.spec in recorded}
    failed: dict[str, str] = {}
    missing = [request for request in requests if request not in found]
    with concurrent.futures.ThreadPoolExecutor(_NUM_FETCHERS) as threads:
        waiting = {threads.submit(fetch, request, index_urls): request for request in missing}
        try:
            for done in concurrent.futures.as_completed(waiting):
                request = waiting[done]
                try:
                    found[request] = done.result()
                except CorpusError as error:
                    failed[request.spec] = str(error)
                else:
                    if request.is_remote:
                        _write_record(record, [source for request, source in found.items() if request.is_remote])
                progress(len(found) + len(failed), len(requests))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return [(request, found[request]) for request in requests if request in found], failed


def _read_record(record: Path) -> dict[str, LocalSource]:
    try:
        rows = [LocalSource(**row | {"path": Path(row["path"])}) for row in json.loads(record.read_bytes())]
    except (OSError, ValueError, TypeError, KeyError):
        return {}  # none, or an older version's: ask again
    return {source.spec: source for source in rows if source.path.exists()}


def _write_record(record: Path, sources: Iterable[LocalSource]) -> None:
    rows = [dataclasses.asdict(source) | {"path": str(source.path)} for source in sources]
    write_text_atomically(record, json.dumps(sorted(rows, key=lambda row: str(row["spec"])), indent=1))


def fetch(request: Request, index_urls: Iterable[str] = ()) -> LocalSource:
    """Bring a source to this machine, if it isn't there, and say what decides its content.

    Raises:
        CorpusError: there is no such source, or it cannot be had; the message names it.
    """
    spec = request.spec
    if request.is_pypi:
        from codling.corpus.pypi import fetch_sdist

        return fetch_sdist(spec, index_urls, cache_folder() / "sdists")
    if request.is_git:
        from codling.corpus.git import fetch_commit

        return fetch_commit(spec, cache_folder() / "git")
    try:
        return _local(spec)
    except (OSError, RuntimeError) as error:  # a name that no file can have, somebody's home that there isn't
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise CorpusError(f"there is no source {spec[:100]!r} that could be read: {why}") from None


def _local(spec: str) -> LocalSource:
    """What lies on this machine."""
    path = Path(spec).expanduser()
    if path.is_dir():
        from codling.corpus.git import commit_of

        identity, num_bytes = folder_identity(path)
        return LocalSource(
            spec=spec,
            kind="folder",
            path=path,
            identity=identity,
            num_bytes=num_bytes,
            is_live=True,
            origin=commit_of(path),
        )
    if path.exists() and not path.is_file():
        raise CorpusError(f"{spec} is neither a file nor a folder")
    if not path.is_file():
        known = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise CorpusError(f"there is no source {spec!r}{nearest(path.name, known) if len(known) < 1_000 else ''}")
    kind = "archive" if path.name.lower().endswith(ARCHIVE_SUFFIXES) else "file"
    if kind == "file" and not is_source(path.name):
        suffixes = ", ".join(suffix for language in LANGUAGES for suffix in language.suffixes)
        raise CorpusError(
            f"{spec} is no source: a folder, a git repository, pypi:NAME, an archive ({', '.join(ARCHIVE_SUFFIXES)}), "
            f"or a file ({suffixes}, .ipynb)"
        )
    identity = file_identity(path)
    return LocalSource(
        spec=spec,
        kind="archive" if kind == "archive" else "file",
        path=path,
        identity=identity,
        num_bytes=path.stat().st_size,
        is_live=True,
        origin=f"sha256:{identity}" if kind == "archive" else "",
    )


def cache_folder() -> Path:
    """Where downloads are kept: ``$CODLING_HOME/cache``, or the platform's cache folder."""
    home = os.environ.get("CODLING_HOME")
    if home:
        return Path(home) / "cache"
    import platformdirs

    return platformdirs.user_cache_path("codling")
