"""Train until it is proved: rounds of steps, each followed by a proof whose counterexamples join the lessons."""

# B batch, T time, P rows of programs

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codling.npi.examine import Examination, examine
from codling.npi.frames import Frames
from codling.npi.library import Ints, Library, Shelf
from codling.npi.network import Network
from codling.npi.reach import reach
from codling.npi.record import record
from codling.npi.task import Task, drawn
from codling.npi.train.config import NPIConfig
from codling.npi.train.graph import build_graph
from codling.npi.train.lessons import Batch, Lessons, merge
from codling.npi.train.net import Core

__all__ = ["Pupil", "Round", "Trainer", "loss_of", "make_pupils"]

_LOWEST_LR = 0.1  # of the first one
_NO_SCORE = -1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """Where training stands after a proof."""

    number: int
    step: int
    loss_nats: float
    "Of the last batch, per frame."
    num_wrong: dict[str, int]
    "Decisions that are wrong, or not sure enough, by task."
    num_decisions: int
    num_lessons: int
    "Frames that are practised."
    seconds: float
    "Of all rounds so far."

    @property
    def proved(self) -> bool:
        return not any(self.num_wrong.values())


class Pupil:
    """One task as it is learned: all its frames, and those that are practised."""

    def __init__(self, shelf: Shelf, frames: Frames, first: Ints, provable: bool) -> None:
        self.shelf = shelf
        self.lessons = Lessons(shelf, frames)
        self.pool = first
        "Frames that are practised, by the number of their last node."
        self.hard = first
        "Those of them that were wrong at the last proof."
        self.provable = provable
        "The frames are all that there are, not only those of the practice problems."

    @property
    def name(self) -> str:
        return self.shelf.task.name


def make_pupils(
    tasks: Sequence[Task], library: Library, config: NPIConfig, on_step: Callable[[str], None] = lambda _: None
) -> list[Pupil]:
    """Find the frames of each task, and the first lessons: the traces of practice problems."""
    pupils = []
    for task in tasks:
        provable = task.recursion == "full"
        frames = reach(task) if provable else Frames(task.repertoire)
        chance = random.Random(config.train.seed)
        sizes = [1 + index % task.train_size for index in range(config.train.num_problems)]
        traces = record(task, [drawn(task, chance, size) for size in sizes], frames)
        first = np.unique(np.concatenate([np.array(ends, np.int64) for ends in traces]))
        on_step(
            f"{task.name}: {frames.num_frames:,} frames with {len(frames):,} decisions, "
            f"{len(first):,} of them from {len(traces)} practice problems"
        )
        pupils.append(Pupil(Shelf(library, task), frames, first, provable))
    return pupils


