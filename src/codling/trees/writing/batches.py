"""Examples as padded arrays for training."""

# B batch, N words of a description, T steps, U texts of a batch, P pieces of a text

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from codling.trees.writing.lexicon import MAX_PIECES, Lexicon
from codling.trees.writing.steps import Example

__all__ = ["NUM_NEAR", "REACH", "Batch", "Collator", "TextNumbers", "TextTable", "in_batches", "near", "num_steps"]

REACH = 8  # words before and after the last one used that have a bias of their own; farther ones share the last
NUM_NEAR = 2 * REACH + 2
"Values of ``near``."


def near(num_words: int, place: Tensor) -> Tensor:
    """How far each word of a description stands from the last one used, as an index, int64 [..., N]: from REACH or
    more before it (0) to REACH or more behind it; NUM_NEAR - 1 while none was used (place -1)."""
    distance = torch.arange(num_words) - place.unsqueeze(-1)
    return torch.where(place.unsqueeze(-1) < 0, NUM_NEAR - 1, distance.clamp(-REACH, REACH) + REACH)


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded examples. Texts are rows of a table, so that each is embedded once."""

    text_words_U: Tensor
    "int64: rows of the words' vectors, 0 for texts without."
    text_pieces_UP: Tensor
    "int64: 1 + piece, 0 for padding. Row 0 of the table is no text."
    words_BN: Tensor
    "int64 rows of the table of texts, 0 for padding."
    kinds_BN: Tensor
    lengths_B: Tensor
    actions_BT: Tensor
    texts_BT: Tensor
    "int64 rows of the table of texts; 0 where the step before wrote none."
    fields_BT: Tensor
    parent_actions_BT: Tensor
    filled_BT: Tensor
    parents_BT: Tensor
    "int64: the step that opened the slot, -1 at the root."
    near_BTN: Tensor
    masks_BT: Tensor
    "int64: row of the lexicon's masks; -1 for texts, -2 for padding."
    rules_BT: Tensor
    wholes_BT: Tensor
    pieces_BT: Tensor
    copies_BTN: Tensor
    "bool: words that give the text, or its next part."
    spelling_BT: Tensor

    @property
    def num_steps(self) -> int:
        return int((self.masks_BT != -2).sum())


class Collator:
    """Puts examples together; knows the pieces of every text that it has seen."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._texts = TextNumbers(lexicon)

    def __call__(self, examples: Sequence[Example]) -> Batch:
        table = TextTable()
        row = table.row
        num_words = max(len(example.words) for example in examples)
        num_steps = max(len(example.steps) for example in examples)
        words, kinds = (np.zeros((len(examples), num_words), np.int64) for _ in range(2))
        steps = np.zeros((11, len(examples), num_steps), np.int64)
        steps[7] = -2
        copies = np.zeros((len(examples), num_steps, num_words), bool)
        for b, example in enumerate(examples):
            words[b, : len(example.words)] = [row(word.value) for word in example.words]
            kinds[b, : len(example.words)] = [1 + self._lexicon.kind(word) for word in example.words]
            steps[:, b, : len(example.steps)] = np.array(
                [
                    (
                        step.action,
                        row(step.text) if step.text else 0,
                        step.field,
                        step.parent_action,
                        step.filled,
                        step.parent,
                        step.place,
                        step.mask,
                        step.rule,
                        step.whole,
                        step.piece + (1 << 20) * step.spelling,
                    )
                    for step in example.steps
                ]
            ).T
            for t, step in enumerate(example.steps):
                if step.copies:
                    copies[b, t, list(step.copies)] = True
        fields = [torch.from_numpy(each) for each in steps]
        actions, texts, of, parent_actions, filled, parents, place, masks, rules, wholes, pieces = fields
        spelling = (pieces >= (1 << 19)) & (masks == -1)
        text_words, text_pieces = self._texts(table)
        return Batch(
            text_words,
            text_pieces,
            torch.from_numpy(words),
            torch.from_numpy(kinds),
            torch.tensor([len(example.words) for example in examples]),
            actions,
            texts,
            of,
            parent_actions,
            filled,
            parents,
            near(num_words, place),
            masks,
            rules,
            wholes,
            torch.where(spelling, pieces - (1 << 20), -1),
            torch.from_numpy(copies),
            spelling,
        )


class TextTable:
    """The texts of a batch, each of which is embedded once; row 0 is no text."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}

    def row(self, text: str) -> int:
        return self._rows.setdefault(text, len(self._rows) + 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class TextNumbers:
    """Texts as a lexicon numbers them and their pieces; remembers every text that it has seen."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._known: dict[str, tuple[int, list[int]]] = {}

    def __call__(self, table: TextTable) -> tuple[Tensor, Tensor]:
        """Rows of the words' vectors, int64 [1 + U], and 1 + pieces, int64 [1 + U, P]; zeros for row 0, no text."""
        words = np.zeros(len(table) + 1, np.int64)
        pieces = np.zeros((len(table) + 1, MAX_PIECES), np.int64)
        for row, text in enumerate(table, 1):
            if text not in self._known:
                self._known[text] = self._lexicon.word(text), self._lexicon.head(text)
            words[row], found = self._known[text]
            pieces[row, : len(found)] = found
        return torch.from_numpy(words), torch.from_numpy(pieces)


E = TypeVar("E")


def num_steps(example: Example) -> int:
    """How long an example is, in steps of the decoder."""
    return len(example.steps)


def in_batches(
    examples: Sequence[E], size: int, rng: random.Random | None, length: Callable[[E], int]
) -> Iterator[list[E]]:
    """Examples in batches of about equal lengths, at most ``size`` steps (padding included) in each.

    Args:
        rng: draws the order, which without one is that of lengths.
        length: of an example, in steps.
    """
    order = list(range(len(examples)))
    noise = [rng.random() if rng else 0.0 for _ in order]
    lengths = [length(example) for example in examples]
    order.sort(key=lambda i: (lengths[i] * (1 + 0.1 * noise[i]), noise[i]))
    batches: list[list[E]] = []
    batch: list[E] = []
    longest = 0
    for i in order:
        longest = max(longest, lengths[i])
        if batch and longest * (len(batch) + 1) > size:
            batches.append(batch)
            batch, longest = [], lengths[i]
        batch.append(examples[i])
    if batch:
        batches.append(batch)
    if rng:
        rng.shuffle(batches)
    yield from batches
