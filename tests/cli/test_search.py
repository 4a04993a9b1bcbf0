"""codling index and codling search, as people and programs call them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import code_projects as projects
from codling.search.places import writing
from command import call_codling, run_codling

FILES = {
    "pkg/files.py": 'def read_lines(path):\n    """All lines of a file."""\n    return open(path).readlines()\n',
    "pkg/net.py": "class HttpServer:\n    def close(self):\n        pass\n",
    "README.md": "# Small\n\nHow to install it: 😀 copy the folder.\n",
}

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    return projects.write(tmp_path / "small", FILES)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
        return call_codling(list(arguments), stdin, monkeypatch, capsys)

    return run


def test_the_first_search_makes_the_index(root: Path, call: Call) -> None:
    code, out, _ = call("search", "read_lines", "--root", root, "--no-neural", "-n", 1)
    assert code == 0
    assert out.split("\n")[0] == "pkg/files.py:1  function read_lines"
    assert '     2      """All lines of a file."""' in out
    code, out, _ = call("index", root, "--json")
    said = json.loads(out)
    assert (said["files"], said["read"], said["removed"]) == (3, 0, 0)


def test_json_says_everything(root: Path, call: Call) -> None:
    _, out, _ = call("search", "read_lines", "-r", root, "--no-neural", "--json", "--explain", "-n", 1)
    said = json.loads(out)
    assert said["complete"] and said["ms"] > 0
    (hit,) = said["hits"]
    assert (hit["path"], hit["line"], hit["end_line"], hit["kind"]) == ("pkg/files.py", 1, 3, "function")
    assert hit["snippet"] == {"line": 1, "text": FILES["pkg/files.py"].rstrip("\n")}
    assert sum(hit["parts"].values()) == pytest.approx(hit["score"], abs=1e-4)


def test_a_batch_answers_row_by_row(root: Path, call: Call) -> None:
    rows = [{"id": 7, "query": "read_lines"}, {"id": "b", "query": '"😀"', "more": 1}, {"id": None, "query": "zzzz"}]
    lines = "\n".join(json.dumps(row) for row in rows).encode() + b"\n\n"
    code, out, _ = call("search", "--batch", "-", "-r", root, "--no-neural", stdin=lines)
    assert code == 0
    said = [json.loads(line) for line in out.splitlines()]
    assert [row["id"] for row in said] == [7, "b", None]
    assert set(said[0]["hits"][0]) == {"path", "line", "end_line", "name", "kind", "score"}
    assert said[0]["hits"][0]["path"] == "pkg/files.py"
    assert said[1]["hits"][0]["path"] == "README.md"
    assert said[2]["hits"] == []
    assert all(row["ms"] >= 0 for row in said)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "stdin, line 2: not JSON"),
        (b'{"id": 1}', "stdin, line 2: the row has no 'query'"),
        (b'{"id": 1, "query": 3}', "stdin, line 2: 'query' must be a string"),
        (b'{"id": 1, "query": "re:/(/"}', "stdin, line 2: re:/(/ is no regular expression"),
    ],
)
def test_a_bad_row_ends_the_batch_after_the_good_ones(root: Path, call: Call, line: bytes, said: str) -> None:
    stdin = b'{"id": 1, "query": "close"}\n' + line + b"\n"
    code, out, err = call("search", "--batch", "-", "-r", root, "--no-neural", stdin=stdin)
    assert code == 2 and said in err
    assert json.loads(out)["hits"][0]["name"] == "close"


def test_changes_are_taken_up_unless_told_otherwise(root: Path, call: Call) -> None:
    call("index", root, "--no-neural")
    (root / "pkg/late.py").write_text("def quite_late():\n    pass\n")
    assert call("search", "quite_late", "-r", root, "--no-update")[1] == ""
    assert "pkg/late.py:1" in call("search", "quite_late", "-r", root)[1]


def test_a_search_does_not_wait_for_who_writes_the_index(root: Path, call: Call) -> None:
    folder = Path(json.loads(call("index", root, "--no-neural", "--json")[1])["folder"])
    (root / "pkg/late.py").write_text("def quite_late():\n    pass\n")
    with writing(folder):
        code, out, err = call("search", "read_lines", "-r", root, "-n", 1, "--lines", 0)
    assert (code, out) == (0, "pkg/files.py:1  function read_lines\n")
    assert "is being indexed by another process" in err


def test_several_roots(root: Path, call: Call, tmp_path: Path) -> None:
    other = projects.write(tmp_path / "other", {"main.go": "package main\n\nfunc readLines() {}\n"})
    _, out, _ = call("search", "read lines", "-r", root, "-r", other, "--no-neural", "--lines", 0)
    assert {"small/pkg/files.py:1  function read_lines", "other/main.go:3  function readLines"} <= set(out.splitlines())
    _, out, _ = call("search", "--batch", "-", "-r", root, "-r", other, stdin=b'{"id": 1, "query": "readLines"}\n')
    assert {Path(hit["root"]).name for hit in json.loads(out)["hits"]} == {"small", "other"}


def test_related(root: Path, call: Call) -> None:
    (root / "pkg/more.py").write_text(
        'def read_words(path):\n    """All words of a file."""\n    return open(path).read()\n'
    )
    _, out, _ = call("search", "--related", root / "pkg/files.py:2", "-r", root, "--no-neural", "--lines", 0)
    assert out.splitlines()[0] == "pkg/more.py:1  function read_words"


def test_an_environment(root: Path, call: Call, tmp_path: Path) -> None:
    site = tmp_path / "venv/lib/python3.12/site-packages"
    projects.write(site, {"tool/core.py": "def do_it():\n    pass\n"})
    (tmp_path / "venv/pyvenv.cfg").write_text("home = /usr\n")
    code, out, _ = call("index", "--env", tmp_path / "venv", "--no-neural", "--json")
    assert code == 0 and json.loads(out)["files"] == 1
    assert "tool/core.py:1" in call("search", "do_it", "-r", tmp_path / "venv")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either a query, or --batch"),
        (("x", "--batch", "-"), "give either a query, or --batch"),
        (("re:/(/",), "is no regular expression"),
        (("kind:clas",), "did you mean 'class'"),
        (("--related", "nothing"), "names no place"),
        (("--related", "nothing.py:1"), "is in no index"),
        (("--batch", "nothing.jsonl"), "cannot read nothing.jsonl"),
    ],
)
def test_mistakes_are_said_in_one_line(root: Path, call: Call, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = call("search", *arguments, "-r", root, "--no-neural")
    assert (code, out) == (2, "")
    assert said in err and err.startswith("codling: ") and err.count("\n") == 1


def test_a_damaged_index_is_made_again(root: Path, call: Call) -> None:
    _, out, _ = call("index", root, "--no-neural", "--json")
    folder = Path(json.loads(out)["folder"])
    shutil.rmtree(next(folder.glob("g*")))
    code, out, err = call("search", "read_lines", "-r", root, "--no-neural", "-n", 1, "--lines", 0)
    assert code == 0 and out == "pkg/files.py:1  function read_lines\n"
    assert "making it again" in err


def test_a_process_of_its_own(root: Path) -> None:
    """With the encoder that ships: a description finds what has none of its words in its name."""
    done = run_codling("search", "get every row of a text document", "--root", root, "--json", "-n", 3)
    assert done.returncode == 0, done.stderr
    assert "read_lines" in [hit["name"] for hit in json.loads(done.stdout)["hits"]]


def test_the_cache_lists_indexes_and_deletes_them(root: Path, call: Call, tmp_path: Path) -> None:
    assert "nothing is kept" in call("cache", "show")[1]
    call("index", root, "--no-neural")
    other = projects.write(tmp_path / "other", {"a.py": "x = 1\n"})
    call("index", other, "--no-neural")
    shown = json.loads(call("cache", "show", "--json")[1])["indexes"]
    assert {row["root"] for row in shown} == {str(root), str(other)}
    assert all(row["bytes"] > 1_000 and Path(row["path"]).is_dir() for row in shown)
    assert str(root) in call("cache", "show")[1]
    assert call("cache", "clear", root)[:2] == (0, "deleted 1 file\n")
    assert [row["root"] for row in json.loads(call("cache", "show", "--json")[1])["indexes"]] == [str(other)]
    call("cache", "clear")
    assert "nothing is kept" in call("cache", "show")[1]
    assert "a.py:1" in call("search", "x", "-r", other, "--no-neural")[1], "it is made again"
