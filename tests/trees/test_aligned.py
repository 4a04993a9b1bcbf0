"""Descriptions find the functions that they were written for; encoders come back from their folder; bad input."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from codling.errors import ConfigError, TrainingError
from codling.training.checkpoint import read_tensors
from codling.trees.aligned import AlignConfig, Described, align, described, function_tree, load_aligned, save_aligned
from command import call_codling
from tiny_writer import tiny_writer

VERBS = {
    "open": "return open(x)",
    "close": "x.close()",
    "count": "return len(x)",
    "sort": "return sorted(x)",
    "print": "print(x)",
    "sum": "total = 0\n    for each in x:\n        total += each\n    return total",
    "reverse": "return x[::-1]",
    "check": "if not x:\n        raise ValueError(x)",
}
NOUNS = ("file", "rows", "path", "buffer", "names", "headers")
CONFIG = AlignConfig(width=32, hidden=16, min_count=1, batch=16, epochs=20, learning_rate=5e-3)


def rows() -> list[tuple[str, str]]:
    made = [(f"{verb} the {noun}.", f"def f_{noun}(x):\n    {body}") for verb, body in VERBS.items() for noun in NOUNS]
    random.Random(0).shuffle(made)
    return made


@pytest.fixture(scope="module")
def run() -> Path:
    return tiny_writer()[1].path.parent / "run"


def shares(pairs: Sequence[Described], found: np.ndarray) -> float:
    return float(np.mean(found == np.arange(len(pairs))))


def test_descriptions_find_their_functions(run: Path) -> None:
    pairs = described(rows(), CONFIG)
    assert len(pairs) == 48
    nats: list[float] = []
    model = align(pairs, run, CONFIG, report=lambda epoch, loss, rate: nats.append(loss))
    assert nats[-1] < nats[0] / 2
    texts = model.encode_descriptions([each.text for each in pairs])
    functions = model.encode_functions([each.tree for each in pairs])
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(functions, axis=1), 1, atol=1e-5)
    assert shares(pairs, (texts @ functions.T).argmax(1)) > 0.8
    # One by one as in a batch: padding says nothing.
    alone = np.concatenate([model.encode_descriptions([each.text]) for each in pairs[:5]])
    assert np.allclose(alone, texts[:5], atol=1e-5)
    alone = np.concatenate([model.encode_functions([each.tree]) for each in pairs[:5]])
    assert np.allclose(alone, functions[:5], atol=1e-5)


def test_training_begins_where_the_writer_is(run: Path) -> None:
    still = dataclasses.replace(CONFIG, epochs=0)
    pairs = described(rows(), still)
    learnt, chance = align(pairs, run, still), align(pairs, run, still, pretrained=False)
    kept = read_tensors(run / "checkpoint.safetensors")[0]["best.words.weight"]
    assert torch.equal(learnt.reader.words.weight, kept)
    assert not torch.equal(chance.reader.words.weight, kept)


def test_they_come_back_from_their_folder(run: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, epochs=1, code="bag")
    pairs = described(rows(), config)
    model = align(pairs, run, config)
    again = load_aligned(save_aligned(model, tmp_path / "encoders"))
    assert again.config == config
    trees = [each.tree for each in pairs]
    assert np.array_equal(again.encode_functions(trees), model.encode_functions(trees))
    assert np.array_equal(again.encode_descriptions(["sum 🐟", "x"]), model.encode_descriptions(["sum 🐟", "x"]))
    assert again.encode_functions([]).shape == (0, config.width)


def test_the_name_is_in_the_tree_and_documentation_is_not() -> None:
    tree = function_tree('def read_lines(path):\n    """Secret words."""\n    return read_lines(path)')
    assert tree is not None
    labels = list(tree.labels())
    assert labels.count("read") == labels.count("lines") == 2
    assert "secret" not in labels
    assert function_tree("x = 1") is None
    assert function_tree("def f(x): return x", max_nodes=3) is None


@pytest.mark.parametrize("settings", [{"code": "trees"}, {"batch": 1}])
def test_settings_are_checked(settings: dict) -> None:
    with pytest.raises(ConfigError):
        AlignConfig(**settings)


def test_what_is_missing_or_damaged(run: Path, tmp_path: Path) -> None:
    pairs = described(rows(), CONFIG)
    with pytest.raises(TrainingError, match="fewer than a batch"):
        align(pairs[:3], run, CONFIG)
    with pytest.raises(TrainingError):
        align(pairs, tmp_path, CONFIG)
    with pytest.raises(TrainingError):
        load_aligned(tmp_path)
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    (folder / "lexicon.json").unlink()
    with pytest.raises(TrainingError, match="lexicon"):
        align(pairs, folder, CONFIG)


def test_the_command(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "pairs.jsonl"
    lines = [json.dumps({"text": text, "code": code}) for text, code in rows()]
    file.write_text("\n".join([*lines, '{"text": "no function", "code": "x = 1"}']) + "\n", encoding="utf-8")
    settings = [word for name in ("width", "hidden", "batch") for word in ("--set", f"{name}={getattr(CONFIG, name)}")]
    command = ["train-encoders", tmp_path / "out", "--pairs", file, "--writer", run, *settings, "--set", "epochs=1"]
    code, out, err = call_codling([*command, "--json"], b"", monkeypatch, capsys)
    assert code == 0, err
    assert json.loads(out)["pairs"] == 48
    assert "48 of 49 pairs" in err
    assert load_aligned(tmp_path / "out").config.hidden == CONFIG.hidden
    for wrong, says in (
        (command[:4], "--writer FOLDER"),
        ([*command, "--set", "code=trees"], "tree or bag"),
        ([*command[:2], "--pairs", tmp_path / "none", "--writer", run], "cannot read"),
    ):
        code, _, err = call_codling(wrong, b"", monkeypatch, capsys)
        assert code == 2
        assert says in err
