"""The index of a project: what is found, by name, description, filter and example."""

from __future__ import annotations

from pathlib import Path

import pytest

import code_projects as projects
import tiny_encoder
from codling.errors import InputError
from codling.search import lexical, retrieval
from codling.search.index import CodeIndex, CodeIndexes
from codling.search.places import SearchIndexError
from search.conftest import SMALL, paths


@pytest.fixture(scope="module")
def asyncio_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.copy_package(tmp_path_factory.mktemp("code") / "src", "asyncio", "json", "http")


@pytest.fixture(scope="module")
def asyncio_index(asyncio_root: Path, tmp_path_factory: pytest.TempPathFactory) -> CodeIndex:
    return CodeIndex.build(asyncio_root, folder=tmp_path_factory.mktemp("index"), encoder=None)


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


def test_an_empty_folder_is_an_index_too(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with CodeIndex.build(tmp_path / "empty", folder=tmp_path / "i", encoder=None) as index:
        assert (index.num_files, index.num_units) == (0, 0)
        for query in ("word", '"exact"', "re:/x/", "lang:go"):
            assert index.search(query).hits == ()