class Trainer:
    """Holds a core, its pupils and the optimiser; one call of round is steps of training and a proof."""

    def __init__(self, core: Core, pupils: Sequence[Pupil], library: Library, config: NPIConfig) -> None:
        self.core, self.pupils, self.library, self.config = core, list(pupils), library, config.train
        parameters = [each for each in core.parameters() if each.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=config.train.lr, betas=(0.9, 0.98), fused=True)
        self.random = np.random.default_rng(config.train.seed)
        self.number = self.step = 0
        self.seconds = 0.0

    def round(self, progress: Callable[[int, int], None] = lambda _done, _total: None) -> Round:
        """Train, prove, and take the counterexamples into the lessons."""
        began = time.monotonic()
        loss = self._practise(progress)
        self.number += 1
        network = self.network()
        wrong, rates = {}, []
        for pupil in self.pupils:
            # What is practised first: as long as that is wrong, no more counterexamples are needed.
            wrong[pupil.name] = self._teach(pupil, self._examine(network, pupil, all_frames=False))
            if not wrong[pupil.name]:
                wrong[pupil.name] = self._teach(pupil, self._examine(network, pupil, all_frames=True))
            rates.append(len(pupil.hard) / len(pupil.pool) if wrong[pupil.name] else 0.0)
        lr = self.config.lr * (1.0 if self.config.keep_lr else min(1.0, max(_LOWEST_LR, max(rates) ** 0.5)))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.seconds += time.monotonic() - began
        return Round(
            number=self.number,
            step=self.step,
            loss_nats=float(loss.detach()),
            num_wrong=wrong,
            num_decisions=sum(len(pupil.lessons.frames) for pupil in self.pupils),
            num_lessons=sum(len(pupil.pool) for pupil in self.pupils),
            seconds=self.seconds,
        )

    def network(self) -> Network:
        """The core as it stands, as the graph that would ship."""
        return Network(build_graph(self.core), self.library)

    def _practise(self, progress: Callable[[int, int], None]) -> Tensor:
        """Train on the lessons until all are right, or for as long as a round may take; the last batch's loss."""
        loss = torch.tensor(0.0)
        for done in range(1, self.config.steps_per_round + 1):
            loss = self._train(self._batch())
            self.step += 1
            progress(done, self.config.steps_per_round)
            if done % self.config.steps_per_check == 0:
                network = self.network()
                examined = (self._examine(network, pupil, all_frames=False) for pupil in self.pupils)
                if not any(len(each.wrong(self.config.margin)) for each in examined):
                    break
        return loss

    def _examine(self, network: Network, pupil: Pupil, *, all_frames: bool) -> Examination:
        return examine(network, pupil.shelf, pupil.lessons.frames, leaves=None if all_frames else pupil.pool)

    def _teach(self, pupil: Pupil, examination: Examination) -> int:
        wrong = examination.wrong(self.config.margin)
        if len(wrong):
            picked = wrong
            if len(picked) > self.config.max_new_frames:
                picked = self.random.choice(picked, self.config.max_new_frames, replace=False)
            pupil.hard = pupil.lessons.leaves(picked)
            pupil.pool = np.union1d(pupil.pool, pupil.hard)
        else:
            pupil.hard = pupil.pool
        return len(wrong)

    def _batch(self) -> Batch:
        """Half of what was wrong last, half of all; tasks in proportion to their frames, none of them left out."""
        half = self.config.batch_size // 2
        parts = []
        for pool in ("pool", "hard"):
            sizes = np.array([len(getattr(pupil, pool)) for pupil in self.pupils], float) ** 0.5
            parts.append(np.maximum(1, half * sizes / sizes.sum()).astype(int))
        batches = []
        for pupil, num_any, num_hard in zip(self.pupils, *parts, strict=True):
            leaves = np.concatenate([self._draw(pupil.pool, num_any), self._draw(pupil.hard, num_hard)])
            batches.append(pupil.lessons.batch(leaves))
        return merge(batches)

    def _draw(self, pool: Ints, count: int) -> Ints:
        return pool[self.random.integers(0, len(pool), count)]

    def _train(self, batch: Batch) -> Tensor:
        loss = loss_of(self.core, batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.core.parameters(), self.config.clip_norm)
        self.optimizer.step()
        return loss


def loss_of(core: Core, batch: Batch) -> Tensor:
    """Negative log-likelihood of the teacher's decisions, in nats per frame."""
    stop, scores, arguments = core(batch.program_B, batch.arguments_BA, batch.observations_BTK)
    real = batch.real_BT
    calls = real & ~batch.stop_BT
    loss = functional.binary_cross_entropy_with_logits(stop[real], batch.stop_BT[real].float(), reduction="sum")
    scores = scores.masked_fill(~batch.allowed_BP[:, None], _NO_SCORE)
    loss = loss + functional.cross_entropy(scores[calls], batch.callee_BT[calls], reduction="sum")
    given = batch.given_BTA & calls[..., None]
    if given.any():
        loss = loss + functional.cross_entropy(arguments[given], batch.values_BTA[given], reduction="sum")
    return loss / len(real)
