"""Fetch one commit of a git repository with the git program; only its files come, not its history."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path, PurePosixPath

from codling.corpus.readers import LocalSource
from codling.errors import CorpusError

__all__ = ["commit_of", "fetch_commit", "without_password"]

_TIMEOUT_S = 1_800


def fetch_commit(spec: str, cache: Path) -> LocalSource:
    """Fetch a repository's newest commit, or the branch, tag or commit after an @ as in git+https://host/name@v1.0.

    Raises:
        CorpusError: git is missing, or the repository or the revision cannot be had.
    """
    url, revision = _parts(spec)
    git = _git(spec)
    name = PurePosixPath(url.replace("\\", "/").rstrip("/").replace(":", "/")).name.removesuffix(".git")
    known = _commit_named(revision, _run([git, "ls-remote", "--", url, revision], spec, None))
    folder = cache / f"{name}-{hashlib.sha256(f'{url} {known}'.encode()).hexdigest()[:24]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=cache, prefix=".fetch."))
        try:
            _run([git, "init", "--quiet"], spec, temporary)
            _run([git, "fetch", "--quiet", "--depth", "1", "--no-tags", "--", url, known], spec, temporary)
            _run([git, "-c", "core.autocrlf=false", "checkout", "--quiet", "FETCH_HEAD"], spec, temporary)
            temporary.chmod(0o755)
            try:
                temporary.rename(folder)
            except OSError:
                if not folder.is_dir():  # somebody fetched the same commit meanwhile
                    raise
        except OSError as error:
            raise CorpusError(f"cannot keep {spec} in {cache}: {error}") from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    head = _run([git, "rev-parse", "HEAD"], spec, folder).strip()
    num_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    return LocalSource(
        spec=spec, kind="folder", path=folder, identity=head, num_bytes=num_bytes, name=name, origin=f"{url}@{head}"
    )


def without_password(text: str) -> str:
    """A text without what stands before the host in its http addresses: manifests and cards are for others to read."""
    return re.sub(r"(https?://)[^\s/@]*@", r"\1", text)


def commit_of(folder: Path) -> str:
    """The commit that a folder is a working tree of; empty when it is none, or git is missing."""
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return ""
    done = subprocess.run(
        [git, "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, errors="replace", timeout=60
    )
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else ""


def _commit_named(revision: str, listing: str) -> str:
    """What a revision stands for, out of git ls-remote, which lists every ref whose name ends in it."""
    commits = {ref: commit for commit, _, ref in (line.partition("\t") for line in listing.splitlines())}
    for ref in (revision, f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}"):
        if ref in commits:
            return commits[ref]
    return revision  # a commit's id is not listed


def _parts(spec: str) -> tuple[str, str]:
    url = spec.removeprefix("git+")
    head, at, revision = url.rpartition("@")
    if at and "/" in head.partition("://")[2] and ":" not in revision:
        return head, revision
    if Path(url).is_dir():
        return Path(url).resolve().as_uri(), "HEAD"
    return url, "HEAD"


def _git(spec: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise CorpusError(f"{spec} needs the git program, which is not installed; install git, or name a folder")
    return git


def _run(command: list[str], spec: str, folder: Path | None) -> str:
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise CorpusError(f"cannot fetch {without_password(spec)}: git took more than {_TIMEOUT_S} seconds") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise CorpusError(without_password(f"cannot fetch {spec}: {lines[0] if lines else 'git failed'}"))
    return done.stdout
