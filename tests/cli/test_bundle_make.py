"""codling bundle make: a bundle from the best weights of a run, wherever it was trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codling.bundle import load_bundle
from codling.corpus.shards import write_shards
from codling.files import write_text_atomically
from codling.vocab import CharVocab
from command import run_codling

SETTINGS = ["model.hidden_size=16", "loop.max_steps=4", "loop.batch_size=2", "loop.window=16", "loop.eval_every=2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A corpus of this file and a short run on it."""
    folder = tmp_path_factory.mktemp("trained")
    corpus, run = folder / "corpus", folder / "run"
    vocab, text = CharVocab(), Path(__file__).read_text(encoding="utf-8")
    splits = {split: write_shards(corpus, split, [vocab.encode(text)]) for split in ("train", "valid")}
    project = {"name": "codling", "version": "0", "licence": "Apache-2.0", "split": "train", "lines": 60, "kept": 1}
    index = {"format": 1, "splits": splits, "projects": [project | {"source": "/home/someone/secret"}], "counts": {}}
    write_text_atomically(corpus / "vocab.json", json.dumps(vocab.to_json()))
    write_text_atomically(corpus / "corpus.json", json.dumps(index))
    sets = [part for setting in SETTINGS for part in ("--set", setting)]
    done = run_codling("train", "paper-lstm", "--corpus", corpus, "--run", run, "--bundle", folder / "trained", *sets)
    assert done.returncode == 0, done.stderr
    return corpus, run


def test_it_equals_the_bundle_that_training_wrote(trained: tuple[Path, Path]) -> None:
    corpus, run = trained
    out = run.parent / "made"
    done = run_codling("bundle", "make", run, "--corpus", corpus, "--out", out, "--description", "again", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "made"
    made, written = load_bundle(out), load_bundle(run.parent / "trained")
    assert made.file("model.onnx").read_bytes() == written.file("model.onnx").read_bytes()
    assert made.card.description == "again"
    assert made.card.scores == written.card.scores
    assert made.card.curve == written.card.curve
    assert made.card.training["device"] == written.card.training["device"]


def test_the_card_tells_of_the_runs_before(trained: tuple[Path, Path]) -> None:
    corpus, run = trained
    second, out = run.parent / "second", run.parent / "both"
    sets = [part for setting in SETTINGS for part in ("--set", setting)]
    done = run_codling("train", "paper-lstm", "--corpus", corpus, "--run", second, "--init", run, *sets)
    assert done.returncode == 0, done.stderr
    done = run_codling("bundle", "make", second, "--corpus", corpus, "--out", out, "--before", run)
    assert done.returncode == 0, done.stderr
    first, both = load_bundle(run.parent / "trained").card, load_bundle(out).card
    runs = both.training["runs"]
    assert [one["step"] for one in runs] == [first.training["best_step"], both.curve[-1]["step"] - runs[0]["step"]]
    assert both.training["tokens"] == sum(one["tokens"] for one in runs)
    assert [row["step"] for row in both.curve] == sorted(row["step"] for row in both.curve)
    assert both.curve[0] == first.curve[0]
    done = run_codling("bundle", "make", run, "--corpus", corpus, "--out", out, "--before", second)
    assert done.returncode == 2 and "did not start from" in done.stderr


def test_the_card_keeps_where_things_lay_to_itself(trained: tuple[Path, Path]) -> None:
    text = (trained[1].parent / "trained" / "card.json").read_text(encoding="utf-8")
    assert '"Apache-2.0"' in text
    assert "secret" not in text


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_folder_that_is_no_run_is_one_clear_line(trained: tuple[Path, Path], tmp_path: Path, damage: str) -> None:
    run = tmp_path / "run"
    if damage == "cut":
        weights = (trained[1] / "best" / "weights.safetensors").read_bytes()
        (run / "best").mkdir(parents=True)
        (run / "best" / "weights.safetensors").write_bytes(weights[: len(weights) // 2])
    done = run_codling("bundle", "make", run, "--corpus", trained[0], "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("codling: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
