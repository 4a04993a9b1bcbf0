"""Training a writer, and what says its descriptions back."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from codling.errors import InputError, TrainingError
from codling.files import write_text_atomically
from codling.training.device import pick_device
from codling.trees.writing.batches import Collator, in_batches, num_steps
from codling.trees.writing.config import WriterRun
from codling.trees.writing.epochs import SCORE_STEPS, Epochs, best_weights
from codling.trees.writing.growing import grow_lexicon, grow_weights
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.network import WriterNet
from codling.trees.writing.pairs import Pair, Read
from codling.trees.writing.reconstruction_net import Reconstruction
from codling.trees.writing.reconstruction_train import CHECKPOINT as RECONSTRUCTION
from codling.trees.writing.reconstruction_train import ReconstructionLesson
from codling.trees.writing.renaming import Renaming
from codling.trees.writing.steps import Example, example_of
from codling.trees.writing.watching import Epoch, Score, Watcher

__all__ = ["Trained", "score", "train_writer"]

_LEXICON = "lexicon.json"
_CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained writer: the network has the best epoch's weights."""

    lexicon: Lexicon
    net: WriterNet
    run: WriterRun
    epochs: tuple[Epoch, ...]
    best: int
    "Number of the epoch that is kept."
    interrupted: bool
    device: str
    reconstruction: Reconstruction | None = None
    "What says descriptions back; None where the run has none."
    reconstruction_epochs: tuple[Epoch, ...] = ()


def train_writer(
    pairs: Sequence[Pair],
    development: Mapping[str, Sequence[Pair]],
    run: WriterRun,
    folder: Path,
    *,
    times: Sequence[int] | None = None,
    init: Path | None = None,
    fresh: bool = False,
    device: str = "auto",
    watcher: Watcher | None = None,
) -> Trained:
    """Train until the epochs are done or development stops improving; goes on from the folder's checkpoints.

    Args:
        development: pairs by the name of their set; the best epoch has the best mean over sets of the greedy share
            right, then of the nats per step. Programs that need a production the training pairs lack count as wrong.
        folder: where the checkpoints are kept; made if need be.
        times: how often each pair is read in an epoch, so that a small set counts as much as a large one; by default
            once.
        init: folder of another run, to start from the weights that it kept, with its lexicon, which ``run.grow`` may
            let grow.
        fresh: start over, whatever the folder holds.
        watcher: is told how the writer, and then what says descriptions back, come along.

    Raises:
        TrainingError: no pairs, none to choose an epoch by, no run to start from, or a checkpoint that is damaged or of
            another configuration.
    """
    if not pairs or not any(development.values()):
        raise TrainingError("there are no pairs to train on, or none to choose the best epoch by")
    picked = pick_device(device, "auto")
    if picked.torch.type != "cpu":
        raise TrainingError("writers train on the CPU; leave the device out")
    read = [pair.read() for pair in pairs]
    lexicon = _lexicon_for(read, run, init)
    write_text_atomically(folder / _LEXICON, json.dumps(lexicon.to_json(), ensure_ascii=False))
    teachable, examples, counts = _teachable(read, times or [1] * len(pairs), lexicon)
    if not teachable:
        raise TrainingError("no pair is left to train on: the lexicon that is started from lacks what each needs")
    held_out = {name: [pair.read() for pair in each] for name, each in development.items()}
    often = [pair for pair, count in zip(teachable, counts, strict=True) for _ in range(count)]
    lesson = _Writing(lexicon, often, examples, held_out, run)
    begins_with = None
    if init is not None:
        begins_with = grow_weights(best_weights(init / _CHECKPOINT), _lexicon_of(init), lexicon)
    if fresh:
        for name in (_CHECKPOINT, RECONSTRUCTION):
            (folder / name).unlink(missing_ok=True)
    epochs = Epochs(lesson, run, run.epochs, folder / _CHECKPOINT, picked, begins_with, watcher)
    back = epochs_back = None
    if run.reconstruct:  # before anything is trained: what is wrong with its files is said at once
        back = ReconstructionLesson(lexicon, teachable, held_out, run, folder, init)
        checkpoint = folder / RECONSTRUCTION
        epochs_back = Epochs(back, run, run.reconstruct, checkpoint, picked, back.begins_with, watcher)
    done = epochs.train()
    trained = Trained(lexicon, lesson.net, run, tuple(epochs.epochs), epochs.best, not done, picked.name)
    if back is None or epochs_back is None or not done:
        return trained
    done = epochs_back.train()
    return dataclasses.replace(
        trained, interrupted=not done, reconstruction=back.net, reconstruction_epochs=tuple(epochs_back.epochs)
    )


