"""Adapting a bundle: it learns, says so honestly, goes on after Ctrl-C, and refuses what cannot be done."""

from __future__ import annotations

import bisect
import dataclasses
import fnmatch
import inspect
import json
import shlex
import signal
import string
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("rensa")

import torch

from codling.bundle import Bundle, load_bundle
from codling.corpus.own import read_own_code
from codling.engine import load_model
from codling.engine.evaluation import evaluate
from codling.errors import BundleError, ConfigError, CorpusError, TrainingError
from codling.lm.adapt import Adaptation, AdaptConfig, adapt, adapted_name
from codling.lm.adapt_plan import Deadline
from codling.lm.adapt_texts import deal, shards
from codling.lm.restore import is_int8
from codling.training.observer import Observer, Status
from codling.training.run import CurveRow
from codling.vocab import DOC, BpeVocab
from tiny_bundle import tiny_bundle
from trainable_bundle import trainable_bundle

QUICK = AdaptConfig(max_epochs=1.0, lr=1e-2, replay=0.0, window=32, held_out=0.3)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A project of real files, one of them of another language."""
    folder = tmp_path / "my project"
    folder.mkdir()
    for module in (textwrap, shlex, json.decoder, string, fnmatch):
        (folder / f"{module.__name__}.py").write_text(inspect.getsource(module))
    (folder / "A.java").write_text("class A { int x; }\n")
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "bisecting.py").write_text(inspect.getsource(bisect))
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "home"
    torch.set_num_threads(threads)


@pytest.fixture
def base(tmp_path: Path) -> Bundle:
    return trainable_bundle(tmp_path / "base" / "python")


def weights(result: Adaptation) -> str:
    assert result.bundle is not None
    return result.bundle.card.files["model.onnx"].sha256


def test_adapting_learns_and_what_it_says_is_what_the_bundle_scores(
    base: Bundle, code: Path, other: Path, home: Path
) -> None:
    result = adapt(base, code, QUICK, other=other)
    own, elsewhere = result.measures
    assert own.after is not None and elsewhere.after is not None
    assert own.after.loss_nats < own.before.loss_nats - 0.5
    assert own.after.accuracy > own.before.accuracy
    assert elsewhere.on == "other" and elsewhere.num_files == 1
    assert result.own.dropped == {"java, which the model does not know": 1}
    made = load_bundle("python-my-project")  # found by its name, as `codling complete` finds it
    assert made.path == home / "bundles" / "python-my-project"
    texts = [file.text for file in result.dealt.test]
    assert evaluate(load_model(made, threads=1), texts).loss_nats == pytest.approx(own.after.loss_nats, abs=1e-5)
    assert evaluate(load_model(base, threads=1), texts).loss_nats == pytest.approx(own.before.loss_nats, abs=1e-5)
    assert is_int8(made)
    for name in ("vocab.json", "more.json"):
        assert made.file(name).read_bytes() == base.file(name).read_bytes()
    card = made.card
    assert card.data["projects"] == base.card.data["projects"]
    assert card.data["adapted"][0]["base"] == "python" and card.data["adapted"][0]["held_out"]
    assert str(code.parent) not in json.dumps(card.data)  # where it lay is nobody's business
    assert card.licence == "(Apache-2.0) AND LicenseRef-own-code"
    assert [row.on for row in card.scores] == [
        "held-out files",
        "held-out files, by python",
        "other",
        "other, by python",
    ]
    assert card.curve and card.training["config"]["model"] == base.card.training["config"]["model"]
    assert not any((home / "cache" / "adapt").iterdir())  # the run went when it had ended
    again = adapt(made, code, QUICK, other=other)
    assert again.bundle is None or again.bundle.name == "python-my-project"


class _Interrupts(Observer):
    def __init__(self, step: int) -> None:
        self.step, self.first = step, None

    def progressed(self, status: Status) -> None:
        self.first = self.first or status.step
        if status.step == self.step:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_adaptation_goes_on_to_the_same_weights(
    base: Bundle, code: Path, other: Path, tmp_path: Path
) -> None:
    whole = adapt(base, code, QUICK, other=other, out=tmp_path / "whole")
    cut = adapt(base, code, QUICK, other=other, out=tmp_path / "cut", observer=_Interrupts(20))
    assert cut.was_interrupted and cut.bundle is None and cut.measures[0].after is None
    assert not (tmp_path / "cut").exists()
    resumed = _Interrupts(-1)
    ended = adapt(base, code, QUICK, other=other, out=tmp_path / "cut", observer=resumed)
    assert resumed.first == 21
    assert weights(ended) == weights(whole)
    adapt(base, code, QUICK, other=other, out=tmp_path / "cut", observer=_Interrupts(20))
    (code / "fnmatch.py").write_text((code / "fnmatch.py").read_text() + "\n\nchanged = True\n")
    changed = _Interrupts(-1)
    adapt(base, code, QUICK, other=other, out=tmp_path / "changed", observer=changed)
    assert changed.first == 1  # other code is another run


def test_a_given_run_folder_stays_and_fresh_starts_over(base: Bundle, code: Path, other: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    adapt(base, code, QUICK, other=other, run=run, observer=_Interrupts(20))
    (run / "letter.txt").write_text("mine")
    for change in ({"window": QUICK.window // 2}, {"patience": 1}, {"minutes": QUICK.minutes + 1}):  # never silently
        with pytest.raises(TrainingError, match=f"was started with {next(iter(change))} = .*--fresh"):
            adapt(base, code, dataclasses.replace(QUICK, **change), other=other, run=run)
    fresh = _Interrupts(-1)
    result = adapt(base, code, QUICK, other=other, run=run, fresh=True, observer=fresh)
    assert fresh.first == 1
    assert (run / "report.html").is_file() and result.run == run
    assert (run / "letter.txt").read_text() == "mine"


def test_what_gained_nothing_is_not_written(base: Bundle, code: Path, other: Path, tmp_path: Path) -> None:
    good = adapt(base, code, QUICK, other=other, out=tmp_path / "good").bundle
    assert good is not None
    result = adapt(good, code, dataclasses.replace(QUICK, lr=3.0), other=other, out=tmp_path / "bad")
    assert result.bundle is None and not (tmp_path / "bad").exists()
    assert result.summary()["bundle"] is None
    own = result.measures[0]
    assert own.after is not None and own.after.loss_nats >= own.before.loss_nats


def test_time_ends_a_run_and_what_it_learned_is_kept(base: Bundle, code: Path, other: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="minutes are too few on this machine"):
        adapt(base, code, dataclasses.replace(QUICK, minutes=0.01), other=other)
    config = dataclasses.replace(QUICK, max_epochs=500.0, patience=1_000, minutes=0.6)
    result = adapt(base, code, config, other=other, out=tmp_path / "made")
    assert result.bundle is not None and result.seconds < 90
    assert 16 <= result.outcome.step < 500 * result.outcome.steps_per_epoch
    row = CurveRow(**dict.fromkeys(CurveRow.__dataclass_fields__, 0))
    early, late = Deadline(Observer(), time.monotonic() + 60), Deadline(Observer(), time.monotonic() - 1)
    assert early.measured(row) and not early.was_reached
    assert not late.measured(row) and late.was_reached


def test_other_code_is_mixed_in_and_measured_by_default(base: Bundle, code: Path, tmp_path: Path) -> None:
    with_replay = dataclasses.replace(QUICK, replay=0.5, max_epochs=0.5)
    result = adapt(base, code, with_replay, out=tmp_path / "made")
    assert [measure.on for measure in result.measures] == ["held-out files", "Python's standard library"]
    plain = adapt(base, code, dataclasses.replace(QUICK, max_epochs=0.5), out=tmp_path / "plain")
    assert result.outcome.tokens_per_epoch > 1.3 * plain.outcome.tokens_per_epoch


def test_what_is_learned_from_and_what_is_measured(base: Bundle, code: Path) -> None:
    vocab = BpeVocab.train([inspect.getsource(textwrap)], 500)
    own = read_own_code(code, ["python"], {})
    texts = deal(base, own, QUICK, code)
    for part, files in zip(shards(texts, vocab, QUICK, code), (texts.dealt.train, texts.dealt.valid), strict=True):
        (tokens,) = part.shards
        documents = {vocab.decode(part[1:].tolist()) for part in np.split(tokens, np.flatnonzero(tokens == DOC)[1:])}
        assert documents == {file.text for file in files}


def test_a_bundle_without_python_says_what_it_cannot_know(code: Path, tmp_path: Path) -> None:
    java = trainable_bundle(tmp_path / "base" / "java", int8=False, languages=("java",))
    for number, name in enumerate(("Ledger", "Account", "Balance", "Owner", "Report")):
        methods = "".join(f"    int m{number}{i}(int a{i}) {{ return a{i} + {i * number}; }}\n" for i in range(60))
        (code / f"{name}.java").write_text(f"class {name} {{\n{methods}}}\n")
    result = adapt(java, code, QUICK, out=tmp_path / "made")
    assert [measure.on for measure in result.measures] == ["held-out files"]
    assert any("name other code with --other" in note for note in result.notes)
    assert result.bundle is not None and not is_int8(result.bundle)


def test_mistakes_say_what_to_do(base: Bundle, code: Path, tmp_path: Path) -> None:
    java = trainable_bundle(tmp_path / "base" / "java", languages=("java",))
    (tmp_path / "little").mkdir()
    (tmp_path / "little" / "one.py").write_text("x = 1\n")
    with pytest.raises(CorpusError, match="at least two files are needed"):
        adapt(base, tmp_path / "little", QUICK)
    (tmp_path / "little" / "more.py").write_text("y = 2\n")
    with pytest.raises(TrainingError, match="too little code to learn from: 1 files of 1 lines"):
        adapt(base, tmp_path / "little", QUICK)
    with pytest.raises(TrainingError, match="has no code in java, which is what java knows"):
        adapt(java, tmp_path / "little", QUICK)
    with pytest.raises(CorpusError, match="there is no folder"):
        adapt(base, tmp_path / "nowhere", QUICK)
    with pytest.raises(BundleError, match="is there already and is no bundle"):
        adapt(base, code, QUICK, out=tmp_path / "little")
    assert (tmp_path / "little" / "one.py").is_file()
    with pytest.raises(TrainingError, match="has no code in python to measure on"):
        (tmp_path / "empty").mkdir()
        adapt(base, code, QUICK, other=tmp_path / "empty")
    with pytest.raises(BundleError, match="cannot be trained any further"):
        adapt(load_bundle(tiny_bundle(tmp_path / "base")), code, QUICK)
    with pytest.raises(ConfigError, match="held_out must be"):
        AdaptConfig(held_out=0.9)


@pytest.mark.parametrize(
    ("base", "folder", "name"),
    [
        ("python", "codling", "python-codling"),
        ("python", "my project (2)", "python-my-project-2"),
        ("python-codling", "codling", "python-codling"),
        ("python", "..", "python-own"),
        ("python", "größe/🐟", "python-größe"),
    ],
)
def test_names_are_plain(base: str, folder: str, name: str) -> None:
    assert adapted_name(base, folder) == name
