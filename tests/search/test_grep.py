"""Exact strings and expressions: what a plain look at every file finds is found, and no expression takes for ever."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import code_projects as projects
from codling.search.grep import grep, required_runs
from codling.search.index import CodeIndex
from codling.search.query import parse_query


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> CodeIndex:
    root = projects.copy_package(tmp_path_factory.mktemp("code"), "asyncio", "json", "textwrap.py", "csv.py")
    return CodeIndex.build(root, folder=tmp_path_factory.mktemp("index"), encoder=None)


def files_that_hold(index: CodeIndex, pattern: str, flags: int = 0) -> set[str]:
    """The oracle: Python's own expressions over the files."""
    expression = re.compile(pattern, re.MULTILINE | flags)
    found = set()
    for path in index.root.rglob("*.py"):
        if expression.search(path.read_text(encoding="utf-8")):
            found.add(path.relative_to(index.root).as_posix())
    return found


@pytest.mark.parametrize(
    ("query", "pattern", "flags"),
    [
        (r"re:/def _\w+_write/", r"def _\w+_write", 0),
        (r"re:/^class \w+Transport\b/", r"^class \w+Transport\b", 0),
        (r"re:/raise (ValueError|TypeError)\(f?'/", r"raise (ValueError|TypeError)\(f?'", 0),
        (r"re:/RUNTIMEerror/i", r"runtimeerror", re.IGNORECASE),
        (r"re:/\bfut\.set_(result|exception)\(/", r"\bfut\.set_(result|exception)\(", 0),
        (r"re:/(?<!self)\._loop\b.*close/", r"(?<!self)\._loop\b.*close", 0),
        (r'"loop.call_soon(self"', r"loop\.call_soon\(self", re.IGNORECASE),
        (r'"NotImplementedError"', "NotImplementedError", 0),
        (r'"%s"', "%s", 0),
        (r'"if"', "if", re.IGNORECASE),
    ],
)
def test_it_finds_what_a_look_at_every_file_finds(index: CodeIndex, query: str, pattern: str, flags: int) -> None:
    generation = index.generation()
    found = grep(parse_query(query), generation.catalogue, generation.lexical)
    assert found.is_complete or len(found.matches) >= 300
    wanted = files_that_hold(index, pattern, flags)
    paths = {match.entry.path for match in found.matches}
    assert paths <= wanted
    if found.is_complete:
        assert paths == wanted
    for match in found.matches:
        lines = (index.root / match.entry.path).read_text(encoding="utf-8").split("\n")
        expression = re.compile(pattern, flags)
        assert all(expression.search(lines[line - 1]) for line in match.lines)
        assert all(match.entry.top_line <= line <= match.entry.end_line for line in match.lines)


def test_all_exact_strings_are_in_one_unit(index: CodeIndex) -> None:
    hits = index.search('"self._loop" "raise RuntimeError" path:asyncio/locks.py').hits
    for hit in hits:
        assert "self._loop" in hit.text and "raise RuntimeError" in hit.text
    assert index.search('"class JSONEncoder" "raise RuntimeError"').hits == ()


def test_the_innermost_unit_is_shown_and_says_which_lines(index: CodeIndex) -> None:
    (hit,) = index.search('"def dedent(text)"').hits
    assert (hit.name, hit.kind, hit.marked) == ("dedent", "function", (hit.line,))
    assert hit.snippet(3).text.startswith("def dedent(text):")


def test_words_order_what_exact_strings_let_pass(index: CodeIndex) -> None:
    hits = index.search('subprocess "import"', 5).hits
    assert hits
    assert all("import" in hit.text for hit in hits)
    assert any("subprocess" in hit.path for hit in hits), "of dozens of modules that import something"


def test_a_string_across_the_blocks_of_a_file_is_found(tmp_path: Path) -> None:
    """Wherever it lies: the index keeps trigrams of a few thousand characters at a time."""
    files = {f"{at}.txt": "x " * (at // 2) + f"needle_{at}_end" + " y" * 3_000 for at in range(2_850, 3_050, 6)}
    with CodeIndex.build(projects.write(tmp_path / "code", files), folder=tmp_path / "index", encoder=None) as index:
        for name in files:
            assert [hit.path for hit in index.search(f'"needle_{name.removesuffix(".txt")}_end"').hits][:1] == [name]


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(\w+\s?)*!", r"(x|xx)+y\Z"])
def test_no_expression_takes_for_ever(tmp_path: Path, pattern: str) -> None:
    projects.write(tmp_path / "code", {"a.py": "# " + "a" * 5_000 + " " + "x" * 5_000 + "\n" + "word " * 400})
    with CodeIndex.build(tmp_path / "code", folder=tmp_path / "index", encoder=None) as index:
        generation = index.generation()
        start = time.monotonic()
        found = grep(parse_query(f"re:/{pattern}/"), generation.catalogue, generation.lexical, max_seconds=0.3)
        assert time.monotonic() - start < 3
        assert isinstance(found.is_complete, bool)


LITERAL = st.from_regex(r"[a-zA-Z_ ]{1,6}", fullmatch=True)
PATTERNS = st.recursive(
    LITERAL | st.sampled_from([r"\w", ".", r"\s*", "[a-c]", r"\b", "^"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}"])).map(lambda each: f"(?:{each[0]}){each[1]}"),
        inner.map(lambda each: f"(?={each})"),
    ),
    max_leaves=8,
)


@given(PATTERNS, st.data())
def test_every_match_has_the_runs_that_are_required(pattern: str, data: st.DataObject) -> None:
    expression = re.compile(pattern)
    text = data.draw(st.from_regex(expression))
    required = required_runs(expression)
    assert any(all(run in text.lower() for run in runs) for runs in required)


def test_required_runs_of_expressions_that_people_write() -> None:
    def runs(pattern: str) -> list[list[str]]:
        return required_runs(re.compile(pattern))

    assert runs(r"def \w+_atomically") == [["def ", "_atomically"]]
    assert runs(r"foo|bar.*baz") == [["foo"], ["bar", "baz"]]
    assert runs(r"(?i)Hello\s+World") == [["hello", "world"]]
    assert runs(r"(abc)+x?def") == [["abc", "def"]]
    assert runs(r"a.b") == [[]], "nothing that trigrams could tell"
