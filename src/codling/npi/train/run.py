"""A whole training: from tasks to a bundle, with a checkpoint after every round."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from codling import __version__
from codling.bundle import Bundle, Card, write_bundle
from codling.config import first_difference, to_mapping
from codling.errors import TrainingError
from codling.hold import only_one
from codling.npi.library import Library
from codling.npi.model import KIND, Known, write_known
from codling.npi.network import Network
from codling.npi.task import Task
from codling.npi.train.config import NPIConfig
from codling.npi.train.graph import build_graph, state_rows
from codling.npi.train.loop import Pupil, Round, Trainer, make_pupils
from codling.npi.train.net import Core
from codling.npi.verify import Verdict, verify
from codling.training.checkpoint import load_weights, read_tensors, write_tensors
from codling.training.interrupt import Interrupt

__all__ = ["Result", "train_tasks", "write_interpreter"]

_CHECKPOINT = "checkpoint.safetensors"
_SEARCH_S = 2.0  # for an input that goes wrong, where training gave up


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a training came to."""

    core: Core
    library: Library
    verdicts: dict[str, Verdict]
    rounds: tuple[Round, ...]
    num_rounds: int
    "Of the whole run, those of earlier starts included; likewise the seconds."
    seconds: float
    finished: bool
    "False where it was interrupted, or gave up."
    bundle: Bundle | None = None


