"""How a network came to its weights, when it was trained in several runs, each going on from the one before."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codling.errors import TrainingError
from codling.training.checkpoint import digest_of, read_tensors
from codling.training.run import CurveRow, RunFolder

__all__ = ["read_history"]

_SUMS = ("step", "epoch", "tokens", "train_s")
"Fields of a row that count from the start of the run; over several runs they go on."


def read_history(folders: Sequence[Path]) -> tuple[list[CurveRow], list[dict[str, Any]]]:
    """The curve over several runs, and what each of them was.

    Args:
        folders: of the runs, oldest first. Each but the first was started with ``--init`` from the one before.

    Returns:
        The rows of all validations up to the weights that were gone on from, counted from the very start; and of each
        run its settings and its part of the steps, tokens and seconds.

    Raises:
        TrainingError: a folder is no run, or did not start from the one before.
    """
    rows: list[CurveRow] = []
    runs: list[dict[str, Any]] = []
    done = dict.fromkeys(_SUMS, 0.0)
    digest: str | None = None
    for folder in folders:
        weights, about = read_tensors(RunFolder(folder).best)
        try:
            config, best = about["config"], CurveRow(**about["row"])
        except (KeyError, TypeError) as error:
            raise TrainingError(f"{folder} holds no run that this codling knows ({error})") from None
        if digest is not None and config.get("init") != digest:
            raise TrainingError(f"the run {folder} did not start from the weights of the run named before it")
        digest = digest_of(weights)
        known = (CurveRow(**json.loads(line)) for line in (folder / "curves.jsonl").read_text("utf-8").splitlines())
        rows += [_moved(row, done) for row in known if row.step <= best.step or folder == folders[-1]]
        runs.append(
            {name: getattr(best, name) for name in _SUMS}
            | {"device": about.get("device", ""), "optim": config["optim"], "loop": config["loop"]}
            | {"corpus_tokens": config["data"]["training"]["tokens"]}
        )
        done = {name: done[name] + getattr(best, name) for name in _SUMS}
    return rows, runs


def _moved(row: CurveRow, done: dict[str, float]) -> CurveRow:
    sums = {name: type(getattr(row, name))(getattr(row, name) + done[name]) for name in _SUMS}
    return dataclasses.replace(row, **sums)
