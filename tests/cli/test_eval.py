"""codling eval lm."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from codling.bundle import load_bundle
from codling.corpus.clean import CleanConfig, Cleaned, clean
from codling.engine import load_model
from codling.engine.evaluation import evaluate
from command import call_codling

GOOD = '''"""A docstring."""

import os  # a comment


def f(x):
    """Another."""
    return os.path.join(x, "🐟")
'''


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny: Path):
    def run(*arguments: object) -> tuple[int, str, str]:
        return call_codling(["eval", "lm", *arguments, "--model", tiny], b"", monkeypatch, capsys)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "a.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "pkg" / "b.py").write_text("x = 1\n" * 30, encoding="utf-8")
    (tmp_path / "broken.py").write_text("def f(:\n", encoding="utf-8")
    (tmp_path / "binary.py").write_bytes(b"a\0b")
    (tmp_path / "latin.py").write_bytes("x = 'ö'\n".encode("latin-1"))
    (tmp_path / "empty.py").write_text("# only a comment\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no code", encoding="utf-8")
    (tmp_path / "A.java").write_text("class A {}\n", encoding="utf-8")  # the model knows Python only
    return tmp_path


def test_a_folder(run, folder: Path, tiny: Path) -> None:
    code, out, _ = run(folder, "--json", "--per-file")
    assert code == 0
    report = json.loads(out)
    cleaned = clean(GOOD, "python", CleanConfig())
    assert isinstance(cleaned, Cleaned)
    texts = [cleaned.text, "x = 1\n" * 30]
    score = evaluate(load_model(load_bundle(tiny)), texts)
    assert report["model"] == "tiny"
    assert report["loss_nats"] == pytest.approx(score.loss_nats)
    assert report["bits_per_char"] == pytest.approx(score.bits_per_char)
    assert report["accuracy"] == pytest.approx(score.accuracy)
    assert (report["num_units"], report["num_chars"], report["num_files"]) == (score.num_units, score.num_chars, 2)
    assert report["dropped"] == {"binary": 1, "empty": 1, "encoding": 1, "not-parsing": 1}
    assert [Path(row["path"]).name for row in report["files"]] == ["a.py", "b.py"]
    nats = sum(row["loss_nats"] * row["num_units"] for row in report["files"])
    assert nats / report["num_units"] == pytest.approx(report["loss_nats"])


def test_raw(run, folder: Path) -> None:
    report = json.loads(run(folder / "a.py", "--raw", "--json")[1])
    assert report["num_chars"] == len(GOOD)
    assert report["num_units"] == len(GOOD) + 3  # the fish is four bytes
    assert report["bits_per_char"] == pytest.approx(
        report["loss_nats"] / math.log(2) * report["num_units"] / report["num_chars"]
    )
    assert json.loads(run(folder / "notes.txt", "--raw", "--json")[1])["num_chars"] == 7
    assert json.loads(run(folder / "a.py", "--json")[1])["num_chars"] < len(GOOD)


def test_a_file_named_twice_counts_once(run, folder: Path) -> None:
    assert json.loads(run(folder / "a.py", folder, folder / "a.py", "--json")[1])["num_files"] == 2


def test_people_see_a_table(run, folder: Path) -> None:
    code, out, _ = run(folder, "--per-file")
    assert code == 0
    assert "accuracy" in out
    assert "not-parsing" in out
    assert "b.py" in out


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.py", "no file or folder"),
        ("notes.txt", "--raw"),
        ("broken.py", "1 not-parsing"),
        ("binary.py", "binary"),
    ],
)
def test_mistakes_are_one_line(run, folder: Path, name: str, says: str) -> None:
    code, out, err = run(folder / name, "--json")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert says in err
