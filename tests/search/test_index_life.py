"""The index of a project: what stays true while files change, and what becomes of damage."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import code_projects as projects
from codling.errors import BusyError, CancelledError, InputError
from codling.search.index import CodeIndex
from codling.search.places import SearchIndexError, writing
from codling.search.unit import Entry
from search.conftest import SMALL, paths


def state(index: CodeIndex) -> tuple[dict[str, list[Entry]], dict[str, list[tuple[str, int, float]]]]:
    """All that an index knows and says, but for when it learned it."""
    catalogue = index.generation().catalogue
    entries = {path: catalogue.in_file(path) for path in catalogue.paths().values()}
    answers = {}
    for query in ("read lines", "close", "HttpServer", "time", '"def "', "re:/class \\w+/", "install", "alpha beta"):
        answers[query] = [(hit.path, hit.line, round(hit.score, 3)) for hit in index.search(query, 30).hits]
    return dict(sorted(entries.items())), answers


EDITS = st.lists(
    st.tuples(
        st.sampled_from([*SMALL, "new.py", "pkg/deep/other.go"]),
        st.sampled_from(["delete", "touch", "shift", "add", "rewrite", "restore"]),
        st.sampled_from(["alpha", "beta", "gamma"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(EDITS, min_size=1, max_size=3))
def test_an_index_that_followed_changes_equals_one_made_anew(
    rounds: list[list[tuple[str, str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("follow")
    root = projects.write(folder / "small", SMALL)
    followed = CodeIndex.build(root, folder=folder / "followed", encoder=None)
    for edits in rounds:
        for name, edit, word in edits:
            change(root / name, edit, word, SMALL.get(name, ""))
        followed.update()
    anew = CodeIndex.build(root, folder=folder / "anew", encoder=None)
    followed_entries, followed_answers = state(followed)
    anew_entries, anew_answers = state(anew)
    assert followed_entries == anew_entries
    for query, answers in anew_answers.items():  # BM25 counts what is deleted until segments are merged
        assert sorted(row[:2] for row in followed_answers[query]) == sorted(row[:2] for row in answers), query
    assert followed.update().num_read == 0
    followed.close()
    anew.close()


def change(path: Path, edit: str, word: str, original: str) -> None:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if edit == "delete":
        path.unlink(missing_ok=True)
        return
    if edit == "touch" and not path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {
        "touch": text,
        "shift": "\n\n" + text,
        "add": f"{text}\n\ndef {word}():\n    return '{word} beta'\n",
        "rewrite": f"def read_{word}():\n    pass\n",
        "restore": original,
    }[edit]
    path.write_text(made, encoding="utf-8")
    stamp = time.time_ns()
    os.utime(path, ns=(stamp, stamp))


def test_an_update_reads_what_has_changed_and_nothing_else(small: CodeIndex) -> None:
    assert small.update().num_read == 0
    (small.root / "pkg/files.py").write_text("def write_lines(path):\n    pass\n")
    (small.root / "web/app.ts").unlink()
    report = small.update()
    assert (report.num_read, report.num_removed) == (1, 1)
    assert paths(small, "write_lines", 1) == ["pkg/files.py"]
    assert "read_lines" not in [hit.name for hit in small.search("read_lines").hits]
    assert paths(small, "showClock") == []
    assert paths(small, '"showClock"') == []


def test_a_file_named_is_looked_at_alone(small: CodeIndex) -> None:
    (small.root / "pkg/files.py").write_text("def write_lines(path):\n    pass\n")
    (small.root / "pkg/net.py").write_text("def other():\n    pass\n")
    assert small.update(["pkg/files.py"]).num_read == 1
    assert small.definition("write_lines").hits and not small.definition("other").hits
    (small.root / "pkg/files.py").unlink()
    assert small.update(["pkg/files.py"]).num_removed == 1
    assert not small.definition("write_lines").hits


def test_a_file_that_becomes_binary_or_too_large_goes(small: CodeIndex) -> None:
    (small.root / "pkg/files.py").write_bytes(b"\0\1\2")
    (small.root / "pkg/net.py").write_text("x = 1\n" * 400_000)
    assert small.update().num_left_out == 2
    assert paths(small, "read_lines", 1) == ["tests/test_files.py"]


@contextlib.contextmanager
def watched(index: CodeIndex) -> Iterator[Callable[[], None]]:
    """Waits for the next update."""
    stop, updated = threading.Event(), threading.Semaphore(0)
    thread = threading.Thread(target=index.watch, args=(stop, lambda _: updated.release()))
    thread.start()
    try:
        yield lambda: None if updated.acquire(timeout=30) else pytest.fail("nothing was updated")
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_watching_takes_up_changes_and_what_changed_before(small: CodeIndex) -> None:
    (small.root / "before.py").write_text("def from_before():\n    return 1\n")
    with watched(small) as wait:
        wait()
        assert paths(small, "from_before", 1) == ["before.py"]
        (small.root / "fresh.py").write_text("def brand_new():\n    return 1\n")
        wait()
        assert paths(small, "brand_new", 1) == ["fresh.py"]
        (small.root / "before.py").unlink()
        wait()
        assert not small.definition("from_before").hits


def test_what_changes_while_another_process_writes_is_taken_up_after_it(
    small: CodeIndex, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(small) as wait:
        with writing(small.folder):
            (small.root / "fresh.py").write_text("def brand_new():\n    return 1\n")
            deadline = time.monotonic() + 30
            while "another process" not in caplog.text and time.monotonic() < deadline:
                time.sleep(0.05)
            assert "another process" in caplog.text
            assert not small.definition("brand_new").hits
        wait()
        assert paths(small, "brand_new", 1) == ["fresh.py"]


def test_another_reader_sees_an_update(small: CodeIndex) -> None:
    with CodeIndex.open(small.root, folder=small.folder) as reader:
        assert not reader.definition("later").hits
        (small.root / "later.py").write_text("def later():\n    return 'quite_special_string'\n")
        small.update()
        assert paths(reader, "later", 1) == ["later.py"]
        assert paths(reader, '"quite_special_string"') == ["later.py"]


def test_a_reader_goes_over_to_an_index_made_anew(small: CodeIndex) -> None:
    with CodeIndex.open(small.root, folder=small.folder) as reader:
        (small.root / "later.py").write_text("def later():\n    pass\n")
        CodeIndex.build(small.root, folder=small.folder, encoder=None).close()
        assert paths(reader, "later", 1) == ["later.py"]
        assert len(list(small.folder.glob("g*"))) == 1, "the one before is gone"


def test_searching_from_several_threads_while_it_changes(small: CodeIndex) -> None:
    wrong: list[object] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                if not any(hit.name == "HttpServer" for hit in small.search("HttpServer").hits):
                    wrong.append("HttpServer was not found")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(15):
        (small.root / "pkg/files.py").write_text(f"def read_lines_{number}():\n    pass\n")
        small.update()
    done.set()
    for thread in threads:
        thread.join(30)
    assert not wrong, wrong[:3]


def test_one_writer_at_a_time(small: CodeIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    (small.root / "later.py").write_text("x = 1\n")
    with (
        writing(small.folder),
        pytest.raises(BusyError, match="another process is writing"),
        writing(small.folder, 0.1),
    ):
        pass
    assert small.update().num_read == 1, "the right to write ends with its block"


def test_a_folder_that_cannot_be_written_to_is_no_other_writer(tmp_path: Path) -> None:
    (tmp_path / "writer.lock").mkdir()
    with pytest.raises(SearchIndexError, match="cannot be written to"), writing(tmp_path):
        pass


def test_a_build_that_is_given_up_leaves_what_was_there(small: CodeIndex) -> None:
    with pytest.raises(CancelledError):
        CodeIndex.build(small.root, folder=small.folder, encoder=None, cancelled=lambda: True)
    assert paths(small, "read_lines", 1) == ["pkg/files.py"]
    (small.root / "later.py").write_text("def later(): pass\n")
    small.update()
    CodeIndex.build(small.root, folder=small.folder, encoder=None).close()
    assert len(list(small.folder.glob("g*"))) == 1, "what it left behind is swept away"


def overwrite(path: Path, text: str) -> None:
    path.write_text(text)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "pointer cut off": lambda folder: overwrite(folder / "index.json", '{"format": 1, "ro'),
    "pointer of another kind": lambda folder: overwrite(folder / "index.json", "[]"),
    "pointer to nothing": lambda folder: shutil.rmtree(next(folder.glob("g*"))),
    "another format": lambda folder: overwrite(
        folder / "index.json", json.dumps(json.loads((folder / "index.json").read_text()) | {"format": 99})
    ),
    "catalogue gone": lambda folder: next(folder.glob("g*/catalogue.sqlite")).unlink(),
    "catalogue is text": lambda folder: overwrite(next(folder.glob("g*/catalogue.sqlite")), "text " * 5_000),
    "words gone": lambda folder: shutil.rmtree(next(folder.glob("g*/lexical"))),
    "words without their list": lambda folder: next(folder.glob("g*/lexical/meta.json")).write_text("{"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_said_and_mended(small: CodeIndex, damage: str) -> None:
    small.close()
    for path in small.folder.glob("g*/catalogue.sqlite-*"):
        path.unlink()
    DAMAGE[damage](small.folder)
    from codling.errors import CodlingError

    with pytest.raises(CodlingError, match="index") as error, CodeIndex.open(small.root, folder=small.folder) as broken:
        assert broken.search("read_lines").hits
    assert "\n" not in str(error.value)
    with CodeIndex.open_or_build(small.root, folder=small.folder, encoder=None) as mended:
        assert paths(mended, "read_lines", 1) == ["pkg/files.py"]


def test_there_is_nothing_to_open_before_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(SearchIndexError, match="is not indexed; `codling index"):
        CodeIndex.open(tmp_path, folder=tmp_path / "index")
    with pytest.raises(InputError, match="is no folder"):
        CodeIndex.build(tmp_path / "nothing")
    with pytest.raises(InputError, match="unknown scope"):
        CodeIndex.build(tmp_path, scope="world")


def test_an_index_belongs_to_its_root(small: CodeIndex, tmp_path: Path) -> None:
    with pytest.raises(SearchIndexError, match="holds the index of"):
        CodeIndex.open(tmp_path, folder=small.folder)


def test_indexes_are_kept_in_the_users_cache_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    root = projects.write(tmp_path / "small", SMALL)
    before = sorted(root.rglob("*"))
    with CodeIndex.build(root, encoder=None) as index:
        assert index.folder.is_relative_to(tmp_path / "home")
        if os.name == "posix":
            assert index.folder.stat().st_mode & 0o077 == 0
    assert sorted(root.rglob("*")) == before


def test_the_catalogue_keeps_no_trace_of_what_is_gone(small: CodeIndex) -> None:
    """What the stores still have after a change goes with the next one."""
    before = len(small.generation().lexical)
    for number in range(8):
        (small.root / "pkg/files.py").write_text(f"def version_{number}():\n    pass\n")
        small.update()
    assert len(small.generation().lexical) <= before + 3, "one version more than counts, and no others"
    connection: sqlite3.Connection = small.generation().catalogue.connection
    assert connection.execute("SELECT count(*) FROM pending").fetchone()[0] == 0
    assert connection.execute("SELECT count(*) FROM garbage").fetchone()[0] <= 3, "of the last change only"
