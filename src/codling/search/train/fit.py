"""Train the encoder: pairs in, weights out.

A loop of its own: codling.training's reads lanes of tokens through a recurrent state; this one reads pairs out of
arrays, and a whole run takes minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from codling.errors import TrainingError
from codling.search.train.bags import Bags, Ragged
from codling.search.train.config import EncoderConfig, SearchRunConfig
from codling.search.train.mine import read_mined
from codling.search.train.net import BagEncoder, frequency_weights
from codling.search.train.teacher import Teacher
from codling.search.train.views import Views
from codling.search.train.vocabulary import learn_pieces
from codling.search.words import Pieces
from codling.training.optimizer import learning_rate

__all__ = ["Fitted", "Step", "fit", "learn_vocabulary", "start_vectors"]

_TEACHER_TOKENS = 16  # of a piece, spelt in the teacher's own pieces
_REPORT_EVERY = 50  # steps


@dataclass(frozen=True, kw_only=True)
class Step:
    """Means over the steps since the last report."""

    step: int
    loss_nats: float
    accuracy: float
    "Share of queries whose own code is the nearest of the batch."
    lr: float
    train_s: float


@dataclass(frozen=True)
class Fitted:
    """What training gives."""

    model: BagEncoder
    curve: tuple[Step, ...]
    train_s: float


def learn_vocabulary(folder: Path, config: EncoderConfig) -> Pieces:
    """The word pieces of all mined texts."""

    def texts() -> Iterator[tuple[str, str]]:
        for table in read_mined(folder):
            for columns in zip(table["project"], table["doc"], table["code"], strict=True):
                yield columns[0], columns[1]
                yield columns[0], columns[2]

    return Pieces(learn_pieces(texts(), config.num_pieces))


def start_vectors(pieces: Pieces, teacher: Teacher | None, config: EncoderConfig, seed: int) -> npt.NDArray[np.float32]:
    """Vectors of unit length to begin with: the teacher's main components, or random ones; float32 [V, D]."""
    if teacher is None:
        vectors_VD = np.random.default_rng(seed).normal(size=(len(pieces), config.dim))
    else:
        said = teacher.encode([pieces[number].removeprefix("##") for number in range(len(pieces))], _TEACHER_TOKENS)
        said -= said.mean(axis=0)
        if config.dim > said.shape[1]:
            raise TrainingError(
                f"the teacher's vectors have {said.shape[1]} dimensions; encoder.dim must not exceed it"
            )
        axes = np.linalg.svd(said, full_matrices=False)[2][: config.dim]
        vectors_VD = said @ axes.T
    lengths_V = np.maximum(np.linalg.norm(vectors_VD, axis=1, keepdims=True), 1e-6)
    start_VD: npt.NDArray[np.float32] = (vectors_VD / lengths_V).astype(np.float32)
    return start_VD


def fit(
    bags: Bags,
    start_VD: npt.NDArray[np.float32],
    config: SearchRunConfig,
    *,
    pieces: Pieces,
    paraphrases: Ragged | None = None,
    on_step: Callable[[Step, BagEncoder], None] | None = None,
) -> Fitted:
    """Train the configured number of runs, and take the mean of their weights.

    Runs that begin alike end in one basin, where the mean of the weights is better than any of them (Wortsman et al.
    2022, "Model soups"): what one run's random pairs made of it is averaged away.

    Args:
        paraphrases: for each unit those whose summary may ask for it; None for none.
        on_step: told now and then how it goes, with the model of the run that is on; steps are counted over all runs.

    Raises:
        TrainingError: too few units, or a loss that is not finite.
    """
    if len(bags) < max(config.fit.batch_sizes):
        raise TrainingError(
            f"{len(bags):,} units are less than one batch of {max(config.fit.batch_sizes):,}; mine more"
        )
    if config.fit.num_threads is not None:
        torch.set_num_threads(config.fit.num_threads)
    fields_G1 = np.array([*config.encoder.field_weights, 1.0])[:, None]
    weights_GV = torch.from_numpy((fields_G1 * frequency_weights(bags.piece_counts())).astype(np.float32))
    mean = BagEncoder(torch.from_numpy(start_VD), weights_GV, shared=config.encoder.shared)
    sums = [torch.zeros_like(each) for each in mean.parameters()]
    curve: list[Step] = []
    start = time.perf_counter()
    for run in range(config.fit.runs):
        model = BagEncoder(torch.from_numpy(start_VD), weights_GV, shared=config.encoder.shared)
        views = Views(
            bags,
            config.views,
            pieces=pieces,
            paraphrases=paraphrases,
            batch_size=config.fit.batch_size_of(run),
            seed=config.fit.seed + run,
        )
        done = sum(map(config.fit.steps_of, range(run)))
        for step in _train(model, views, config, config.fit.steps_of(run)):
            curve.append(replace(step, step=done + step.step, train_s=time.perf_counter() - start))
            if on_step is not None:
                on_step(curve[-1], model)
        for total, trained in zip(sums, model.parameters(), strict=True):
            total += trained.detach()
    with torch.no_grad():
        for parameter, total in zip(mean.parameters(), sums, strict=True):
            parameter.copy_(total / config.fit.runs)
    return Fitted(mean, tuple(curve), time.perf_counter() - start)


def _train(model: BagEncoder, views: Views, config: SearchRunConfig, num_steps: int) -> Iterator[Step]:
    """One run; how it goes, now and then."""
    optimizer = torch.optim.Adam(
        [{"params": model.tables()}, {"params": model.weights()}],
        lr=config.optim.lr,
        betas=(config.optim.beta1, config.optim.beta2),
        eps=config.optim.eps,
        fused=True,
    )
    recent: list[tuple[float, float]] = []
    start = time.perf_counter()
    for step in range(1, num_steps + 1):
        lr = learning_rate(config.optim, step - 1, num_steps)
        for group, factor in zip(optimizer.param_groups, (1.0, config.weight_lr / config.optim.lr), strict=True):
            group["lr"] = lr * factor
        loss, accuracy = model.loss(*views.next())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        recent.append((loss.item(), accuracy.item()))
        if not np.isfinite(recent[-1][0]):
            raise TrainingError(
                f"the loss became {recent[-1][0]} at step {step:,}; lower optim.lr ({config.optim.lr:g})"
            )
        if step % _REPORT_EVERY == 0 or step == num_steps:
            means = np.mean(recent, axis=0)
            recent.clear()
            yield Step(
                step=step,
                loss_nats=float(means[0]),
                accuracy=float(means[1]),
                lr=lr,
                train_s=time.perf_counter() - start,
            )
