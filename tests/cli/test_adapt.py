"""codling adapt on the command line: what it prints, where the bundle goes, Ctrl-C, mistakes."""

from __future__ import annotations

import fnmatch
import inspect
import json
import shlex
import signal
import string
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("rensa")

import torch

from codling.bundle import load_bundle
from command import call_codling
from trainable_bundle import trainable_bundle

SETTINGS = ["--set=max_epochs=1", "--set=lr=0.01", "--set=replay=0", "--set=window=32", "--set=held_out=0.3"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "ledger"
    folder.mkdir()
    for module in (textwrap, shlex, json.decoder, string):
        (folder / f"{module.__name__}.py").write_text(inspect.getsource(module))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "match.py").write_text(inspect.getsource(fnmatch))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's own place, with a bundle for Python in it."""
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    trainable_bundle(tmp_path / "home" / "bundles" / "python")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network gains nothing from more, and on a busy machine it loses
    yield tmp_path / "home"
    torch.set_num_threads(threads)


def test_a_table_json_and_a_bundle_that_completes_by_its_name(home, project, tmp_path, monkeypatch, capsys) -> None:
    def call(*arguments: object) -> tuple[int, str, str]:
        return call_codling(list(arguments), b"", monkeypatch, capsys)

    asked = ["adapt", project, "--other", tmp_path / "elsewhere", *SETTINGS]
    code, out, err = call(*asked)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["files", "units", "loss", "adapted", "accuracy", "adapted", "gain"]
    assert lines[1].startswith("held-out files") and lines[2].startswith("elsewhere")
    assert float(lines[1].split()[-1]) > 0  # points of accuracy
    assert f"bundle: {home / 'bundles' / 'python-ledger'}" in out
    assert "codling serve --model python-ledger" in out
    assert "measuring python" in err

    code, out, err = call(*asked, "--json", "--out", tmp_path / "made")
    assert code == 0, err
    report = json.loads(out)
    own = report["measures"][0]
    assert own["after"]["loss_nats"] < own["before"]["loss_nats"]
    assert (report["base"], report["name"], report["files"]) == ("python", "made", 4)
    made = load_bundle("python-ledger").card
    assert made.scores[0].loss_nats == pytest.approx(own["after"]["loss_nats"], abs=0.05)

    code, out, err = call("complete", project / "string.py", "--model", "python-ledger", "--line", 9, "--json")
    assert code == 0, err
    assert json.loads(out)["model"] == "python-ledger"


def test_mistakes_are_one_clear_line(home, project, tmp_path, monkeypatch, capsys) -> None:
    def one_line(*arguments: object) -> str:
        code, out, err = call_codling(["adapt", *arguments], b"", monkeypatch, capsys)
        assert code == 2 and out == ""
        return err.splitlines()[-1]

    assert "there is no folder" in one_line(tmp_path / "nowhere")
    assert "unknown key 'learning_rate'" in one_line(project, "--set=learning_rate=1")
    assert "adapt.minutes must be above 0" in one_line(project, "--minutes=0")
    assert "no bundle 'pyton'; did you mean 'python'?" in one_line(project, "--model=pyton")
    (tmp_path / "empty").mkdir()
    assert "no source files at all" in one_line(tmp_path / "empty")
    assert not (home / "bundles" / "python-ledger").exists()


def test_ctrl_c_and_the_same_command_goes_on_where_it_was(home, project, tmp_path, monkeypatch, capsys) -> None:
    arguments = ["adapt", project, "--other", tmp_path / "elsewhere", "--json", *SETTINGS]
    arguments += ["--set=max_epochs=15", "--set=patience=1000"]

    def press_ctrl_c() -> None:
        deadline = time.monotonic() + 60
        while not list((home / "cache" / "adapt").glob("*/best/weights.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)  # Python handles it in the main thread, whoever raised it

    presser = threading.Thread(target=press_ctrl_c)
    presser.start()
    code, out, err = call_codling(arguments, b"", monkeypatch, capsys)
    presser.join()
    assert (code, out) == (130, "") and "repeat the command to go on" in err, err
    assert not (home / "bundles" / "python-ledger").exists()
    code, out, err = call_codling(arguments, b"", monkeypatch, capsys)
    assert code == 0 and "going on from step" in err, err
    assert json.loads(out)["name"] == "python-ledger"
