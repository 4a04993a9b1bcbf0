"""Indexes that a server keeps: made in the background, kept true, answering whatever happens."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codling.errors import InputError
from codling.search.index import CodeIndex
from codling.search.places import SearchIndexError, index_folder, writing
from codling.serve import codebase
from codling.serve.codebase import Codebase
from search_project import write_project

PATIENCE_S = 60


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    return write_project(tmp_path / "project")


@pytest.fixture
def keep() -> Iterator[Callable[..., Codebase]]:
    """Starts codebases that end with the test."""
    kept: list[Codebase] = []

    def start(*roots: Path) -> Codebase:
        kept.append(Codebase(roots, neural=False))
        kept[-1].start()
        return kept[-1]

    yield start
    for code in kept:
        code.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_ready(code: Codebase) -> bool:
    return all(repo.message.state == "ready" for repo in code.repos)


def finds(code: Codebase, name: str) -> bool:
    try:
        return bool(code.indexes().definition(name).hits)
    except SearchIndexError:  # it is just being made again
        return False


def test_changes_are_found_soon_after(root: Path, keep: Callable[..., Codebase]) -> None:
    code = keep(root)
    until(lambda: is_ready(code))
    units = code.repos[0].message.units
    (root / "wire" / "send.go").write_text("package wire\n\nfunc SendFrame(f *Frame) error { return nil }\n")
    until(lambda: bool(code.indexes().definition("SendFrame").hits))
    until(lambda: code.repos[0].message.units > units)
    (root / "wire" / "send.go").unlink()
    until(lambda: not code.indexes().definition("SendFrame").hits)


def test_what_changed_while_no_server_ran_is_taken_up(root: Path, keep: Callable[..., Codebase]) -> None:
    CodeIndex.build(root, encoder=None, workers=1).close()
    (root / "later.py").write_text("def later_on(): pass\n")
    code = keep(root)
    assert code.wait(PATIENCE_S)  # the old index answers at once
    until(lambda: bool(code.indexes().definition("later_on").hits))


def test_a_damaged_index_is_made_again(root: Path, keep: Callable[..., Codebase]) -> None:
    CodeIndex.build(root, encoder=None, workers=1).close()
    (index_folder(root.resolve()) / "index.json").write_text("{")
    code = keep(root)
    until(lambda: is_ready(code))
    assert code.indexes().definition("ReadFrame").hits


def test_an_index_that_is_deleted_under_it_is_made_again(root: Path, keep: Callable[..., Codebase]) -> None:
    code = keep(root)
    until(lambda: is_ready(code))
    shutil.rmtree(index_folder(root.resolve()))
    (root / "later.py").write_text("def later_on(): pass\n")
    until(lambda: is_ready(code) and finds(code, "later_on"))
    assert finds(code, "ReadFrame")


def test_trouble_passes(
    root: Path, keep: Callable[..., Codebase], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(codebase, "_LOOK_AFTER_S", 0.05)
    home = Path(os.environ["CODLING_HOME"])
    home.write_text("a file where the folder should be")
    code = keep(root)
    assert code.wait(PATIENCE_S)
    assert code.repos[0].message.state != "ready"
    until(lambda: code.repos[0].message.error is not None)
    said = [record for record in caplog.records if "cannot be kept" in record.message]
    assert len(said) == 1 and said[0].exc_info is None and str(home) in said[0].message
    home.unlink()
    until(lambda: is_ready(code) and finds(code, "ReadFrame"))
    assert code.repos[0].message.error is None


def test_an_index_that_another_process_writes_is_waited_for(root: Path, keep: Callable[..., Codebase]) -> None:
    with writing(index_folder(root.resolve())):
        code = keep(root)
        assert not code.wait(0.5)
        assert code.repos[0].message.state in ("waiting", "indexing") and code.indexes().search("x").hits == ()
    until(lambda: is_ready(code))


def test_folders_of_one_name_are_told_apart_and_one_folder_counts_once(root: Path, tmp_path: Path) -> None:
    other = write_project(tmp_path / "elsewhere" / "project")
    code = Codebase([root, other, root / "src" / ".."], neural=False)
    assert [repo.name for repo in code.repos] == ["project", "project-2"]
    code.close()  # though it never began


def test_a_folder_that_is_none_is_the_user_s_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        Codebase([tmp_path / "nothing"])


def test_a_root_that_vanishes_fails_by_itself(root: Path, tmp_path: Path, keep: Callable[..., Codebase]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = Codebase([gone, root], neural=False)
    gone.rmdir()
    try:
        code.start()
        until(lambda: code.repos[0].message.state == "failed" and code.repos[1].message.state == "ready")
        assert "no folder" in (code.repos[0].message.error or "")
        assert code.indexes().definition("ReadFrame").hits
    finally:
        code.close()
