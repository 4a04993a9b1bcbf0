"""From names to files: a real git repository, a real (small) package index, lists of sources."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codling.corpus.gather import GatherConfig, gather, gathered_project
from codling.corpus.readers import ReadLimits, read_source
from codling.corpus.sources import Request, fetch, fetch_all, read_sources_file
from codling.errors import CorpusError


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("CODLING_HOME", str(path))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    return path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "fish.git"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for version in (1, 2):
        (folder / "a.py").write_text(f"version = {version}\n")
        git(folder, "add", "a.py")
        git(folder, "commit", "-q", "-m", "a")
        git(folder, "tag", "-a", f"v{version}", "-m", "a")
    return folder


def sdist(name: str, version: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in (("PKG-INFO", f"Name: {name}\nVersion: {version}\n"), (f"{name}.py", f"v = '{version}'\n")):
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index (PEP 503) over HTTP: cod in three versions; bad, whose hash is wrong; wheel, without sources."""
    root = tmp_path / "simple"
    pages = {
        "cod": [(f"cod-{v}.tar.gz", sdist("cod", v), "") for v in ("1.0", "2.0", "3.0rc1")],
        "bad": [("bad-1.0.tar.gz", sdist("bad", "1.0"), "0" * 64)],
        "wheel": [("wheel-1.0-py3-none-any.whl", b"", "")],
    }
    for name, files in pages.items():
        (root / name).mkdir(parents=True)
        links = []
        for file, data, digest in files:
            (root / name / file).write_bytes(data)
            links.append(f'<a href="{file}#sha256={digest or hashlib.sha256(data).hexdigest()}">{file}</a>')
        (root / name / "index.html").write_text(f"<html><body>{' '.join(links)}</body></html>")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("spec", "version"), [("cod", "2.0"), ("cod==1.0", "1.0"), ("cod<2", "1.0"), ("cod==3.0rc1", "3.0rc1")]
)
def test_the_index_gives_the_newest_final_release_that_fits(index: str, spec: str, version: str) -> None:
    source = fetch(Request(f"pypi:{spec}"), [index])
    assert (source.name, source.version, source.kind) == ("cod", version, "archive")
    files = {file.path: file.data for file in read_source(source, ReadLimits())}
    assert files["cod.py"] == f"v = '{version}'\n".encode()