def train_tasks(
    tasks: Sequence[Task],
    config: NPIConfig,
    *,
    folder: Path | None = None,
    fresh: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
    on_round: Callable[[Round], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Result:
    """Train one core on tasks until all are proved; those that cannot be, until their practice traces are right.

    Args:
        folder: where checkpoints are kept; a run that stopped goes on from there.
        fresh: start anew even so.
        on_step: told in words what happens.
        on_round: told where training stands after each proof.
        progress: told the steps done in a round, and of all.

    Raises:
        TaskError: a task is not as it must be.
        TrainingError: the folder's checkpoint is of another run.
    """
    torch.manual_seed(config.train.seed)
    library = Library()
    for task in tasks:
        library.add(task)
    core = Core(config.core, library)
    pupils = make_pupils(tasks, library, config, on_step)
    trainer = Trainer(core, pupils, library, config)
    return run_rounds(
        trainer, config, folder=folder, fresh=fresh, on_step=on_step, on_round=on_round, progress=progress
    )


def run_rounds(
    trainer: Trainer,
    config: NPIConfig,
    *,
    folder: Path | None = None,
    fresh: bool = False,
    on_step: Callable[[str], None] = lambda _: None,
    on_round: Callable[[Round], None] = lambda _: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Result:
    """Rounds until all is proved, Ctrl-C, or the limit; then a verdict on each task."""
    path = folder / _CHECKPOINT if folder is not None else None
    rounds: list[Round] = []
    proved = False
    with _held(folder), Interrupt() as interrupt:
        if path is not None and path.is_file() and not fresh:
            _restore(trainer, config, path)
            on_step(f"going on from round {trainer.number}")
        while not (proved or interrupt.asked) and trainer.number < config.train.max_rounds:
            row = trainer.round(progress)
            rounds.append(row)
            proved = row.proved
            if path is not None:
                _save(trainer, config, path)
            on_round(row)
        asked = interrupt.asked
    verdicts = {} if asked and not proved else _judge(trainer)
    return Result(
        core=trainer.core,
        library=trainer.library,
        verdicts=verdicts,
        rounds=tuple(rounds),
        num_rounds=trainer.number,
        seconds=trainer.seconds,
        finished=proved,
    )


def _held(folder: Path | None) -> contextlib.AbstractContextManager[None]:
    if folder is None:
        return contextlib.nullcontext()
    return only_one(folder, TrainingError(f"another process trains in {folder}; wait for it, or name another"))


def write_interpreter(
    result: Result,
    tasks: Sequence[Task],
    folder: Path,
    *,
    description: str,
    training: dict[str, Any],
    before: Any = None,
) -> Bundle:
    """Write a bundle of what was learned.

    Args:
        folder: its name is the bundle's.
        training: facts for the card: configuration, seed, seconds.
        before: what a bundle that this one came from knew already, by task.
    """
    graph = build_graph(result.core)
    known: dict[str, Known] = dict(before or {})
    for task in tasks:
        verdict = result.verdicts[task.name]
        known[task.name] = Known(
            recursion=task.recursion,
            signature_sha256=task.repertoire.fingerprint(),
            certificate=verdict.certificate,
            reason=verdict.reason,
        )
    card = Card(
        name=folder.name,
        kind=KIND,
        description=description,
        languages=(),
        licence="Apache-2.0",
        states=state_rows(result.core),
        training={"codling": __version__, "core": to_mapping(result.core.config), **training},
        data={"tasks": sorted(known)},
        curve=tuple(
            {"step": row.step, "loss_nats": round(row.loss_nats, 5), "wrong": sum(row.num_wrong.values())}
            for row in result.rounds
        ),
    )
    return write_bundle(folder, card, {"model.onnx": graph, "npi.json": write_known(result.library, known)})


def _judge(trainer: Trainer) -> dict[str, Verdict]:
    graph = build_graph(trainer.core)
    digest = hashlib.sha256(graph).hexdigest()
    network = Network(graph, trainer.library)
    verdicts = {}
    for pupil in trainer.pupils:
        frames = pupil.lessons.frames if pupil.provable else None
        verdicts[pupil.name] = verify(network, pupil.shelf.task, model_sha256=digest, frames=frames, search_s=_SEARCH_S)
    return verdicts


def _save(trainer: Trainer, config: NPIConfig, path: Path) -> None:
    tensors = {f"core.{name}": tensor for name, tensor in trainer.core.state_dict().items()}
    for index, state in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    for index, pupil in enumerate(trainer.pupils):
        tensors[f"pool.{index}"] = torch.from_numpy(pupil.pool)
        tensors[f"hard.{index}"] = torch.from_numpy(pupil.hard)
    about = {
        "config": to_mapping(config),
        "tasks": _describe(trainer.pupils),
        "number": trainer.number,
        "step": trainer.step,
        "seconds": trainer.seconds,
        "lr": trainer.optimizer.param_groups[0]["lr"],
        "random": trainer.random.bit_generator.state,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_tensors(path, tensors, about)


def _restore(trainer: Trainer, config: NPIConfig, path: Path) -> None:
    tensors, about = read_tensors(path)
    difference = first_difference(about["config"], to_mapping(config), ignore=("train.max_rounds",))
    if difference is not None:
        name, then, now = difference
        raise TrainingError(f"{path} is of a run with {name}={then}, not {now}; use --fresh to start over")
    if about["tasks"] != _describe(trainer.pupils):
        raise TrainingError(
            f"{path} is of a run with other tasks, or other versions of them; use --fresh to start over"
        )
    load_weights(
        trainer.core, {name[5:]: each for name, each in tensors.items() if name.startswith("core.")}, str(path)
    )
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam."):
            _, number, key = name.split(".")
            state.setdefault(int(number), {})[key] = tensor
    groups = trainer.optimizer.state_dict()["param_groups"]
    for group in groups:
        group["lr"] = about["lr"]
    trainer.optimizer.load_state_dict({"state": state, "param_groups": groups})
    for index, pupil in enumerate(trainer.pupils):
        pupil.pool, pupil.hard = (tensors[f"{part}.{index}"].numpy().astype(np.int64) for part in ("pool", "hard"))
    trainer.number, trainer.step, trainer.seconds = about["number"], about["step"], about["seconds"]
    trainer.random.bit_generator.state = about["random"]


def _describe(pupils: Sequence[Pupil]) -> dict[str, list[Any]]:
    return {
        pupil.name: [pupil.shelf.task.recursion, pupil.shelf.repertoire.fingerprint(), len(pupil.lessons.frames)]
        for pupil in pupils
    }
