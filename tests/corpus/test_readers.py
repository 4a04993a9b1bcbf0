"""Folders against git itself, archives against everything that an archive can do to its reader."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from codling.corpus.readers import LocalSource, RawFile, ReadLimits, folder_identity, list_folder, read_source
from codling.errors import CorpusError


def read(path: Path, limits: ReadLimits | None = None) -> list[RawFile]:
    kind = "folder" if path.is_dir() else "archive"
    source = LocalSource(spec=str(path), kind=kind, path=path, identity="")  # type: ignore[arg-type]
    return list(read_source(source, limits or ReadLimits()))


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def tar(path: Path, members: list[tuple[str, bytes]], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


IGNORES = {
    ".gitignore": "*.log.py\n/only_here.py\nignored/\n!kept.log.py\n# comment\n\\#odd.py\n**/deep/*.py\n",
    "a.py": "",
    "x.log.py": "",
    "kept.log.py": "",
    "only_here.py": "",
    "#odd.py": "",
    "sub/only_here.py": "",
    "sub/.gitignore": "local.py\n!x.log.py\n",
    "sub/local.py": "",
    "sub/x.log.py": "",
    "sub/deep/b.py": "",
    "sub/deep/c/d.py": "",
    "ignored/e.py": "",
    "ignored/.gitignore": "!e.py\n",
    "other/local.py": "",
}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle")
def test_gitignore_as_git_reads_it(tmp_path: Path) -> None:
    write(tmp_path, IGNORES)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "-z"], cwd=tmp_path, check=True, capture_output=True
    ).stdout.decode()
    expected = sorted(name for name in listed.split("\0") if name.endswith(".py"))
    assert len(expected) > 4
    assert list_folder(tmp_path) == expected


def test_a_folder_without_what_is_not_its_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.py": "",
            "b.txt": "",
            "LICENSE": "",
            "pkg/c.java": "",
            "pkg/d.ipynb": "",
            ".venv/lib/e.py": "",
            "env/pyvenv.cfg": "",
            "env/lib/f.py": "",
            "build/lib/g.py": "",
            "node_modules/h.py": "",
            "a.egg-info/PKG-INFO": "",
        },
    )
    assert list_folder(tmp_path) == ["LICENSE", "a.py", "pkg/c.java", "pkg/d.ipynb"]


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.py": "x = 1\n"})
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "c.py").symlink_to(tmp_path / "a" / "b.py")
    (tmp_path / "d.py").symlink_to("/etc/passwd")
    assert list_folder(tmp_path) == ["a/b.py"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a file that cannot be read")
def test_an_unreadable_file_has_a_reason(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": ""})
    (tmp_path / "a.py").chmod(0)
    [file] = read(tmp_path)
    assert file.problem is not None
    assert file.problem.reason == "unreadable"


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no such thing here")
    os.mkfifo(tmp_path / "a.py")
    [file] = read(tmp_path)
    assert file.problem is not None
    assert file.problem.reason == "unreadable"
    folder_identity(tmp_path)


def test_identity_is_content(tmp_path: Path) -> None:
    one, other = write(tmp_path / "1", {"a.py": "x"}), write(tmp_path / "2", {"a.py": "x"})
    assert folder_identity(one) == folder_identity(other)
    (other / "a.py").write_text("y")
    assert folder_identity(one) != folder_identity(other)
    (other / "a.py").rename(other / "b.py")
    (other / "b.py").write_text("x")
    assert folder_identity(one) != folder_identity(other)


def test_archives_lose_their_top_folder(tmp_path: Path) -> None:
    members = [("a-1.0/PKG-INFO", b"Name: a\n"), ("a-1.0/a/b.py", b"x = 1\n"), ("a-1.0/README", b"")]
    files = read(tar(tmp_path / "a-1.0.tar.gz", members))
    assert [(file.path, file.data) for file in files] == [("PKG-INFO", b"Name: a\n"), ("a/b.py", b"x = 1\n")]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    assert read(tmp_path / "a.zip") == files


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py", "C:/evil.py", "\\evil.py"])
def test_paths_outside_the_archive(tmp_path: Path, name: str) -> None:
    for file in (*read(tar(tmp_path / "a.tar", [(name, b"x")], "w")),):
        assert file.problem is not None
        assert (file.problem.reason, file.data) == ("unsafe-path", b"")


def test_links_in_archives_are_not_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"a/{kind!r}.py")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    files = read(tmp_path / "a.tar")
    assert len(files) == 3
    assert {file.problem.reason for file in files if file.problem} == {"unreadable"}


def test_a_bomb_is_read_up_to_the_limit(tmp_path: Path) -> None:
    limits = ReadLimits(max_archive_bytes=5_000_000)
    members = [("a/1.py", b"x"), ("a/big.dat", bytes(10_000_000)), ("a/2.py", b"x")]
    files = read(tar(tmp_path / "a.tar.gz", members), limits)
    assert [(file.path, file.problem.reason if file.problem else "") for file in files] == [
        ("1.py", ""),
        ("a/big.dat", "archive-too-large"),
    ]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    assert read(tmp_path / "a.zip", limits) == files
    assert (
        len(read(tar(tmp_path / "b.tar.gz", [(f"a/{i}.py", b"") for i in range(30)]), ReadLimits(max_files=10))) == 11
    )


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "x" * 1_000_001, "b.ipynb": "x" * 1_000_001})
    one, other = read(tmp_path)
    assert one.problem is not None
    assert (one.problem.reason, one.data, one.num_bytes) == ("too-large", b"", 1_000_001)
    assert other.problem is None


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("names are text there")
    (tmp_path / os.fsdecode(b"\xff.py")).write_text("x = 1\n")
    assert len(read(tmp_path)) == 1
    folder_identity(tmp_path)


def _damage(path: Path, kind: str) -> Path:
    data = tar(path, [("a/b.py", os.urandom(200_000))]).read_bytes()
    path.write_bytes(
        {"cut": data[: len(data) // 2], "text": b"no archive", "empty": b"", "flipped": data[:99] + b"!!" * 50}[kind]
    )
    return path


@pytest.mark.parametrize("kind", ["cut", "text", "empty", "flipped"])
@pytest.mark.parametrize("suffix", [".tar.gz", ".zip", ".tar.bz2", ".tar.xz"])
def test_damaged_archives_are_one_line(tmp_path: Path, kind: str, suffix: str) -> None:
    path = _damage(tmp_path / f"a{suffix}", kind)
    with pytest.raises(CorpusError, match="cannot read") as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_is_damaged_anywhere_is_one_line(tmp_path: Path, method: int) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name in ("p/größe.py", "p/b.py"):
            archive.writestr(name, b"def f(x):\n    return x\n" * 9)
    path, failed = tmp_path / "a.zip", 0
    for at in range(0, len(whole.getvalue()), 2):
        data = bytearray(whole.getvalue())
        data[at] ^= 0xA5
        path.write_bytes(data)
        try:
            read(path)
        except CorpusError as error:
            assert "\n" not in str(error)
            failed += 1
    assert failed > 20


@pytest.mark.parametrize("what", ["folder", "loop", "fifo"])
def test_a_gitignore_that_is_none(tmp_path: Path, what: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    place = tmp_path / ".gitignore"
    if what == "folder":
        place.mkdir()
    elif what == "loop":
        place.symlink_to(place)
    elif hasattr(os, "mkfifo"):
        os.mkfifo(place)
    assert [file.path for file in read(tmp_path)] == ["a.py"]
    folder_identity(tmp_path)
