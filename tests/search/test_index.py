"""The index of a project: what is found, what stays true while files change, and what becomes of damage."""

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
import tiny_encoder
from codling.errors import BusyError, CancelledError, InputError
from codling.search import lexical, retrieval
from codling.search.index import CodeIndex, CodeIndexes
from codling.search.places import SearchIndexError, writing
from codling.search.unit import Entry

SMALL = {
    "pkg/__init__.py": '"""A small package."""\n',
    "pkg/files.py": 'def read_lines(path):\n    """All lines of a file."""\n    return open(path).readlines()\n',
    "pkg/net.py": "class HttpServer:\n    def close(self):\n        pass\n\n    def read_request(self):\n        ...\n",
    "web/app.ts": "/** Shows the time. */\nexport function showClock(now: Date) {\n  return now.toString();\n}\n",
    "README.md": "# Small\n\nHow to install it: copy the folder.\n",
    "tests/test_files.py": "from pkg.files import read_lines\n\ndef test_read_lines():\n    assert read_lines\n",
}


@pytest.fixture(scope="module")
def asyncio_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.copy_package(tmp_path_factory.mktemp("code") / "src", "asyncio", "json", "http")


@pytest.fixture(scope="module")
def asyncio_index(asyncio_root: Path, tmp_path_factory: pytest.TempPathFactory) -> CodeIndex:
    return CodeIndex.build(asyncio_root, folder=tmp_path_factory.mktemp("index"), encoder=None)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[CodeIndex]:
    root = projects.write(tmp_path / "small", SMALL)
    with CodeIndex.build(root, folder=tmp_path / "index", encoder=None) as index:
        yield index


def paths(index: CodeIndex | CodeIndexes, query: str, k: int = 10) -> list[str]:
    return [hit.path for hit in index.search(query, k).hits]


def test_every_name_of_a_package_is_among_the_first_three(asyncio_index: CodeIndex) -> None:
    """Whoever types a name that exists wants what has that name."""
    connection = asyncio_index.generation().catalogue.connection
    names = [row[0] for row in connection.execute("SELECT DISTINCT name FROM units WHERE name != '' ORDER BY name")]
    assert len(names) > 1_000
    missed = [name for name in names if name not in [hit.name for hit in asyncio_index.search(name, 3).hits]]
    assert not missed


def test_a_name_is_found_whole_in_parts_by_its_beginning_and_with_an_error(asyncio_index: CodeIndex) -> None:
    for query in ("StreamReaderProtocol", "stream reader protocol", "streamreaderprot", "StreamReaderProtocl"):
        assert "StreamReaderProtocol" in [hit.name for hit in asyncio_index.search(query, 5).hits], query


def test_a_qualified_name_finds_that_one_among_many(asyncio_index: CodeIndex) -> None:
    for query in ("Queue.get", "queues.Queue.get", "asyncio.queues.Queue.get"):
        assert asyncio_index.search(query, 3).hits[0].qualified_name == "Queue.get", query


def test_a_description_finds_what_it_describes(asyncio_index: CodeIndex) -> None:
    assert "json/__init__.py" in paths(asyncio_index, "serialize an object to a json formatted string", 5)
    assert "asyncio/timeouts.py" in paths(asyncio_index, "wait for a future with a timeout", 5)


def test_filters_narrow_down(small: CodeIndex) -> None:
    assert set(paths(small, "read lang:python")) == {"pkg/files.py", "pkg/net.py", "tests/test_files.py"}
    assert set(paths(small, "read -path:tests lang:py")) == {"pkg/files.py", "pkg/net.py"}
    assert paths(small, "time lang:ts") == ["web/app.ts"]
    assert {hit.kind for hit in small.search("read kind:method").hits} == {"method"}
    assert set(paths(small, "read path:*.md")) == set()
    assert paths(small, "path:README.md install") == ["README.md"]
    assert set(paths(small, "kind:class")) == {"pkg/net.py"}, "a filter alone lists what passes it"
    assert paths(small, "read repo:other") == []
    assert paths(small, "read_lines repo:small", 1) == ["pkg/files.py"]


