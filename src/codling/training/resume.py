"""All that a run needs to go on: written into a checkpoint, and taken out of one again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from codling.config import first_difference
from codling.corpus.shards import ShardSet
from codling.errors import TrainingError
from codling.training.checkpoint import load_weights, read_tensors, weights_of, write_tensors
from codling.training.run import Progress
from codling.training.steps import Steps
from codling.training.task import leaves, with_leaves

__all__ = ["fingerprint", "restore", "save"]

_ONLY_HOW = {"device", "num_threads", "compile", "checkpoint_every", "checkpoint_s", "sample_every", "patience"}
"Loop settings that do not change what a step computes; a run may go on under others."


def save(
    path: Path, steps: Steps, best_weights: dict[str, Tensor] | None, progress: Progress, config: dict[str, Any]
) -> None:
    """Write a checkpoint, atomically."""
    tensors = {f"model.{name}": tensor for name, tensor in weights_of(steps.module).items()}
    for index, values in steps.optimizer.state_dict()["state"].items():
        tensors |= {f"optim.{index}.{name}": value for name, value in values.items()}
    tensors |= {f"state.{i}": leaf for i, leaf in enumerate(leaves(steps.state))}
    tensors |= {f"best.{name}": tensor for name, tensor in (best_weights or {}).items()}
    tensors["rng.cpu"] = torch.get_rng_state()
    if steps.device.type == "cuda":
        tensors["rng.cuda"] = torch.cuda.get_rng_state(steps.device)
    write_tensors(path, tensors, {"config": config, "progress": progress.to_mapping()})


def restore(path: Path, steps: Steps, config: dict[str, Any]) -> tuple[Progress, dict[str, Tensor] | None]:
    """Put the steps where a checkpoint's were, the random numbers too.

    Args:
        config: of the run that goes on; it takes over the checkpoint's "init" if it names none itself.

    Returns:
        Where the run stands, and its best weights, if it had any.

    Raises:
        TrainingError: the checkpoint is damaged, or of a configuration that would have given another one.
    """
    tensors, about = read_tensors(path)
    then = about.get("config", {})
    if "init" in then and "init" not in config:  # the checkpoint has come on from there; it is enough
        config["init"] = then["init"]
    _check_same(then, config, path)
    try:
        progress = Progress.from_mapping(about["progress"])
    except (KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged ({error}); train with --fresh to start over") from None
    load_weights(steps.module, _part(tensors, "model."), str(path))
    optimizer_state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _part(tensors, "optim.").items():
        index, _, key = name.partition(".")
        optimizer_state.setdefault(int(index), {})[key] = tensor
    groups = steps.optimizer.state_dict()["param_groups"]
    steps.optimizer.load_state_dict({"state": optimizer_state, "param_groups": groups})
    carried = _part(tensors, "state.")
    steps.start_over()
    steps.state = with_leaves(steps.state, [carried[str(i)].to(steps.device) for i in range(len(carried))])
    torch.set_rng_state(tensors["rng.cpu"])
    if steps.device.type == "cuda" and "rng.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng.cuda"], steps.device)
    return progress, {name: tensor.to(steps.device) for name, tensor in _part(tensors, "best.").items()} or None


def fingerprint(shards: ShardSet) -> dict[str, Any]:
    """What tells one text from another without reading all of it: its length, and a digest of 64 places in it."""
    digest = hashlib.sha256()
    for shard in shards.shards:
        for start in np.linspace(0, max(0, len(shard) - 1024), num=max(1, 64 // len(shards.shards))).astype(int):
            digest.update(np.ascontiguousarray(shard[start : start + 1024]).tobytes())
    return {"split": shards.split, "tokens": shards.num_tokens, "digest": digest.hexdigest()[:16]}


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _check_same(then: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    free = {f"loop.{name}" for name in _ONLY_HOW}
    if now["optim"]["schedule"] == "constant":  # its steps do not depend on the end
        free |= {"loop.max_steps", "loop.max_epochs"}
    found = first_difference(then, now, ignore=free)
    if found is not None:
        name, before, after = found
        raise TrainingError(
            f"the checkpoint {path} was made with {name} = {before!r}, not {after!r}; "
            "set it back, choose another --run folder, or start over with --fresh"
        )
