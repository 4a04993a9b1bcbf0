"""Fetch a project's source archive from a package index. unearth finds it; nothing of it is built or run."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from codling.corpus.readers import ARCHIVE_SUFFIXES, LocalSource
from codling.corpus.split import normalised
from codling.errors import CorpusError

__all__ = ["fetch_sdist", "index_urls_of_environment"]


def index_urls_of_environment() -> list[str]:
    """Indexes that pip's environment variables name; empty for the default, PyPI."""
    urls = os.environ.get("PIP_INDEX_URL", "").split() + os.environ.get("PIP_EXTRA_INDEX_URL", "").split()
    return [url for url in urls if url]


def fetch_sdist(spec: str, index_urls: Iterable[str], cache: Path) -> LocalSource:
    """Find and download the newest final release, or the one that is asked for.

    Args:
        spec: pypi:NAME, or with a version as in pypi:NAME==1.2 or pypi:NAME<2. A pre-release comes only when named.
        index_urls: where to look; none for pip's environment variables, then PyPI.
        cache: downloads are kept here, by the hash that the index gives.

    Raises:
        CorpusError: no such project or version, no source archive, or the index cannot be reached.
    """
    try:
        from packaging.requirements import InvalidRequirement, Requirement
        from unearth import PackageFinder
        from unearth.errors import HashMismatchError, UnpackError
    except ImportError:
        raise CorpusError(f"{spec} needs unearth: pip install 'codling[train]'") from None

    try:
        requirement = Requirement(spec.removeprefix("pypi:"))
    except InvalidRequirement as error:
        raise CorpusError(f"{spec} names no project: {str(error).splitlines()[0]}") from None
    urls = list(index_urls) or index_urls_of_environment()
    finder = PackageFinder(index_urls=urls, no_binary=[":all:"], ignore_compatibility=True)
    try:
        matches = finder.find_matches(requirement, allow_prereleases=_names_prerelease(requirement.specifier))
        found = next((match for match in matches if match.link.filename.endswith(ARCHIVE_SUFFIXES)), None)
    except Exception as error:  # httpx's, ssl's, the index's: whatever keeps us from the list
        raise CorpusError(f"cannot ask the package index about {spec}: {_one_line(error)}") from None
    if found is None:
        where = ", ".join(urls) or "PyPI"
        told = _heard.about(str(requirement.name))
        raise CorpusError(f"{spec}: {where} has no source archive of a final release that fits{told}")
    hashes = found.link.hash_option
    expected = next(iter((hashes or {}).get("sha256", ())), "")
    key = expected or hashlib.sha256(found.link.normalized.encode()).hexdigest()
    kept = cache / key[:32] / found.link.filename
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=cache, prefix=".download.") as folder:
                finder.download(found.link, folder).replace(kept)
        except HashMismatchError:
            raise CorpusError(f"{spec}: {found.link.filename} is not what the index says (its hash differs)") from None
        except (UnpackError, OSError) as error:
            raise CorpusError(f"cannot download {spec}: {_one_line(error)}") from None
        except Exception as error:  # httpx's own, which are no OSError
            raise CorpusError(f"cannot download {spec}: {_one_line(error)}") from None
    with kept.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if expected and digest != expected:
        kept.unlink()
        raise CorpusError(f"{spec}: the kept copy {kept} was damaged and is gone; run the command again")
    return LocalSource(
        spec=spec,
        kind="archive",
        path=kept,
        identity=digest,
        num_bytes=kept.stat().st_size,
        name=str(found.name),
        version=str(found.version or ""),
        origin=f"{found.link.filename} sha256:{digest}",
    )


class _Heard(logging.Handler):
    """Keeps what unearth logs when an index doesn't answer: it goes on without a word to its caller."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(" ".join(record.getMessage().split()))

    def about(self, project: str) -> str:
        """The last complaint about a project's page, as the tail of a message; empty for none."""
        page = f"/{normalised(project)}/"
        said = [message for message in self._messages if page in message]
        return f" ({said[-1][:300]})" if said else ""


_heard = _Heard()
logging.getLogger("unearth").addHandler(_heard)


def _names_prerelease(specifier: Iterable[object]) -> bool:
    from packaging.version import InvalidVersion, Version

    for part in specifier:
        try:
            if Version(str(getattr(part, "version", ""))).is_prerelease:
                return True
        except InvalidVersion:
            continue
    return False


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