class _Writing:
    """The lesson: programs from descriptions."""

    what = "programs from descriptions"
    unrelated = "reconstruct"

    def __init__(
        self,
        lexicon: Lexicon,
        pairs: Sequence[Read],
        examples: Sequence[Example],
        development: Mapping[str, Sequence[Read]],
        run: WriterRun,
    ) -> None:
        self._lexicon, self.examples = lexicon, examples
        self._renaming = Renaming(pairs, lexicon)
        self._development = {name: _examples(each, lexicon) for name, each in development.items()}
        if not any(self._development.values()):
            raise TrainingError("the training pairs lack what every development program needs; are they of one kind?")
        self._sizes = {name: len(each) for name, each in development.items()}
        torch.manual_seed(run.seed)
        self.net = WriterNet(lexicon, run.model)
        self._collate = Collator(lexicon)

    def drawn(self, i: int, rng: random.Random) -> Example | None:
        found = self._renaming.draw(i, rng)
        return None if found is None else example_of(*found, self._lexicon)

    def length(self, example: Example) -> int:
        return num_steps(example)

    def loss(self, batch: list[Example]) -> tuple[Tensor, int]:
        losses = self.net.loss(self._collate(batch))
        return losses.nats, losses.steps

    def scores(self) -> dict[str, Score]:
        return {
            name: score(self.net, self._collate, examples, self._sizes[name])
            for name, examples in self._development.items()
        }


def _lexicon_for(read: Sequence[Read], run: WriterRun, init: Path | None) -> Lexicon:
    if init is None:
        return Lexicon.of(read, num_pieces=run.num_pieces, min_count=run.min_count)
    lexicon = _lexicon_of(init)
    return grow_lexicon(lexicon, read, run.grow) if run.grow else lexicon


def _lexicon_of(init: Path) -> Lexicon:
    try:
        return Lexicon.from_json((init / _LEXICON).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{init} is no run of a writer to start from ({error})") from None


def _teachable(
    read: Sequence[Read], times: Sequence[int], lexicon: Lexicon
) -> tuple[list[Read], list[Example], list[int]]:
    """Pairs without those that need what the lexicon of another run lacks; their steps, each as often as it is read in
    an epoch; and how often that is."""
    pairs, examples, counts = [], [], []
    for pair, count in zip(read, times, strict=True):
        if count < 1:
            continue
        with contextlib.suppress(InputError):
            examples += [example_of(*pair, lexicon)] * count
            pairs.append(pair)
            counts.append(count)
    return pairs, examples, counts


def _examples(pairs: Sequence[Read], lexicon: Lexicon) -> list[Example]:
    """Those whose productions the lexicon has."""
    found = []
    for words, tree in pairs:
        with contextlib.suppress(InputError):
            found.append(example_of(words, tree, lexicon))
    return found


@torch.no_grad()
def score(net: WriterNet, collate: Collator, examples: Sequence[Example], out_of: int) -> Score:
    """Score examples in batches.

    Args:
        out_of: examples that the share of right ones is of; those that the lexicon cannot write are wrong.
    """
    was_training = net.training
    net.eval()
    nats = steps = right = 0.0
    for batch in in_batches(examples, SCORE_STEPS, None, num_steps):
        losses = net.loss(collate(batch))
        nats += float(losses.nats)
        steps += losses.steps
        right += int(losses.right_B.sum())
    net.train(was_training)
    return Score(nats / max(1, steps), right / max(1, out_of))
