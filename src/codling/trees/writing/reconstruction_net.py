"""The network that says descriptions back from programs, and its batches.

A bidirectional LSTM reads the actions of a program; two LSTMs say the description, word by word: the first sees what
was said so far, the second also what the first attends to in the program. A word is one that descriptions have often,
or a copy of a text of the program; all ways to one word add up.
"""

# B batch, A actions, T words said (the end is one), U texts, E embedding, H hidden, M memory, V words known

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from codling.trees.writing.batches import TextNumbers, TextTable
from codling.trees.writing.layers import attend, both_ways, drop, embed_texts
from codling.trees.writing.lexicon import FIRST_RULE
from codling.trees.writing.network import WriterConfig
from codling.trees.writing.reconstruction import END_SAID, FIRST_SAID, UNKNOWN, Retold, Tables
from codling.trees.writing.words import KINDS

__all__ = ["Reconstruction", "RetoldBatch", "RetoldCollator"]


@dataclass(frozen=True, slots=True)
class RetoldBatch:
    """Padded examples. Texts are rows of a table, so that each is embedded once; its row 0 is no text."""

    text_words_U: Tensor
    text_pieces_UP: Tensor
    actions_BA: Tensor
    "int64: 0 is padding, or a production that is not known."
    texts_BA: Tensor
    "int64 rows of the table; 0 for productions and padding."
    num_actions_B: Tensor
    before_BT: Tensor
    "int64 rows of the table: the word said before; 0 for the first."
    kinds_BT: Tensor
    "int64: 1 + its kind; 0 for the first."
    said_BT: Tensor
    "int64: the word to say, UNKNOWN, or END_SAID; -1 is padding."
    copies_BTA: Tensor
    "bool: actions whose text is the word to say."


