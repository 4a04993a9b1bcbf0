"""Descriptions with programs, out of comments, documentation and examples."""

from __future__ import annotations

import ast
import json
import string
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.corpus.mine_pairs import PairsConfig, excluded_keys, mine_pairs
from codling.corpus.pairs import Limits, document_pairs, source_pairs
from codling.corpus.sources import Request, fetch
from codling.errors import CorpusError

SOURCE = '''
import os


def largest(rows):
    """Return the largest of some rows by length.

    Longer than the others.
    """
    return max(rows, key=len)


def work(path, rows):
    """Do :func:`work` on a path, and sort the rows:

    Sort the rows in place.

    >>> rows.sort()
    >>> rows
    [1, 2]
    """
    # Remove empty rows
    rows = [row for row in rows if row]
    count = len(rows)

    # TODO: sort rows here
    rows.sort()
    # rows.sort(key=len)
    rows.reverse()
    # This is why rows are reversed
    rows.reverse()
    # Check whether the path exists,
    # and return if it does not
    if not os.path.exists(path):
        return None
    text = """
    # Print the text
    """
    print(text)
    # Print the number of rows
    print(rows)
    return count
'''


def found(source: str) -> set[tuple[str, str, str]]:
    return {(pair.kind, pair.text, pair.code) for pair in source_pairs(source)}


def test_what_a_source_says() -> None:
    assert found(SOURCE) == {
        ("docstring", "Return the largest of some rows by length", "return max(rows, key=len)"),
        ("comment", "Remove empty rows", "rows = [row for row in rows if row]\ncount = len(rows)"),
        (
            "comment",
            "Check whether the path exists, and return if it does not",
            "if not os.path.exists(path):\n    return None\ntext = '\\n    # Print the text\\n    '\nprint(text)",
        ),
        ("comment", "Print the number of rows", "print(rows)\nreturn count"),
        ("example", "Sort the rows in place", "rows.sort()\nrows"),
    }


@pytest.mark.parametrize(
    ("comment", "code"),
    [
        ("see the rows below", "rows.sort()"),  # asks for nothing
        ("sort them", "rows.sort()"),  # too short
        ("rows.sort(key=len) # by length", "rows.sort()"),  # code
        ("sort the lines by name", "x = 1"),  # shares no word
        ("sort rows as in gh-1234", "rows.sort()"),
        ("sort rows", "def sort():\n    pass"),
        ("sort the rows – all of them", "rows.sort()"),  # not ASCII
    ],
)
def test_what_is_no_pair(comment: str, code: str) -> None:
    assert not found(f"# {comment}\n{code}\n")


def test_words_before_a_request_are_left_out() -> None:
    assert found("# Next, we need to sort the rows.\nrows.sort()\n") == {("comment", "sort the rows", "rows.sort()")}


@pytest.mark.parametrize(
    "document",
    [
        "To sort rows by name::\n\n    rows.sort(key=name)\n",
        "Some rows. Sort rows by name:\n\n.. code-block:: python\n   :caption: x\n\n   rows.sort(key=name)\n\nMore.",
        "Sort rows by name\n\n```python\nimport os\nrows.sort(key=name)\n```\n",
        "Sort rows by name.\n\n>>> rows.sort(key=name)\n>>> \n",
        "Sort **rows** by name:\n\n.. ipython:: python\n\n    In [1]: rows.sort(key=name)\n    Out[1]: 3\n",
    ],
)
def test_examples_of_documents(document: str) -> None:
    pairs = list(document_pairs(document))
    assert [(pair.text.lower(), pair.code) for pair in pairs] == [("sort rows by name", "rows.sort(key=name)")]


def test_limits() -> None:
    source = "# Sort rows by name\nrows.sort(key=lambda row: row.name)\n"
    assert len(found(source)) == 1
    for limits in (Limits(max_nodes=5), Limits(max_characters=10), Limits(max_words=3)):
        assert not list(source_pairs(source, limits))


@given(st.text(st.characters() | st.sampled_from("#>`:. \n" + string.ascii_letters)))
def test_any_text_is_read(text: str) -> None:
    for pair in (*source_pairs(text), *document_pairs(text), *document_pairs(f"{text}\n>>> {text}")):
        ast.parse(pair.code)


def test_the_standard_library_has_many() -> None:
    source = Path(textwrap.__file__).parent.joinpath("argparse.py").read_text(encoding="utf-8")
    pairs = list(source_pairs(source))
    assert len(pairs) > 60
    for pair in pairs:
        ast.parse(pair.code)
        assert pair.text.isascii() and 3 <= len(pair.text.split()) <= 25


def project(folder: Path, name: str, licence: str, source: str) -> Path:
    root = folder / name
    (root / "tests").mkdir(parents=True)
    (root / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1.0"\nlicense = "{licence}"\n')
    (root / "work.py").write_text(source)
    (root / "tests" / "test_work.py").write_text("# Sort all of the tests\ntests.sort()\n")
    return root


def mine(folder: Path, roots: list[Path], **options: object) -> tuple[list[dict[str, str]], dict[str, object]]:
    sources = [fetch(Request(str(root))) for root in roots]
    out = folder / "pairs.jsonl"
    said = mine_pairs(out, sources, PairsConfig(without=("kept-out",)), **options)  # type: ignore[arg-type]
    assert json.loads(out.with_suffix(".about.json").read_text()) == said
    return [json.loads(line) for line in out.read_text().splitlines()], said


def test_mining_takes_what_it_may(tmp_path: Path) -> None:
    sort = "# Sort the rows by name\nrows.sort(key=name)\n"
    roots = [
        project(tmp_path, "one", "MIT", sort + sort + "\n# Print the rows again\nprint(rows)\n"),
        project(tmp_path, "two", "MIT", sort + "# Reverse the rows in place\nrows.reverse()\n"),
        project(tmp_path, "three", "GPL-3.0-only", "# Join the rows with commas\nprint(','.join(rows))\n"),
        project(tmp_path, "x_kept-out", "MIT", "# Split the rows at commas\nrows.split(',')\n"),
    ]
    held = tmp_path / "held.jsonl"
    held.write_text(json.dumps({"text": "reverse the rows, in place!"}) + "\n")
    rows, said = mine(tmp_path, roots, excluded=excluded_keys(held))
    assert {(row["project"], row["text"]) for row in rows} == {
        ("one", "Sort the rows by name"),
        ("one", "Print the rows again"),
    }
    assert len(rows) == 2
    assert said["pairs"] == 2 and said["kinds"] == {"comment": 2}


def test_nothing_found_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("before")
    with pytest.raises(CorpusError, match="no pairs under a permissive licence"):
        mine(tmp_path, [project(tmp_path, "three", "GPL-3.0-only", SOURCE)])
    assert (tmp_path / "pairs.jsonl").read_text() == "before"


def test_files_of_another_form_cannot_be_kept_out(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"code": "x"}\n')
    with pytest.raises(CorpusError, match="no file of pairs"):
        list(excluded_keys(tmp_path / "rows.jsonl"))
