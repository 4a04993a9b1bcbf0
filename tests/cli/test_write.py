"""codling write and train-writer, as processes are called."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from codling.cli.app import main
from tiny_writer import tiny_writer
from trees.small_pairs import small_pairs


def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["codling", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture(scope="module")
def bundle() -> Path:
    return tiny_writer()[1].path


def test_training(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [json.dumps({"text": each.text, "code": each.code}) + "\n" for each in small_pairs()]
    (tmp_path / "pairs.jsonl").write_text("".join(rows[200:]) + '{"text": "broken", "code": "("}\n')
    (tmp_path / "dev.jsonl").write_text("".join(rows[:30]))
    command = ["train-writer", "write-tiny", "--pairs", str(tmp_path / "pairs.jsonl"), "--run", str(tmp_path / "run")]
    command += ["--dev", str(tmp_path / "dev.jsonl"), "--set", "epochs=1", "--set", "model.hidden=16", "--json"]
    code, out, err = call(capsys, monkeypatch, *command)
    assert code == 0, err
    assert "left out" in err
    assert "learning programs from descriptions: 1 × " in err
    assert "learning descriptions from programs: 4 × " in err
    assert json.loads(out)["best"]["number"] == 1
    code, out, _ = call(capsys, monkeypatch, "bundle", "show", str(tmp_path / "run" / "bundle"), "--json")
    card = json.loads(out)
    assert card["kind"] == "write"
    assert {"reconstruct.onnx", "reconstruction.json"} <= card["files"].keys()


def test_one_description(bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = call(capsys, monkeypatch, "write", "set rows to total.", "--model", str(bundle))
    assert (code, out) == (0, "rows = total\n")
    code, out, _ = call(
        capsys, monkeypatch, "write", "set rows to total.", "--model", str(bundle), "-n", "3", "--json", "--attention"
    )
    answer = json.loads(out)
    assert code == 0
    assert answer["words"] == ["set", "rows", "to", "total", "."]
    assert len(answer["candidates"]) <= 3
    best = answer["candidates"][0]
    assert best["code"] == "rows = total"
    assert len(best["steps"][0]["weights"]) == 5


def test_a_batch(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "ä", "text": "set rows to total."}\n\n{"id": 2, "text": "return path and True."}\n')
    code, out, _ = call(capsys, monkeypatch, "write", "--batch", str(rows), "--model", str(bundle), "-n", "2")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [answer["id"] for answer in answers] == ["ä", 2]
    assert answers[0].keys() == {"id", "candidates", "ms"}
    assert answers[0]["candidates"][0].keys() == {"code", "score"}
    for bad in ('{"id": 1}', "no json", "[]", '{"id": 1, "text": 2}'):
        rows.write_text(bad + "\n")
        code, _, err = call(capsys, monkeypatch, "write", "--batch", str(rows), "--model", str(bundle))
        assert code == 2
        assert "line 1" in err


def test_a_row_that_cannot_be_answered_leaves_the_others_alone(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tmp_path / "rows.jsonl"
    texts = ("", "set rows to total.", "x" * 20_001, "call len with items as argument.")
    rows.write_text("".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts)))
    code, out, err = call(capsys, monkeypatch, "write", "--batch", str(rows), "--model", str(bundle))
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [each["id"] for each in answers] == [0, 1, 2, 3]
    assert [[row["code"] for row in each["candidates"]][:1] for each in answers] == [
        [],
        ["rows = total"],
        [],
        ["len(items)"],
    ]
    assert "no words" in answers[0]["error"] and "20,000 characters" in answers[2]["error"]
    assert "error" not in answers[1]
    assert "line 1: the description has no words" in err and "line 3: " in err


def test_an_answer_of_low_score_says_so(
    bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["write", "--model", str(bundle)]
    _, _, err = call(capsys, monkeypatch, *command, "set rows to total.")
    assert err == ""
    _, out, err = call(capsys, monkeypatch, *command, "a wholly different question about whales")
    assert out
    assert err.startswith("unsure (score 0.") and err.count("\n") == 1


def test_examples(bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["write", "call len with items as argument.", "--model", str(bundle), "--seconds", "5", "-e"]
    code, out, _ = call(capsys, monkeypatch, *command, "items=[1, 2]=2")
    assert (code, out) == (0, "len(items)\n")
    code, out, err = call(capsys, monkeypatch, *command, "items=[1, 2]='no'")
    assert (code, out) == (1, "")
    assert "none of" in err
    assert """0 of 1 right; for "items=[1, 2]='no'" it gave""" in err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "either a description or --batch"),
        (["x", "--batch", "y"], "either a description or --batch"),
        (["x", "--model", "nowhere"], "no bundle"),
        (["--batch", "nowhere"], "cannot read|no bundle"),
        (["x", "-e", "nonsense", "--model", "BUNDLE"], "no example"),
        (["x", "-e", "s='a'=1", "-e", "a=1, b=2=3", "--model", "BUNDLE"], "has 2 inputs and .* 1; give all the same"),
        (["x", "-e", "1=1", "--seconds", "nan", "--model", "BUNDLE"], "above 0, not nan"),
        (["--batch", "-", "--beam", "0", "--model", "BUNDLE"], "beam must be from 1"),
    ],
)
def test_mistakes_are_one_line(
    bundle: Path, args: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    args = [str(bundle) if each == "BUNDLE" else each for each in args]
    code, _, err = call(capsys, monkeypatch, "write", *args)
    assert code == 2
    assert err.count("\n") == 1
    assert re.search(says, err)


def test_training_without_pairs_is_a_mistake(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(capsys, monkeypatch, "train-writer", "write-tiny")[0] == 2
    assert call(capsys, monkeypatch, "train-writer", "wirte")[0] == 2
    assert "write-tiny" in call(capsys, monkeypatch, "train-writer", "--list")[1]
    assert json.loads(call(capsys, monkeypatch, "train-writer", "write", "--show")[1])["name"] == "write"