def test_filters_let_pass_what_they_name_however_much_there_is(
    asyncio_index: CodeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the list of all units: what stores are asked for, and what is left out afterwards."""
    known = asyncio_index.generation().catalogue.paths().values()
    everything = [unit for path in known for unit in asyncio_index.units(path)]
    for most in (20_000, 3):  # files that stores can be told to look in
        monkeypatch.setattr(retrieval, "MAX_FILES_ASKED", most)
        monkeypatch.setattr(lexical, "MAX_FILES_ASKED", most)
        for text, passes in (
            ("path:events kind:method", lambda unit: "events" in unit.path and unit.kind == "method"),
            ("-path:_events -kind:method", lambda unit: "_events" not in unit.path and unit.kind != "method"),
            ("path:*_events.py lang:python", lambda unit: unit.path.endswith("_events.py")),
        ):
            expected = {unit.id for unit in everything if passes(unit)}
            found = {hit.entry.id for hit in asyncio_index.search(f"event loop {text}", 1_000).hits}
            assert found and found <= expected
            assert len(found) >= min(len(expected), 20)


def test_path_filters_see_files_that_came_later(small: CodeIndex) -> None:
    assert not paths(small, "path:later.py")
    projects.write(small.root, {"later.py": "def later():\n    return 1\n"})
    small.update()
    assert paths(small, "path:later.py") and paths(small, "returns something path:later.py")


def test_a_hit_says_all_that_an_editor_needs(small: CodeIndex) -> None:
    hit = small.search("read_lines", 1).hits[0]
    assert (hit.path, hit.line, hit.end_line, hit.kind, hit.name) == ("pkg/files.py", 1, 3, "function", "read_lines")
    assert hit.signature == "def read_lines(path)" and hit.language == "python" and hit.repo == "small"
    assert (hit.root / hit.path).is_file()
    assert hit.snippet(2).text == 'def read_lines(path):\n    """All lines of a file."""'
    assert hit.text == SMALL["pkg/files.py"].rstrip("\n")
    assert hit.score == pytest.approx(sum(hit.parts.values()))


def test_explain_says_where_a_score_comes_from(small: CodeIndex) -> None:
    hit = next(hit for hit in small.search("lines of a file").hits if hit.name == "read_lines")
    said = small.explain("lines of a file", hit.unit)
    assert said.rank and said.hit is not None and said.hit.unit == hit.unit
    fields = said.stores["bm25"]
    assert {"name", "doc"} <= fields.keys()
    assert sum(fields.values()) == pytest.approx(said.candidate["bm25"], rel=1e-4)
    with pytest.raises(InputError, match="no unit has the id"):
        small.explain("lines", "0" * 16)


def test_definitions(asyncio_index: CodeIndex) -> None:
    assert [hit.qualified_name for hit in asyncio_index.definition("Queue.get").hits][:1] == ["Queue.get"]
    assert asyncio_index.definition("asyncio.gather").hits[0].path == "asyncio/tasks.py"
    assert asyncio_index.definition("json.dumps").hits[0].path == "json/__init__.py"
    assert {hit.name for hit in asyncio_index.definition("message", 50).hits} <= {"Message", "message"}
    assert asyncio_index.definition("no_such_thing").hits == ()
    assert asyncio_index.definition("").hits == ()


def test_related_code_is_like_it_and_never_itself(asyncio_index: CodeIndex) -> None:
    line = asyncio_index.definition("Queue.put").hits[0].line
    related = asyncio_index.find_related("asyncio/queues.py", line, k=8)
    assert "Queue.put" not in [hit.qualified_name for hit in related.hits]
    assert "Queue.get" in [hit.qualified_name for hit in related.hits]
    absolute = asyncio_index.find_related(str(asyncio_index.root / "asyncio/queues.py"), line, k=8)
    assert [hit.unit for hit in absolute.hits] == [hit.unit for hit in related.hits]
    by_text = asyncio_index.find_related(code="async def put(self, item):\n    await self._putters.append(putter)")
    assert "asyncio/queues.py" in [hit.path for hit in by_text.hits]
    with pytest.raises(InputError, match="is in no index"):
        asyncio_index.find_related("nothing.py", 1)
    with pytest.raises(InputError, match="or give code"):
        asyncio_index.find_related()


def test_related_code_of_a_first_line_is_like_the_definition_there(tmp_path: Path) -> None:
    """The module of a file that begins with a definition has no text: nothing would be like it."""
    body = "(path):\n    with open(path) as stream:\n        return [row.rstrip() for row in stream]\n"
    files = {f"{name}.py": f"def {name}{body}" for name in ("read_rows", "load_lines", "all_of")} | {"x.py": "y = 1\n"}
    with CodeIndex.build(projects.write(tmp_path / "a", files), folder=tmp_path / "i", encoder=None) as index:
        assert [unit.kind for unit in index.units("all_of.py")] == ["function", "module"]
        for line in (None, 1, 2, 99):
            assert {hit.name for hit in index.find_related("all_of.py", line).hits} == {"read_rows", "load_lines"}


def test_what_git_ignores_stays_out(tmp_path: Path) -> None:
    files = SMALL | {".gitignore": "*.log.py\n/secret/\n", "a.log.py": "hidden = 1\n", "secret/b.py": "hidden = 2\n"}
    files |= {
        "node_modules/x/index.js": "function hidden() {}\n",
        "pkg/.gitignore": "gen.py\n",
        "pkg/gen.py": "hidden = 3\n",
    }
    files |= {"app.min.js": "function hidden(){}", "data.bin.py": "x\0y"}
    with CodeIndex.build(projects.write(tmp_path / "a", files), folder=tmp_path / "i", encoder=None) as index:
        assert paths(index, "hidden") == []
        assert paths(index, '"hidden"') == []


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


def test_several_indexes_answer_as_one(small: CodeIndex, asyncio_index: CodeIndex) -> None:
    both = CodeIndexes([small, asyncio_index])
    assert {hit.repo for hit in both.search("read", 40).hits} == {"small", "src"}
    assert {hit.repo for hit in both.search("read repo:small", 40).hits} == {"small"}
    assert both.definition("read_lines").hits[0].repo == "small"
    hit = both.search("gather", 1).hits[0]
    assert (hit.root / hit.path).is_file()
    assert both.find_related("pkg/files.py", 1, k=3).hits


def test_neural_search_with_a_small_encoder(tmp_path: Path) -> None:
    bundle = str(tiny_encoder.write(tmp_path / "bundles" / "tiny").path)
    root = projects.write(tmp_path / "small", SMALL)
    with CodeIndex.build(root, folder=tmp_path / "index", encoder=bundle) as index:
        hit = next(hit for hit in index.search("read list of file", 5).hits if hit.name == "read_lines")
        assert "meaning" in index.search("read list of file", 5).hits[0].parts
        said = index.explain("read list of file", hit.unit)
        assert -1 <= said.stores["cosine"]["cosine"] <= 1
        assert "cosine" not in index.search("read", neural=False).hits[0].parts
        related = index.find_related("pkg/files.py", 1, k=3)
        assert related.hits and related.hits[0].parts["meaning"] > 0
        (root / "pkg/files.py").write_text("def sort_list(path):\n    return sorted(open(path))\n")
        index.update()
        neural = index.generation().neural
        assert neural is not None and len(neural) >= index.num_units
        index.update()
        assert "sort_list" in [hit.name for hit in index.search("sort the list", 3).hits]
    tiny_encoder.write(tmp_path / "bundles" / "tiny", tiny_encoder.files(seed=1))
    from codling.search.encoder import load_encoder

    load_encoder.cache_clear()
    with pytest.raises(SearchIndexError, match="another encoder"):
        CodeIndex.open(root, folder=tmp_path / "index")
    with CodeIndex.open_or_build(root, folder=tmp_path / "index", encoder=bundle) as index:
        assert index.search("sort the list").hits


def test_an_environment_is_found_from_its_folder(tmp_path: Path) -> None:
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    projects.write(site, {"tool/build/core.py": "def compile_all():\n    pass\n", "tool/data.txt": "compile_all\n"})
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr\n")
    with CodeIndex.build(tmp_path / "venv", scope="environment", folder=tmp_path / "i", encoder=None) as index:
        assert paths(index, "compile_all") == ["tool/build/core.py"]
        assert index.name == "venv"
    with CodeIndex.open(tmp_path / "venv", folder=tmp_path / "i") as index:
        assert index.options.scope == "environment"
    with pytest.raises(InputError, match="no Python environment"):
        CodeIndex.build(tmp_path / "venv" / "lib", scope="environment", folder=tmp_path / "j")


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


def test_an_empty_folder_is_an_index_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with CodeIndex.build(tmp_path / "empty", folder=tmp_path / "i", encoder=None) as index:
        assert (index.num_files, index.num_units) == (0, 0)
        for query in ("word", '"exact"', "re:/x/", "lang:go"):
            assert index.search(query).hits == ()


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
