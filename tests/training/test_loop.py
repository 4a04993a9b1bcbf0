"""The loop: exact resume, carried state, early stopping, learning, and every way a run can go wrong."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from codling.errors import ConfigError, TrainingError
from codling.training.batches import Lanes
from codling.training.checkpoint import load_known_weights, load_weights, read_tensors, weights_of
from codling.training.config import LoopConfig, OptimConfig
from codling.training.loop import train
from codling.training.run import RunFolder

SMALL_TASK = Path(__file__).with_name("small_task.py")


def curves(folder: Path) -> list[dict[str, float]]:
    """The curves without what a clock decides."""
    rows = [json.loads(line) for line in (folder / "curves.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in row.items() if name != "train_s"} for row in rows]


def run_script(folder: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SMALL_TASK), str(folder), *settings], capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def uninterrupted(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    recorder = small.Recorder()
    outcome = small.run(folder, observer=recorder)
    return folder, outcome, recorder


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no kill -9")
def test_after_kill_9_the_losses_are_the_same_to_the_last_bit(uninterrupted, tmp_path):
    folder = tmp_path / "killed"
    # Killed twice: between two validations, and again before the first checkpoint after the resume.
    for kill_after in (27, 31):
        killed = run_script(folder, "checkpoint_every=11", f"kill_after={kill_after}")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert read_tensors(RunFolder(folder).checkpoint)[1]["progress"]["step"] == 22
    ended = run_script(folder, "checkpoint_every=11")
    assert ended.stdout.split() == ["length", "60"], ended.stderr
    whole, _, _ = uninterrupted
    assert curves(folder) == curves(whole)
    assert (folder / "samples.jsonl").read_text() == (whole / "samples.jsonl").read_text()
    ours, theirs = (read_tensors(RunFolder(path).checkpoint)[0] for path in (folder, whole))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_stopping_and_going_on_at_any_step_changes_no_step(uninterrupted, small, tmp_path):
    whole, _, recorder = uninterrupted
    losses = {}
    for stop_after in (20, 40, None):
        watcher = small.Recorder(stop_after)
        outcome = small.run(tmp_path / "run", observer=watcher)
        losses |= watcher.losses
        assert outcome.ended == ("stopped" if stop_after else "length")
    assert losses == recorder.losses
    assert curves(tmp_path / "run") == curves(whole)


def test_a_finished_run_is_not_trained_again(uninterrupted, small):
    folder, outcome, _ = uninterrupted
    recorder = small.Recorder()
    again = small.run(folder, observer=recorder)
    assert recorder.losses == {} and recorder.rows == list(outcome.rows)  # only what the checkpoint remembers
    assert (again.best, again.step, again.ended) == (outcome.best, outcome.step, "length")


def test_a_second_training_in_the_same_folder_is_refused(small, tmp_path):
    class Second(small.Recorder):
        def measured(self, row):
            with pytest.raises(TrainingError, match=r"another process trains in .*; wait for it"):
                small.run(tmp_path)
            return super().measured(row)

    recorder = Second()
    assert small.run(tmp_path, observer=recorder).ended == "length"
    assert recorder.rows
    assert small.run(tmp_path).ended == "length"  # it was given up at the end


def test_samples_draw_no_random_numbers_from_training(uninterrupted, small, tmp_path):
    whole, _, _ = uninterrupted
    small.run(tmp_path / "run", sample_every=7)
    assert curves(tmp_path / "run") == curves(whole)


@pytest.mark.parametrize("window", [1, 7, 500])
def test_validation_carries_the_state_so_the_window_does_not_matter(small, tmp_path, window):
    task = small.CharTask(dtype=torch.float64)
    _, validation = small.source_shards()
    # Lanes are laid out by the window, so one lane: the cap leaves no room for a second one.
    outcome = small.run(tmp_path / "run", task, window=window, max_steps=1, batch_size=1)
    stream = torch.from_numpy(np.concatenate(validation.shards).astype(np.int64))
    with torch.no_grad():
        load_weights(task.module, read_tensors(RunFolder(tmp_path / "run").best)[0])
        task.module.eval()
        state = task.initial_state(1, torch.device("cpu"))
        loss, num_correct, _ = task.loss(stream[None], stream.roll(-1)[None], state)
    assert outcome.best is not None
    assert outcome.best.val_loss_nats == pytest.approx(loss.item(), rel=1e-12)
    assert outcome.best.val_accuracy == num_correct.item() / len(stream)


def test_training_carries_the_state(small, tmp_path):
    """With a learning rate of nearly nothing, the mean loss of an epoch is that of one window over the whole lane."""
    task = small.CharTask(dropout=0.0, dtype=torch.float64)
    training = small.shard_set("def add(a, b):\n    return a + b\n" * 8)
    outcome = train(
        task,
        training,
        None,
        optim=OptimConfig(lr=1e-30),
        loop=small.small_loop(batch_size=1, window=10, max_steps=None, max_epochs=1, eval_every=None),
        folder=tmp_path / "run",
    )
    inputs, targets = Lanes(training, batch=1, window=10_000, seed=0).window(0)
    state = task.initial_state(1, torch.device("cpu"))
    loss, _, _ = task.loss(torch.from_numpy(inputs), torch.from_numpy(targets), state)
    assert outcome.rows[-1].loss_nats == pytest.approx(loss.item(), rel=1e-12)


def test_it_learns_a_pattern(small, tmp_path):
    pattern = small.shard_set("for i in range(10):\n    print(i)\n" * 60)
    outcome = train(
        small.CharTask(hidden=32, dropout=0.0),
        pattern,
        pattern,
        optim=OptimConfig(lr=0.02),
        loop=small.small_loop(batch_size=8, window=32, max_steps=80, eval_every=10),
        folder=tmp_path / "run",
    )
    assert outcome.rows[0].loss_nats > 1.0
    assert outcome.best is not None and outcome.best.step == 80
    assert outcome.best.val_loss_nats < 0.1 and outcome.best.val_accuracy > 0.97


def test_it_stops_early_and_keeps_the_best_weights(small, tmp_path):
    """A network that may learn 600 characters by heart gets worse on others."""
    import inspect

    training = small.shard_set(inspect.getsource(small.argparse)[5_000:5_600])
    _, validation = small.source_shards()
    task = small.CharTask(hidden=48, dropout=0.0)
    outcome = train(
        task,
        training,
        validation,
        optim=OptimConfig(lr=0.02),
        loop=small.small_loop(batch_size=2, window=50, max_steps=2_000, eval_every=25, patience=2),
        folder=tmp_path / "run",
    )
    assert outcome.ended == "patience" and outcome.step < 2_000
    losses = [row.val_loss_nats for row in outcome.rows]
    assert outcome.best is not None
    assert outcome.best.val_loss_nats == min(losses) < losses[-1]
    assert outcome.step == outcome.best.step + 2 * 25
    best, about = read_tensors(RunFolder(tmp_path / "run").best)
    assert about["row"]["step"] == outcome.best.step
    assert all(torch.equal(tensor, best[name]) for name, tensor in weights_of(task.module).items())


def test_without_validation_the_last_weights_are_kept(small, tmp_path):
    recorder = small.Recorder()
    outcome = small.run(tmp_path / "run", observer=recorder, validation=None)
    assert outcome.best is not None and outcome.best.step == 60 and outcome.best.val_loss_nats is None
    assert any("no validation data" in note for note in recorder.notes)


def test_a_loss_that_is_not_finite_names_the_step_and_keeps_the_checkpoint(small, tmp_path):
    class Exploding(small.CharTask):
        steps = 0

        def loss(self, inputs_BT, targets_BT, state):
            loss, num_correct, state = super().loss(inputs_BT, targets_BT, state)
            if self.module.training:
                self.steps += 1
            return (loss * math.nan if self.steps == 34 else loss), num_correct, state

    folder = tmp_path / "run"
    with pytest.raises(TrainingError, match=r"the loss became nan at step 34; lower optim.lr .*latest.safetensors"):
        small.run(folder, Exploding(), checkpoint_every=10)
    tensors, about = read_tensors(RunFolder(folder).checkpoint)
    assert about["progress"]["step"] == 30
    assert all(torch.isfinite(tensor.float()).all() for tensor in tensors.values())


@pytest.mark.skipif(sys.platform == "win32", reason="one process cannot send another Ctrl-C there")
def test_ctrl_c_ends_the_step_and_saves(uninterrupted, small, tmp_path):
    class Interrupting(small.Recorder):
        def progressed(self, status):
            super().progressed(status)
            if status.step == 33:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)

    folder = tmp_path / "run"
    handler = signal.getsignal(signal.SIGINT)
    outcome = small.run(folder, observer=Interrupting())
    assert (outcome.ended, outcome.step) == ("interrupted", 33)
    assert signal.getsignal(signal.SIGINT) is handler
    assert small.run(folder).ended == "length"
    assert curves(folder) == curves(uninterrupted[0])


def test_it_trains_outside_the_main_thread(small, tmp_path):
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(small.run(tmp_path / "run", max_steps=3)))
    thread.start()
    thread.join()
    assert outcomes[0].ended == "length"


@pytest.mark.parametrize(
    "changes, key",
    [
        ({"batch_size": 5}, "loop.batch_size"),
        ({"seed": 1}, "loop.seed"),
        ({"max_steps": 70}, "loop.max_steps"),  # the cosine would have fallen otherwise
        ({"optim": OptimConfig(lr=0.02, schedule="cosine", warmup_steps=5)}, "optim.lr"),
    ],
)
def test_a_checkpoint_of_another_configuration_names_the_key(uninterrupted, small, changes, key):
    folder, _, _ = uninterrupted
    with pytest.raises(TrainingError, match=rf"was made with {key} = .*--fresh"):
        small.run(folder, **changes)


def test_a_checkpoint_of_another_model_or_other_data_is_refused(uninterrupted, small):
    folder, _, _ = uninterrupted
    with pytest.raises(TrainingError, match=r"was made with task.hidden = 16, not 24"):
        small.run(folder, small.CharTask(hidden=24))
    with pytest.raises(TrainingError, match=r"was made with data.validation"):
        small.run(folder, validation=small.shard_set("x = 1\n" * 100, split="valid"))


def test_a_constant_schedule_may_be_prolonged(small, tmp_path):
    optim = OptimConfig(lr=0.01)
    small.run(tmp_path / "short", optim=optim, max_steps=40)
    small.run(tmp_path / "short", optim=optim, max_steps=60)
    small.run(tmp_path / "long", optim=optim, max_steps=60)
    assert curves(tmp_path / "short") == curves(tmp_path / "long")


def test_fresh_starts_over(uninterrupted, small, tmp_path):
    small.run(tmp_path / "run", seed=5, max_steps=20)
    small.run(tmp_path / "run", fresh=True)
    assert curves(tmp_path / "run") == curves(uninterrupted[0])


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "text"])
def test_a_damaged_checkpoint_is_one_clear_line(small, tmp_path, damage):
    folder = tmp_path / "run"
    small.run(folder, max_steps=2)
    path = RunFolder(folder).checkpoint
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[-1000] ^= 1
    path.write_bytes({"cut": bytes(data[:-100]), "empty": b"", "flipped": bytes(data), "text": b"hello" * 99}[damage])
    with pytest.raises(TrainingError, match=r"latest.safetensors is damaged.* --fresh") as raised:
        small.run(folder, max_steps=2)
    assert "\n" not in str(raised.value)


def test_a_run_without_an_end_is_refused(small, tmp_path):
    with pytest.raises(ConfigError, match="never end"):
        small.run(tmp_path, max_steps=None)
    with pytest.raises(ConfigError, match="needs an end"):
        small.run(tmp_path, max_steps=None, patience=3)
    assert LoopConfig(max_epochs=0.5).num_steps(9) == 4
    assert LoopConfig(max_epochs=2, max_steps=7).num_steps(5) == 7


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_missing_gpu_is_one_clear_line(small, tmp_path):
    with pytest.raises(TrainingError, match="finds no CUDA device"):
        small.run(tmp_path, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_it_learns_in_bfloat16_and_resumes(small, tmp_path):
    outcome = small.run(tmp_path / "run", device="cuda", max_steps=40)
    assert "bfloat16" in outcome.device
    assert outcome.rows[-1].loss_nats < outcome.rows[0].loss_nats
    assert small.run(tmp_path / "run", device="cuda", max_steps=40).step == 40


def test_the_report_stands_alone(uninterrupted):
    folder, outcome, _ = uninterrupted
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert outcome.best is not None
    assert "<svg" in text and "categorical accuracy" in text
    assert "after 60 steps" in text and f"{outcome.best.val_loss_nats:.4f}" in text
    assert "<script" not in text and "src=" not in text and "<link" not in text


def test_a_start_from_other_weights_takes_what_it_knows_and_says_the_rest(small):
    task, other = small.CharTask(), small.CharTask()
    source = {name: torch.full_like(tensor, 0.5) for name, tensor in weights_of(other.module).items()}
    left_out = source.pop("lstm.bias_hh_l1").clone()
    own = weights_of(task.module)["lstm.bias_hh_l1"].clone()
    fresh, unused = load_known_weights(task.module, source | {"pointer": left_out}, "elsewhere")
    assert (fresh, unused) == (("lstm.bias_hh_l1",), ("pointer",))
    now = weights_of(task.module)
    assert torch.equal(now.pop("lstm.bias_hh_l1"), own)
    assert all(bool((tensor == 0.5).all()) for tensor in now.values())
    with pytest.raises(TrainingError, match="elsewhere is of another model: 'embedding"):
        load_known_weights(task.module, {"embedding.weight": torch.zeros(3, 3)}, "elsewhere")
    with pytest.raises(TrainingError, match="no weight that this model knows"):
        load_known_weights(task.module, {"pointer": left_out}, "elsewhere")
