"""Training what says descriptions back from programs."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from codling.errors import BundleError, TrainingError
from codling.files import write_text_atomically
from codling.trees.grammar.tree import Tree, actions_of
from codling.trees.writing.batches import in_batches
from codling.trees.writing.config import WriterRun
from codling.trees.writing.epochs import SCORE_STEPS, best_weights
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.pairs import Read
from codling.trees.writing.reconstruction import TABLES, Retold, Tables, retold, said_by
from codling.trees.writing.reconstruction_net import Reconstruction, RetoldCollator
from codling.trees.writing.renaming import Renaming
from codling.trees.writing.watching import Score
from codling.trees.writing.words import Word

__all__ = ["CHECKPOINT", "ReconstructionLesson"]

CHECKPOINT = "reconstruction.safetensors"
_MIN_SAID = 10  # descriptions that a word must occur in to be said; rarer ones are copied, or unknown


class ReconstructionLesson:
    """The lesson: descriptions from programs. Begins with what the run that it starts from had learnt of it."""

    what = "descriptions from programs"
    unrelated = "epochs"

    def __init__(
        self,
        lexicon: Lexicon,
        pairs: Sequence[Read],
        development: Mapping[str, Sequence[Read]],
        run: WriterRun,
        folder: Path,
        init: Path | None = None,
    ) -> None:
        """Args:
        lexicon: its own, unless it begins with another run's.
        folder: where its tables are written down.
        init: folder of another run.

        Raises:
            TrainingError: that run's tables are damaged.
        """
        self.begins_with: dict[str, Tensor] | None = None
        "Weights of the run that it starts from; None where there are none."
        if init is not None and (init / CHECKPOINT).exists():
            self.tables = _tables_of(init)
            self.begins_with = best_weights(init / CHECKPOINT)
        else:
            self.tables = Tables(lexicon, said_by((words for words, _ in pairs), _MIN_SAID))
        write_text_atomically(folder / TABLES, json.dumps(self.tables.to_json(), ensure_ascii=False))
        self.examples = [self._retold(*each) for each in pairs]
        self._development = {name: [self._retold(*each) for each in rows] for name, rows in development.items()}
        self._renaming = Renaming(pairs, lexicon)
        self._collate = RetoldCollator(self.tables)
        torch.manual_seed(run.seed)
        self.net = Reconstruction(self.tables, run.model)

    def _retold(self, words: Sequence[Word], tree: Tree) -> Retold:
        return retold(words, actions_of(tree), self.tables.lexicon)

    def drawn(self, i: int, rng: random.Random) -> Retold | None:
        found = self._renaming.draw(i, rng)
        return None if found is None else self._retold(*found)

    def length(self, example: Retold) -> int:
        return max(len(example.actions), len(example.words) + 1)

    def loss(self, batch: list[Retold]) -> tuple[Tensor, int]:
        nats_BT, _ = self.net.loss(self._collate(batch))
        return nats_BT.sum(), sum(len(example.words) + 1 for example in batch)

    @torch.no_grad()
    def scores(self) -> dict[str, Score]:
        return {name: self._score(examples) for name, examples in self._development.items()}

    def _score(self, examples: Sequence[Retold]) -> Score:
        nats = steps = right = 0.0
        for batch in in_batches(examples, SCORE_STEPS, None, self.length):
            nats_BT, right_BT = self.net.loss(self._collate(batch))
            nats, right = nats + float(nats_BT.sum()), right + int(right_BT.sum())
            steps += sum(len(example.words) + 1 for example in batch)
        return Score(nats / max(1, steps), right / max(1, steps))


def _tables_of(folder: Path) -> Tables:
    try:
        return Tables.from_json((folder / TABLES).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, BundleError) as error:
        raise TrainingError(f"{folder} has no tables to say descriptions back with ({error})") from None