def test_a_download_is_kept_and_checked(index: str, home: Path) -> None:
    source = fetch(Request("pypi:cod"), [index])
    assert source.path.is_relative_to(home / "cache")
    before = source.path.stat().st_mtime_ns
    assert fetch(Request("pypi:cod"), [index]) == source
    assert source.path.stat().st_mtime_ns == before
    source.path.write_bytes(b"damaged")
    with pytest.raises(CorpusError, match="was damaged"):
        fetch(Request("pypi:cod"), [index])
    assert fetch(Request("pypi:cod"), [index]) == source


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pypi:bad", "not what the index says"),
        ("pypi:wheel", "no source archive"),
        ("pypi:cod==9", "no source archive"),
        ("pypi:no-such", r"pypi:no-such: .* no source archive .*404"),
        ("pypi:", "names no project"),
        ("pypi:a b", "names no project"),
    ],
)
def test_what_the_index_cannot_give(index: str, spec: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        fetch(Request(spec), [index])
    assert "\n" not in str(caught.value)


def test_an_index_that_is_not_there() -> None:
    with pytest.raises(CorpusError, match=r"cannot ask the package index about pypi:cod: .") as caught:
        fetch(Request("pypi:cod"), ["http://127.0.0.1:9/simple/"])
    assert "\n" not in str(caught.value)


def test_git_gives_one_commit(repository: Path, home: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    source = fetch(Request(repository.as_uri()))
    assert (source.identity, source.name, source.kind) == (head, "fish", "folder")
    assert (source.path / "a.py").read_text() == "version = 2\n"
    old = fetch(Request(f"git+{repository.as_uri()}@v1"))
    assert (old.path / "a.py").read_text() == "version = 1\n"
    assert fetch(Request(f"git+{repository.as_uri()}@main")).identity == head
    assert old.path.is_relative_to(home / "cache")


def test_a_branch_is_not_taken_for_another_whose_name_ends_alike(repository: Path) -> None:
    git(repository, "branch", "a/main", "v1^{commit}")
    assert fetch(Request(f"git+{repository.as_uri()}@main")).identity == git(repository, "rev-parse", "main")
    old = git(repository, "rev-parse", "v1^{commit}")
    assert fetch(Request(f"git+{repository.as_uri()}@a/main")).identity == old
    assert fetch(Request(f"git+{repository.as_uri()}@{old}")).identity == old


def test_a_bare_repository_by_path(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(repository), "bare")
    assert Request(str(tmp_path / "bare")).is_git
    assert (fetch(Request(str(tmp_path / "bare"))).path / "a.py").read_text() == "version = 2\n"


def test_a_working_tree_is_a_folder_with_a_commit(repository: Path) -> None:
    source = fetch(Request(str(repository)))
    assert (source.kind, source.origin) == ("folder", f"commit {git(repository, 'rev-parse', 'HEAD')}")


def test_git_that_is_missing_or_fails(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CorpusError, match="cannot fetch"):
        fetch(Request(f"git+{repository.as_uri()}@no-such-tag"))
    with pytest.raises(CorpusError, match=r"cannot fetch file:///no/such"):
        fetch(Request("file:///no/such"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CorpusError, match="needs the git program"):
        fetch(Request(repository.as_uri()))


def test_what_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(CorpusError, match="is no source"):
        fetch(Request(str(tmp_path / "notes.txt")))
    with pytest.raises(CorpusError, match=r"did you mean 'notes\.txt'"):
        fetch(Request(str(tmp_path / "note.txt")))
    for spec in ("a" * 5_000, "~nosuchuser/code", "a\0b"):
        with pytest.raises(CorpusError, match="there is no source"):
            fetch(Request(spec))


def test_a_password_in_an_address_is_written_nowhere(tmp_path: Path) -> None:
    spec = "git+https://me:hunter2@127.0.0.1:9/fish.git"
    with pytest.raises(CorpusError, match="cannot fetch") as caught:
        fetch(Request(spec))
    assert "hunter2" not in str(caught.value)
    (tmp_path / "a.py").write_text("x = 1\n" * 5)
    source = dataclasses.replace(fetch(Request(str(tmp_path / "a.py"))), spec=spec, origin=f"{spec[4:]}@c0ffee")
    project = gathered_project(tmp_path, gather(source, GatherConfig(), tmp_path))
    assert project.spec == "git+https://127.0.0.1:9/fish.git"
    assert project.origin == "https://127.0.0.1:9/fish.git@c0ffee"


def test_lists_of_sources(tmp_path: Path) -> None:
    path = tmp_path / "sources.txt"
    path.write_text("# ours\npypi:cod\n\npypi:seaborn  test  # pinned\n./a folder#1 valid\n")
    assert read_sources_file(path) == [
        Request("pypi:cod"),
        Request("pypi:seaborn", "test"),
        Request("./a folder#1", "valid"),
    ]
    path.write_text("pypi:cod tset\n")
    with pytest.raises(CorpusError, match="line 1: 'tset' is no split"):
        read_sources_file(path)
    with pytest.raises(CorpusError, match="cannot read the list"):
        read_sources_file(tmp_path / "missing")


def test_a_name_keeps_its_meaning_until_the_build_is_done(repository: Path, tmp_path: Path) -> None:
    request, record = Request(repository.as_uri()), tmp_path / "sources.json"
    [(_, first)], failed = fetch_all([request, request], record, (), lambda done, total: None)
    assert not failed
    (repository / "a.py").write_text("version = 3\n")
    git(repository, "commit", "-q", "-a", "-m", "a")
    [(_, again)], _ = fetch_all([request], record, (), lambda done, total: None)
    assert again == first
    record.unlink()
    [(_, fresh)], _ = fetch_all([request], record, (), lambda done, total: None)
    assert fresh.identity != first.identity
    record.write_text("{damaged")
    [(_, fresh)], _ = fetch_all([request], record, (), lambda done, total: None)
    assert fresh.identity != first.identity
