"""Pairs out of real packages: what is taken, what stays out, and why."""

from __future__ import annotations

import json
import tarfile
import textwrap
from pathlib import Path

import pytest

from codling.corpus.readers import LocalSource
from codling.errors import CorpusError
from codling.search.extract import units_of
from codling.search.train.exclude import Excluded, read_excluded
from codling.search.train.mine import COLUMNS, MineConfig, mine, read_mined
from codling.search.train.summary import rest_of, summary_of

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
CODE = Path(textwrap.__file__).read_text(encoding="utf-8")


def package(folder: Path, name: str, files: dict[str, str]) -> LocalSource:
    path = folder / f"{name}-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for inside, text in files.items():
            file = folder / "member"
            file.write_text(text, encoding="utf-8")
            archive.add(file, f"{name}-1.0/{inside}")
    return LocalSource(spec=str(path), kind="archive", path=path, identity=name)


def mined(
    out: Path, *sources: LocalSource, excluded: Excluded | None = None, **changes: object
) -> tuple[dict, list[dict]]:
    out.mkdir(exist_ok=True)
    said = mine(out, sources, MineConfig(**changes), excluded or Excluded(()))
    rows = [
        dict(zip(COLUMNS, row, strict=True)) for table in read_mined(out) for row in zip(*table.values(), strict=True)
    ]
    return said, rows


def test_documented_units_of_permissive_projects_are_taken(tmp_path: Path) -> None:
    go = "package x\n\n// Sum adds all the numbers of a list.\nfunc Sum(xs []int) int {\n\treturn 0\n}\n"
    said, rows = mined(
        tmp_path / "out",
        package(tmp_path, "wrap", {"LICENSE": MIT, "wrap/text.py": CODE, "sum.go": go, "tests/test_x.py": CODE}),
        package(
            tmp_path,
            "free",
            {"COPYING": "GNU General Public License version 3", "gpl.py": CODE.replace("dedent", "undent")},
        ),
    )
    assert said["units"] == len(rows) and {row["project"] for row in rows} == {"wrap"}
    by_name = {row["name"]: row for row in rows}
    assert by_name["Sum"]["language"] == "go" and by_name["Sum"]["doc"] == "Sum adds all the numbers of a list."
    dedent = by_name["dedent"]
    assert dedent["doc"].startswith("Remove any common leading whitespace")
    assert "Remove any common leading whitespace" not in dedent["code"]
    assert {project["name"]: project["licence"] for project in said["projects"]} == {
        "wrap": "MIT",
        "free": "GPL-3.0-or-later",
    }
    assert said["left_out"]["licence"] > 0


def test_what_is_measured_with_stays_out(tmp_path: Path) -> None:
    """The same function, with other names in it and another docstring, is still the same function."""
    pool = tmp_path / "pool.json"
    unit = next(unit for unit in units_of(CODE, "t.py") if unit.name == "_wrap_chunks")
    pool.write_text(json.dumps({textwrap.dedent(unit.text): 0}))
    changed = CODE.replace("cur_line", "current").replace("Wrap a sequence of text chunks", "Break pieces of text")
    _, rows = mined(
        tmp_path / "out",
        package(tmp_path, "wrap", {"LICENSE": MIT, "wrap.py": changed}),
        excluded=Excluded(read_excluded(pool)),
    )
    names = {row["name"] for row in rows}
    assert "_wrap_chunks" not in names and "dedent" in names


def test_the_same_documentation_of_the_same_name_stays_out(tmp_path: Path) -> None:
    pool = tmp_path / "excluded"
    pool.mkdir()
    (pool / "a.py").write_text('def total(xs):\n    """Add up all the numbers given."""\n    return sum(xs)\n')
    head = 'def total(ys):\n    """Add up all the numbers given."""\n'
    other = head + "    n = 0\n    for y in ys:\n        n += y\n    return n\n"
    said, rows = mined(
        tmp_path / "out",
        package(tmp_path, "sums", {"LICENSE": MIT, "sums.py": other, "wrap.py": CODE}),
        excluded=Excluded(read_excluded(pool)),
    )
    assert "total" not in {row["name"] for row in rows}
    assert said["left_out"]["excluded"] == 1 and said["excluded_units"] == len(
        units_of((pool / "a.py").read_text(), "a.py")
    )


def test_projects_stay_out_by_name_and_have_a_share(tmp_path: Path) -> None:
    sources = [package(tmp_path, name, {"LICENSE": MIT, "x.py": CODE}) for name in ("gson", "wrap")]
    said, rows = mined(tmp_path / "out", *sources, without=("gson",), max_per_project=3)
    assert {row["project"] for row in rows} == {"wrap"} and len(rows) == 3
    assert said["left_out"]["beyond the project's share"] > 0


def test_a_copy_counts_once(tmp_path: Path) -> None:
    said, rows = mined(
        tmp_path / "out",
        package(tmp_path, "one", {"LICENSE": MIT, "x.py": CODE}),
        package(tmp_path, "two", {"LICENSE": MIT, "y.py": CODE}),
    )
    assert {row["project"] for row in rows} == {"one"} and said["left_out"]["duplicate"] == len(rows)


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no documented code"):
        mined(tmp_path / "out", package(tmp_path, "free", {"x.py": "x = 1\n"}))
    with pytest.raises(CorpusError, match="search-train mine"):
        list(read_mined(tmp_path / "nowhere"))


@pytest.mark.parametrize("text", ["{", '{"code": 3}', '[1, 2]\n{"no": "code"}'])
def test_what_is_no_list_of_code_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(CorpusError, match=r"bad\.json"):
        Excluded(read_excluded(tmp_path / "bad.json"))


@pytest.mark.parametrize(
    ("doc", "summary", "rest"),
    [
        ("Read a file. Then close it.", "Read a file.", "Then close it."),
        ("Join paths\n\nArgs:\n  x: one", "Join paths", "Args:\n  x: one"),
        ("Return e.g. nothing at all\n@param x one", "Return e.g. nothing at all", "@param x one"),
        ("Gets the {@link Foo bar} of <b>it</b>.", "Gets the Foo bar of it.", ""),
        ("Split :class:`~re.Pattern` in ``two``\n:param x: one", "Split re.Pattern in two", ":param x: one"),
        ("", "", ""),
    ],
)
def test_summary(doc: str, summary: str, rest: str) -> None:
    assert summary_of(doc).split() == summary.split()
    assert rest_of(doc) == rest