class RetoldCollator:
    """Puts examples together."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._texts = TextNumbers(tables.lexicon)

    def __call__(self, examples: Sequence[Retold]) -> RetoldBatch:
        table = TextTable()
        num_actions = max(len(example.actions) for example in examples)
        num_words = 1 + max(len(example.words) for example in examples)
        actions, texts = (np.zeros((len(examples), num_actions), np.int64) for _ in range(2))
        before, kinds = (np.zeros((len(examples), num_words), np.int64) for _ in range(2))
        said = np.full((len(examples), num_words), -1, np.int64)
        copies = np.zeros((len(examples), num_words, num_actions), bool)
        for b, example in enumerate(examples):
            actions[b, : len(example.actions)] = example.actions
            texts[b, : len(example.texts)] = [table.row(text) if text else 0 for text in example.texts]
            count = len(example.words)
            rows = np.array([table.row(word.value) for word in example.words], np.int64)
            before[b, 1 : 1 + count] = rows
            kinds[b, 1 : 1 + count] = [1 + self._tables.lexicon.kind(word) for word in example.words]
            said[b, :count] = [self._tables.number(word) for word in example.words]
            said[b, count] = END_SAID
            copies[b, :count] = rows[:, None] == texts[b][None]
        words, pieces = self._texts(table)
        return RetoldBatch(
            words,
            pieces,
            torch.from_numpy(actions),
            torch.from_numpy(texts),
            torch.tensor([len(example.actions) for example in examples]),
            torch.from_numpy(before),
            torch.from_numpy(kinds),
            torch.from_numpy(said),
            torch.from_numpy(copies),
        )


class Reconstruction(nn.Module):
    """The network; ``loss`` is for training, and the exported graph gives the same."""

    def __init__(self, tables: Tables, config: WriterConfig) -> None:
        """Args:
        config: sizes, as the writer's.
        """
        super().__init__()
        self.config, self.tables = config, tables
        lexicon = tables.lexicon
        memory = 2 * config.encoder
        self.words = nn.Embedding(len(lexicon.words) + 1, config.embedding)
        self.pieces = nn.Embedding(lexicon.vocab.size + 1, config.embedding, padding_idx=0)
        self.kinds = nn.Embedding(len(KINDS) + 1, config.embedding)
        self.actions = nn.Embedding(FIRST_RULE + len(lexicon.productions), config.embedding)
        self.forwards, self.backwards = (nn.LSTM(config.embedding, config.encoder, batch_first=True) for _ in range(2))
        self.start = nn.Linear(memory, 2 * config.hidden)
        self.first = nn.LSTM(config.embedding, config.hidden, batch_first=True)
        self.attend_first = nn.Linear(config.hidden, memory, bias=False)
        self.second = nn.LSTM(config.hidden + memory, config.hidden, batch_first=True)
        self.attend_second = nn.Linear(config.hidden, memory, bias=False)
        self.out = nn.Linear(config.hidden + memory, config.hidden)
        self.say = nn.Linear(config.hidden, FIRST_SAID + len(tables.said))
        self.copy = nn.Linear(config.hidden, memory, bias=False)

    def loss(self, batch: RetoldBatch) -> tuple[Tensor, Tensor]:
        """Nats of each word, float [B, T], 0 for padding; and whether it is the likeliest, bool [B, T]."""
        share = self.config.dropout if self.training else 0.0
        texts_UE = embed_texts(self, batch.text_words_U, batch.text_pieces_UP)
        x_BAE = drop(self.actions(batch.actions_BA) + texts_UE[batch.texts_BA], share)
        memory_BAM, ends_BM = both_ways(self.forwards, self.backwards, x_BAE, batch.num_actions_B)
        memory_BAM = drop(memory_BAM, share)
        outside_BA = torch.arange(x_BAE.shape[1]) >= batch.num_actions_B[:, None]
        lean_B1A = torch.zeros(outside_BA.shape).masked_fill(outside_BA, -1e9)[:, None]
        h0, h1 = torch.tanh(self.start(ends_BM)).unsqueeze(0).chunk(2, 2)
        x_BTE = drop(texts_UE[batch.before_BT] + self.kinds(batch.kinds_BT), share)
        first_BTH, _ = self.first(x_BTE, (h0.contiguous(), torch.zeros_like(h0)))
        seen_BTM = attend(self.attend_first(first_BTH), memory_BAM, lean_B1A)
        second_BTH, _ = self.second(
            drop(torch.cat([first_BTH, seen_BTM], 2), share), (h1.contiguous(), torch.zeros_like(h1))
        )
        second_BTH = drop(second_BTH, share)
        seen_BTM = attend(self.attend_second(second_BTH), memory_BAM, lean_B1A)
        states_BTH = drop(torch.tanh(self.out(torch.cat([second_BTH, seen_BTM], 2))), share)
        copy_BTA = self.copy(states_BTH) @ memory_BAM.transpose(1, 2)
        copy_BTA = copy_BTA.masked_fill((batch.texts_BA == 0)[:, None], -1e9)
        logits = torch.cat([self.say(states_BTH), copy_BTA], 2)
        known_BT1 = (batch.said_BT != UNKNOWN)[..., None] | ~batch.copies_BTA.any(2, keepdim=True)
        ways = torch.cat([logits.gather(2, batch.said_BT.clamp(min=0)[..., None]), copy_BTA], 2)
        right = torch.cat([known_BT1, batch.copies_BTA], 2)
        nats_BT = torch.logsumexp(logits, 2) - torch.logsumexp(ways.masked_fill(~right, -1e9), 2)
        there_BT = batch.said_BT >= 0
        best_BT = logits.argmax(2)
        copied_BT1 = (best_BT - self.say.out_features)[..., None]
        hit_BT = batch.copies_BTA.gather(2, copied_BT1.clamp(min=0))[..., 0] & (copied_BT1[..., 0] >= 0)
        return nats_BT * there_BT, ((best_BT == batch.said_BT) | hit_BT) & there_BT
