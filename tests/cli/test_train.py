"""codling train and codling tune as processes: killed, resumed, misused; the bundle at the end completes code."""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("optuna")

from codling.bundle import load_bundle
from codling.cli import main
from codling.corpus.shards import write_shards
from codling.vocab import CharVocab

CODLING = [sys.executable, "-m", "codling"]
TRAIN = [*CODLING, "train", "paper-lstm"]
SMALL = [
    "--set=model.hidden_size=16",
    "--set=loop.batch_size=4",
    "--set=loop.window=32",
    "--set=loop.eval_every=15",
    "--set=loop.checkpoint_every=4",
    "--set=loop.num_threads=1",
    "--set=loop.eval_tokens=1000",
    "--set=sample.num_chars=5",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """A finished corpus of three modules of the standard library, one per split."""
    folder, vocab = tmp_path_factory.mktemp("corpora") / "stdlib", CharVocab()
    texts = {"train": inspect.getsource(argparse)[:30_000], "valid": inspect.getsource(ast)[:4_000]}
    texts["test"] = inspect.getsource(textwrap)[:4_000]
    splits = {split: write_shards(folder, split, [vocab.encode(text)]) for split, text in texts.items()}
    (folder / "vocab.json").write_text(json.dumps(vocab.to_json()))
    (folder / "corpus.json").write_text(json.dumps({"format": 1, "splits": splits, "languages": ["python"]}))
    return folder


@pytest.fixture
def codling(monkeypatch, capsys):
    """The command line in this process: importing PyTorch anew for each call would be most of the time."""

    def run(*arguments: str, expect: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["codling", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        out, err = capsys.readouterr()
        assert code == expect, err
        return out, err

    return run


def curves(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "curves.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "train_s"} for row in rows]


def kill_when(path: Path, command: list[str]) -> None:
    """Start a command and kill -9 it as soon as a file exists."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not path.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.002)
    assert process.poll() is None, process.communicate()[1]
    process.kill()
    process.wait()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no kill -9")
def test_train_goes_on_after_kill_9_and_ends_with_a_bundle(corpus, tmp_path, codling):
    settings = [f"--corpus={corpus}", "--set=loop.max_steps=90", *SMALL]
    whole, _ = codling("train", "paper-lstm", *settings, f"--run={tmp_path / 'whole'}", "--json")
    kill_when(tmp_path / "killed" / "best" / "weights.safetensors", [*TRAIN, *settings, f"--run={tmp_path / 'killed'}"])
    assert len(curves(tmp_path / "killed")) < 6
    _, err = codling("train", "paper-lstm", *settings, f"--run={tmp_path / 'killed'}", "--resume")
    assert "going on from step" in err
    assert curves(tmp_path / "killed") == curves(tmp_path / "whole")
    result = json.loads(whole)
    assert result["steps"] == 90 and result["ended"] == "length"
    bundle = load_bundle(result["bundle"])
    assert bundle.card.training["best_step"] == result["best"]["step"] and len(bundle.card.curve) == 6
    again = load_bundle(tmp_path / "killed" / "bundle")
    assert again.card.files["model.onnx"] == bundle.card.files["model.onnx"]  # the same weights to the last bit


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no kill -9")
def test_tune_goes_on_after_kill_9_and_keeps_the_best_bundle(corpus, tmp_path, codling):
    search = ["tune", "paper-table1", f"--corpus={corpus}", "--set=loop.max_steps=30", *SMALL]
    search += ["--dim=model.hidden_size=8", "--dim=optim.lr=0.001,0.01", "--dim=loop.batch_size=4", "--grid"]
    whole = json.loads(codling(*search, f"--study={tmp_path / 'whole'}", "--json")[0])
    second = tmp_path / "killed" / "trials" / "0001" / "checkpoint" / "latest.safetensors"
    kill_when(second, [*CODLING, *search, f"--study={tmp_path / 'killed'}"])
    killed = json.loads(codling(*search, f"--study={tmp_path / 'killed'}", "--json")[0])
    assert whole["columns"] == ["n_modules", "lr", "batch_size", "time per epoch (s)", "loss", "cat_acc"]
    timed = whole["columns"].index("time per epoch (s)")
    without_time = [[cell for i, cell in enumerate(row) if i != timed] for row in whole["table"]]
    assert without_time == [[cell for i, cell in enumerate(row) if i != timed] for row in killed["table"]]
    assert whole["best"]["params"]["optim.lr"] == 0.01 and len(whole["trials"]) == 2
    bundles = [load_bundle(result["bundle"]).card for result in (whole, killed)]
    assert bundles[0].files["model.onnx"] == bundles[1].files["model.onnx"]
    assert bundles[0].training["config"]["optim"]["lr"] == 0.01


def test_a_run_may_start_from_another_s_weights(corpus, tmp_path, codling):
    def train(name: str, *more: str, expect: int = 0) -> str:
        settings = [f"--corpus={corpus}", *SMALL, f"--run={tmp_path / name}", "--set=loop.max_steps=30", *more]
        return codling("train", "paper-lstm", *settings, expect=expect)[1]

    train("first")
    more = ["--set=model.match_orders=3", "--set=model.match_slots=500"]  # a wider input, so another shape
    assert "of another model: 'layers.0.weight_ih_l0'" in train(
        "wider", f"--init={tmp_path / 'first'}", *more, expect=2
    )
    train("second", f"--init={tmp_path / 'first'}")
    first, second = curves(tmp_path / "first"), curves(tmp_path / "second")
    assert second[0]["val_loss_nats"] < first[0]["val_loss_nats"]  # after as many steps of its own
    config = json.loads((tmp_path / "second" / "config.json").read_text())
    assert len(config["init"]) == 64 and "init" not in json.loads((tmp_path / "first" / "config.json").read_text())
    train("second", "--resume")  # what it started from is in its checkpoint
    assert json.loads((tmp_path / "second" / "config.json").read_text()) == config
    assert "was made with init =" in train("second", f"--init={tmp_path / 'second'}", expect=2)
    train("third", f"--init={tmp_path / 'first' / 'bundle'}")
    assert abs(curves(tmp_path / "third")[0]["val_loss_nats"] - second[0]["val_loss_nats"]) < 0.02  # int8 is close
    assert "no bundle" in train("fourth", f"--init={tmp_path / 'nowhere'}", expect=2)


def test_mistakes_are_one_clear_line(corpus, tmp_path, codling):
    def one_line(*arguments: str) -> str:
        out, err = codling(*arguments, expect=2)
        assert out == "" and len(err.splitlines()) == 1, err
        return err

    run = f"--run={tmp_path / 'run'}"
    assert "did you mean 'paper-lstm'" in one_line("train", "paper-lsmt")
    assert "did you mean 'loop.max_steps'" in one_line(
        "train", "paper-lstm", f"--corpus={corpus}", "--set=loop.mx_steps=3"
    )
    assert "is no finished corpus" in one_line("train", "paper-lstm", f"--corpus={tmp_path}", run)
    assert "no checkpoint to go on from" in one_line("train", "paper-lstm", f"--corpus={corpus}", run, "--resume")
    assert "name a preset" in one_line("train")
    assert "did you mean 'optim.lr'" in one_line(
        "tune", "paper-lstm", f"--corpus={corpus}", "--dim=optm.lr=1,2", "--trials=2"
    )
    assert "did you mean 'paper-table1'" in one_line("tune", "paper-tabel1")
    taken = tmp_path / "thesis"
    taken.mkdir()
    (taken / "chapter.txt").write_text("three years of work")
    place = f"--bundle={taken}"
    for command in (
        ("train", "paper-lstm", f"--corpus={corpus}", run, place),
        ("tune", "paper-table1", f"--corpus={corpus}", f"--study={tmp_path / 'run'}", place),
        ("npi", "train", "maximum", run, place),
    ):
        assert "is there already and is no bundle" in one_line(*command)
    assert (taken / "chapter.txt").is_file()
    assert not (tmp_path / "run").exists()


def test_lists_are_data_too(codling):
    assert "paper-lstm" in json.loads(codling("train", "--list", "--json")[0])
    assert "paper-table1" in json.loads(codling("tune", "--list", "--json")[0])
    assert json.loads(codling("train", "paper-lstm", "--show")[0])["model"]["hidden_size"] == 256
