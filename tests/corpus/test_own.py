"""One's own code: what is read, and that no held-out file has a relative among those that are learned from."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rensa")
pytest.importorskip("pyarrow")

from codling.corpus.dedup import signature
from codling.corpus.own import HeldOut, OwnFile, _plain_name, hold_out, read_own_code
from codling.corpus.stdlib import standard_library
from codling.errors import CorpusError


def own(path: str, text: str) -> OwnFile:
    return OwnFile(path, "python", text, text.count("\n"), signature(text))


def function(number: int) -> str:
    """A small text that is like no other."""
    return "".join(f"def f{number}_{i}(a{number * i}):\n    return a{number * i} * {number + i}\n\n" for i in range(9))


def paths(files: tuple[OwnFile, ...]) -> set[str]:
    return {file.path for file in files}


def deal(files: list[OwnFile], share: float = 0.2, seed: int = 0) -> HeldOut:
    return hold_out(files, share=share, max_chars=100_000, seed=seed)


def test_a_folder_is_read_as_a_model_s_training_text_was(tmp_path: Path) -> None:
    (tmp_path / "pkg" / "secret").mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("secret/\n*_local.py\n")
    (tmp_path / "pkg" / "a.py").write_text('"""What it does."""\n\nx = 1  # why\n')
    (tmp_path / "pkg" / "copy.py").write_text('"""Otherwise said."""\n\nx = 1\n')
    (tmp_path / "pkg" / "b.py").write_text("y = 'grüß 🐟'\n", encoding="utf-8")
    (tmp_path / "pkg" / "A.java").write_text("class A { int x; }\n")
    (tmp_path / "pkg" / "broken.py").write_text("def f(:\n")
    (tmp_path / "pkg" / "secret" / "key.py").write_text("key = 3\n")
    (tmp_path / "pkg" / "settings_local.py").write_text("key = 4\n")
    code = read_own_code(tmp_path, ["python"], {})
    assert {file.path: file.text for file in code.files} == {"pkg/a.py": "x = 1\n", "pkg/b.py": "y = 'grüß 🐟'\n"}
    assert code.dropped == {"duplicate": 1, "not-parsing": 1, "java, which the model does not know": 1}
    assert (code.name, code.num_lines) == (tmp_path.name, 2)
    kept = read_own_code(tmp_path, [], {"keep_docstrings": True})
    assert {file.language for file in kept.files} == {"python", "java"}
    assert any("What it does" in file.text for file in kept.files)
    identity = code.identity
    assert read_own_code(tmp_path, ["python"], {}).identity == identity
    (tmp_path / "pkg" / "b.py").write_text("y = 2\n")
    assert read_own_code(tmp_path, ["python"], {}).identity != identity
    with pytest.raises(CorpusError, match="there is no folder"):
        read_own_code(tmp_path / "nowhere", [], {})


def test_related_files_are_never_parted() -> None:
    edited = inspect.getsource(textwrap)
    files = [own(f"src/part_{i}x.py", function(i)) for i in range(2, 40)]
    files += [own("src/ledger.py", function(50)), own("tests/test_ledger.py", function(51))]
    files += [
        own("src/LedgerTest.java", function(53)),
        own("v2/ledger_v2.py", function(52)),
        own("old/wrap.py", edited),
        own("new/fold.py", edited + "\nx = 1\n"),
    ]
    for seed in range(30):
        dealt = deal(files, seed=seed)
        parts = [paths(dealt.train), paths(dealt.valid), paths(dealt.test)]
        assert set.union(*parts) == {file.path for file in files}
        assert sum(map(len, parts)) == len(files) and dealt.is_measured_apart
        for family in (
            {"src/ledger.py", "tests/test_ledger.py", "src/LedgerTest.java", "v2/ledger_v2.py"},
            {"old/wrap.py", "new/fold.py"},
        ):
            assert sum(bool(part & family) for part in parts) == 1


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/test_ledger.py", "ledger"),
        ("ledger_tests.py", "ledger"),
        ("LedgerTest.java", "ledger"),
        ("ledger_v2.py", "ledger"),
        ("latest.py", "latest"),
        ("test_.py", "test_"),
        ("tests.py", "tests"),
        ("2024.py", "2024"),
    ],
)
def test_plain_names(path: str, name: str) -> None:
    assert _plain_name(path) == name


def test_names_that_stand_everywhere_relate_nothing() -> None:
    files = [own(f"p{i}/__init__.py", function(i)) for i in range(2, 30)]
    dealt = deal(files)
    assert len(dealt.train) >= 20 and dealt.test


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=2, max_size=25), share=st.floats(0.02, 0.5), seed=st.integers(0, 9))
def test_every_file_is_dealt_once_and_about_the_share_is_held_out(sizes: list[int], share: float, seed: int) -> None:
    files = [own(f"m{chr(97 + i)}.py", function(1_000 + i) * size) for i, size in enumerate(sizes)]
    dealt = deal(files, share, seed)
    held = [*dealt.valid, *(dealt.test if dealt.is_measured_apart else ())]
    assert sorted(file.path for file in (*dealt.train, *held)) == sorted(file.path for file in files)
    assert dealt.train and dealt.valid and dealt.test
    if len(held) > 2:  # each of the two parts goes over its half by one file at most, and that is no larger than both
        total = sum(len(file.text) for file in files)
        assert sum(len(file.text) for file in held) <= 3.01 * share * total


def test_dealing_depends_on_the_seed_alone_and_new_files_move_few() -> None:
    files = [own(f"m{i}x.py", function(i)) for i in range(2, 80)]
    dealt = deal(files)
    assert deal(files[::-1]).test == dealt.test
    assert any(deal(files, seed=seed).test != dealt.test for seed in range(1, 4))
    more = [*files, own("another.py", function(90))]
    assert len(paths(deal(more).train) & paths(dealt.test)) <= 1


def test_one_file_is_not_enough_and_twins_are_told() -> None:
    with pytest.raises(CorpusError, match="at least two files are needed"):
        deal([own("a.py", function(1))])
    twins = [own("a.py", function(2)), own("test_a.py", function(3))]
    dealt = deal(twins)
    assert len(dealt.train) == 1 and dealt.valid == dealt.test and not dealt.is_measured_apart


def test_the_standard_library_comes_in_two_parts_that_share_nothing() -> None:
    first, second = (standard_library({}, max_chars=60_000, part=part) for part in (0, 1))
    assert first and second and not first.keys() & second.keys()
    assert 30_000 < sum(map(len, first.values())) <= 60_000
    assert standard_library({}, max_chars=60_000, part=0) == first
    for text in first.values():
        ast.parse(text)
    assert not standard_library({}, max_chars=10)
    assert {inspect.getsource(module) for module in (argparse, json, dataclasses)}.isdisjoint(first.values())
