"""Fine-tune a bundle on one's own code, within minutes on a CPU, and measure what that gained.

Adapting to a project gains more than many times the data does (Karampatsis et al. 2020; Hellendoorn & Devanbu 2017).
What the model knew before is kept by mixing other code in, and by stopping when held-out files say so.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from codling import __version__
from codling.bundle import Bundle, check_target, user_bundles
from codling.config import to_mapping
from codling.corpus.own import OwnCode, read_own_code
from codling.corpus.sources import cache_folder
from codling.lm.adapt_config import AdaptConfig
from codling.lm.adapt_plan import PLAN, AdaptTask, Deadline, plan, run_config
from codling.lm.adapt_result import Adaptation, export_adapted, measure
from codling.lm.adapt_texts import deal, shards
from codling.lm.restore import model_config, restore
from codling.training.checkpoint import digest_of, load_weights, weights_of
from codling.training.loop import train
from codling.training.observer import Observer

__all__ = ["AdaptConfig", "Adaptation", "adapt", "adapted_name"]

_EXPORT_S = 15.0  # to write and quantise a graph
_TIME_IS_UP = ("the machine became slower, so time was up before the planned steps were done; --minutes allows more",)
_KEPT_S = 30 * 86_400.0  # seconds after which a run that nobody went on with is removed


def adapt(
    bundle: Bundle,
    folder: Path,
    config: AdaptConfig | None = None,
    *,
    other: Path | None = None,
    out: Path | None = None,
    run: Path | None = None,
    fresh: bool = False,
    observer: Observer | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> Adaptation:
    """Fine-tune a bundle on a folder of code and write what came out as a bundle, if it predicts held-out files better.

    Interrupted, the same call goes on where it was, as long as the code is the same. Nothing leaves this machine.

    Args:
        folder: one's own code; .gitignore is respected.
        other: other code, on which to see what was forgotten; None takes Python's standard library for a bundle that
            knows Python, and nothing for others.
        out: folder of the new bundle; None puts it among the user's own, under adapted_name.
        run: folder of the run, which then stays; None keeps it in the user's cache until it has ended.
        fresh: start over, even if a run was interrupted.
        on_step: told what is being done besides training.

    Raises:
        BundleError: the bundle cannot be trained any further, or out is something else.
        CorpusError: the folder cannot be read.
        TrainingError: there is too little code, or too little time.
    """
    started = time.monotonic()
    config = config or AdaptConfig()
    model_config(bundle)  # what cannot be done is refused before anything else is done
    if out is not None:
        check_target(out)
    on_step(f"reading {folder}")
    own = read_own_code(folder, bundle.card.languages, bundle.card.cleaning)
    texts = deal(bundle, own, config, other)
    model, vocab = restore(bundle)
    weights = weights_of(model)
    training, validation = shards(texts, vocab, config, folder)

    on_step(f"measuring {bundle.name}")
    began = time.monotonic()
    before = measure(bundle, texts.measured)
    measured_s = time.monotonic() - began
    end = started + config.minutes * 60 - measured_s - _EXPORT_S  # measuring again takes as long

    run_folder = run or _run_folder(bundle, own, config)
    if fresh:
        (run_folder / PLAN).unlink(missing_ok=True)
    task = AdaptTask(run_config(bundle, config), vocab)
    load_weights(task.module, weights)
    planned = plan(run_folder, task, training, validation, config, end - time.monotonic())
    deadline = Deadline(observer or Observer(), end)
    outcome = train(
        task,
        training,
        validation,
        optim=planned.optim,
        loop=planned.loop,
        folder=run_folder,
        fresh=fresh,
        init=digest_of(weights),
        observer=deadline,
    )
    result = Adaptation(
        base=bundle.name,
        bundle=None,
        own=own,
        dealt=texts.dealt,
        outcome=outcome,
        run=run_folder,
        measures=before,
        notes=texts.notes + (_TIME_IS_UP if deadline.was_reached and outcome.ended == "stopped" else ()),
        seconds=time.monotonic() - started,
    )
    if result.was_interrupted:
        return result
    target = out or user_bundles() / adapted_name(bundle.name, own.name)
    on_step(f"measuring {target.name}")
    result = export_adapted(bundle, task.module.cpu(), planned, result, texts.measured, target)
    if run is None:
        shutil.rmtree(run_folder, ignore_errors=True)
    return dataclasses.replace(result, seconds=time.monotonic() - started)


def adapted_name(base: str, folder: str) -> str:
    """Name of the bundle that adapting to a folder makes; adapting it to the same folder again keeps it."""
    plain = "-".join("".join(c if c.isalnum() or c in "._" else " " for c in folder).split()).strip(".") or "own"
    return base if base.endswith(f"-{plain}") else f"{base}-{plain}"


def _run_folder(bundle: Bundle, own: OwnCode, config: AdaptConfig) -> Path:
    """Where the run of these weights on this code lies; runs that were given up long ago go."""
    folder = cache_folder() / "adapt"
    for old in folder.iterdir() if folder.is_dir() else ():
        if time.time() - old.stat().st_mtime > _KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    says = [__version__, bundle.card.files["model.onnx"].sha256, own.identity, to_mapping(config)]
    return folder / hashlib.sha256(json.dumps(says).encode()).hexdigest()[:24]
