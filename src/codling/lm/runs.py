"""A whole run of a language model: corpus and configuration in, trained network, run folder and bundle out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codling import __version__
from codling.bundle import Bundle, check_target, load_bundle
from codling.config import from_mapping
from codling.corpus.shards import ShardSet, open_shards, read_index
from codling.errors import ConfigError, TrainingError
from codling.lm.config import RunConfig
from codling.lm.history import read_history
from codling.lm.task import LanguageModelTask
from codling.training.checkpoint import digest_of, load_known_weights, load_weights, read_tensors, weights_of
from codling.training.loop import train
from codling.training.observer import Observer
from codling.training.outcome import Outcome
from codling.training.run import CurveRow, RunFolder
from codling.vocab import Vocab

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TrainedRun", "export_folder", "export_run", "has_checkpoint", "open_corpus", "train_language_model"]


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """A run that has ended, for now or for good; the task's network holds the best weights."""

    config: RunConfig
    task: LanguageModelTask
    outcome: Outcome
    folder: Path
    bundle: Bundle | None
    "None when none was asked for, or the run was cut short."

    def summary(self) -> dict[str, Any]:
        """What came out, as plain data."""
        best, outcome = self.outcome.best, self.outcome
        return {
            "name": self.config.name,
            "run": str(self.folder),
            "bundle": str(self.bundle.path) if self.bundle else None,
            "ended": outcome.ended,
            "steps": outcome.step,
            "tokens": outcome.tokens,
            "train_s": round(outcome.train_s, 3),
            "s_per_epoch": round(outcome.s_per_epoch, 3),
            "tokens_per_s": round(outcome.tokens_per_s, 1),
            "device": outcome.device,
            "best": dataclasses.asdict(best) if best else None,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        best, outcome = self.outcome.best, self.outcome
        effort = f"{outcome.step:,} steps, {outcome.tokens:,} tokens in {outcome.train_s:,.0f} s"
        lines = [f"{self.config.name}: {effort} ({outcome.tokens_per_s:,.0f} tokens/s) on {outcome.device}"]
        if best is not None and best.val_loss_nats is not None:
            lines.append(
                f"best at step {best.step:,}: validation loss {best.val_loss_nats:.4f} nats, "
                f"accuracy {best.val_accuracy:.4f}"
            )
        lines.append(f"report: {RunFolder(self.folder).report}")
        if self.bundle is not None:
            lines.append(f"bundle: {self.bundle.path} ({self.bundle.num_bytes / 1e6:.1f} MB)")
        return lines


def train_language_model(
    config: RunConfig,
    corpus: Path,
    folder: Path,
    *,
    fresh: bool = False,
    init: str | Path | None = None,
    bundle: Path | None = None,
    observer: Observer | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> TrainedRun:
    """Train, or go on from the folder's checkpoint, and write a bundle once the run has ended.

    Args:
        folder: the run's folder; made if need be.
        init: folder of a run, or a bundle's name or path, whose weights a new run starts from; what it lacks keeps its
            fresh start, and the observer is told what that is. A run that goes on from a checkpoint does not need it,
            and refuses another.
        bundle: where to write the bundle; None writes none.
        on_step: told what is being done after training.

    Raises:
        CorpusError: no corpus there.
        BundleError: the bundle's place is taken by something else.
        TrainingError: as codling.training.loop.train; or init is no run, or of a model of other shapes.
    """
    if bundle is not None:
        check_target(bundle)
    training, validation = open_corpus(corpus)
    task = LanguageModelTask(config, training.vocab)
    digest = None if init is None else _start_from(init, task, observer or Observer())
    outcome = train(
        task,
        training,
        validation,
        optim=config.optim,
        loop=config.loop,
        folder=folder,
        fresh=fresh,
        init=digest,
        observer=observer,
    )
    run = TrainedRun(config=config, task=task, outcome=outcome, folder=folder, bundle=None)
    if bundle is None or outcome.ended == "interrupted":
        return run
    return dataclasses.replace(run, bundle=export_run(run, corpus, bundle, on_step=on_step))


def _start_from(source: str | Path, task: LanguageModelTask, observer: Observer) -> str:
    """Give a task's network the weights of a run or a bundle, say what they leave out, and return their digest."""
    if RunFolder(Path(source)).best.is_file():
        weights, _ = read_tensors(RunFolder(Path(source)).best)
    else:
        weights = _weights_of_bundle(source, task.vocab)
    fresh, unused = load_known_weights(task.module, weights, str(source))
    if fresh:
        observer.noted(f"not in {source}, so they start fresh: {', '.join(fresh)}")
    if unused:
        observer.noted(f"in {source}, but this model has no use for them: {', '.join(unused)}")
    return digest_of(weights)


def _weights_of_bundle(source: str | Path, vocab: Vocab) -> dict[str, Tensor]:
    from codling.lm.restore import restore

    if (Path(source) / "config.json").is_file():
        raise TrainingError(f"{source} is a run without weights yet; it has them after its first validation")
    model, known = restore(load_bundle(source))
    if known.to_json() != vocab.to_json():
        raise TrainingError(
            f"the bundle {source} has another vocabulary than the corpus; encode the corpus with its own"
        )
    return weights_of(model)


def export_run(run: TrainedRun, corpus: Path, out: Path, *, on_step: Callable[[str], None] = lambda _: None) -> Bundle:
    """Write a run's best weights as a bundle, with all that its card should say of the training."""
    import torch

    from codling.lm.export import export_bundle

    outcome = run.outcome
    training = {
        "seed": run.config.loop.seed,
        "device": outcome.device,
        "train_s": round(outcome.train_s, 1),
        "steps": outcome.step,
        "best_step": outcome.best.step if outcome.best else outcome.step,
        "tokens": outcome.tokens,
        "codling": __version__,
        "torch": str(torch.__version__),
    }
    return export_bundle(
        run.task.module.cpu(),
        run.config,
        corpus,
        out,
        training=training,
        curve=_plain_curve(outcome.rows),
        on_step=on_step,
    )


def export_folder(
    folder: Path,
    corpus: Path,
    out: Path,
    *,
    before: Sequence[Path] = (),
    description: str = "",
    on_step: Callable[[str], None] = lambda _: None,
) -> Bundle:
    """Write a bundle from the best weights that a run's folder holds, ended or not, on this machine or another.

    Args:
        before: the runs whose weights this one came on from, oldest first, for the card.

    Raises:
        BundleError: the bundle's place is taken by something else.
        CorpusError: no corpus there.
        TrainingError: the folder is no run, its weights are missing or damaged, or it did not come on from before.
    """
    from codling.lm.export import export_bundle

    check_target(out)
    weights, about = read_tensors(RunFolder(folder).best)
    try:
        asked = about["config"]
        config = from_mapping(
            RunConfig,
            {"name": out.name, "description": description, "model": asked["task"]["model"]}
            | {part: asked[part] for part in ("optim", "loop")},
        )
    except (KeyError, TypeError, ConfigError) as error:
        raise TrainingError(f"{folder} holds no run of a language model that this codling knows ({error})") from None
    task = LanguageModelTask(config, open_shards(corpus, "train").vocab)
    load_weights(task.module, weights, str(folder))
    rows, runs = read_history([*before, folder])
    training = {
        "seed": config.loop.seed,
        "device": runs[-1]["device"],
        "train_s": round(sum(run["train_s"] for run in runs), 1),
        "best_step": sum(run["step"] for run in runs),
        "tokens": sum(run["tokens"] for run in runs),
        "epochs": round(sum(run["epoch"] for run in runs), 2),
        "codling": __version__,
    }
    if before:
        training["runs"] = runs
    return export_bundle(task.module, config, corpus, out, training=training, curve=_plain_curve(rows), on_step=on_step)


def _plain_curve(rows: Sequence[CurveRow]) -> list[dict[str, float]]:
    return [{name: value for name, value in dataclasses.asdict(row).items() if value is not None} for row in rows]


def open_corpus(corpus: Path) -> tuple[ShardSet, ShardSet | None]:
    """The training split of a corpus, and its validation split if it has one.

    Raises:
        CorpusError: no corpus there, or it is damaged.
    """
    splits = read_index(corpus)["splits"]
    return open_shards(corpus, "train"), open_shards(corpus, "valid") if "valid" in splits else None


def has_checkpoint(folder: Path) -> bool:
    """Whether a run's folder holds something to go on from."""
    return RunFolder(folder).checkpoint.is_file()
