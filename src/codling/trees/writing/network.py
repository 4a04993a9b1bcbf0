"""The network that writes programs: a description in, the steps of a tree out.

A bidirectional LSTM reads the description. Two LSTMs write: the first sees the steps so far, each with its place in the
tree; the second also what the first attends to in the description, and the state of the first at the step that opened
the place (parent feeding). A step is then a production or the end of a list, or a text: whole, copied from the
description, or a piece of one.

Yin & Neubig 2017 and 2018 (TranX). Differs: attention and the parent's state enter a second LSTM and not the next step
of the same, so that in training the whole sequence is two scans and some large products; productions know their
optional fields; texts are spelt where no word fits; attention and copying lean on how far a word stands from the last
one used; no coverage, no supervised attention.
"""

# B batch, N words, T steps, U texts, P pieces, E embedding, H hidden, M memory (both directions), R rules, V wholes

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from codling.errors import ConfigError
from codling.trees.writing.batches import NUM_NEAR, Batch
from codling.trees.writing.layers import attend, both_ways, drop, embed_texts, rows
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.words import KINDS

__all__ = ["Losses", "WriterConfig", "WriterNet"]

ATTEND_FIRST, ATTEND_SECOND, COPY_WHOLE, COPY_PART = range(4)
"What leans on distances: columns of the table ``near``."


@dataclass(frozen=True, kw_only=True)
class WriterConfig:
    """Sizes of a writer."""

    embedding: int = 128
    "Width of the vectors of texts, kinds and actions."
    encoder: int = 192
    "Width of each direction of the encoder."
    hidden: int = 384
    "Width of the decoder's LSTMs."
    field: int = 64
    "Width of the vectors of fields."
    dropout: float = 0.35
    "Share of vectors' numbers left out in training, between all layers."
    word_dropout: float = 0.15
    "Share of texts whose own vector is left out in training, so that their pieces learn to stand for them."

    def __post_init__(self) -> None:
        for name in ("embedding", "encoder", "hidden", "field"):
            if getattr(self, name) < 1:
                raise ConfigError(f"writer.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("dropout", "word_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"writer.{name} must be in [0, 1), not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Losses:
    """Of a batch."""

    nats: Tensor
    "Sum over all steps, differentiable."
    steps: int
    right_B: Tensor
    "bool: every step of the example has the right choice as its likeliest, so that greedy writing finds the program."


class WriterNet(nn.Module):
    """The network; ``loss`` is for training, and the exported graphs do the same step by step."""

    def __init__(self, lexicon: Lexicon, config: WriterConfig) -> None:
        super().__init__()
        self.config = config
        memory = 2 * config.encoder
        # Tables start at unit variance: with the usual 0.1, copying takes several times as many steps to learn.
        self.words = nn.Embedding(len(lexicon.words) + 1, config.embedding)
        self.pieces = nn.Embedding(lexicon.vocab.size + 1, config.embedding, padding_idx=0)
        self.kinds = nn.Embedding(len(KINDS) + 1, config.embedding)
        self.actions = nn.Embedding(lexicon.num_actions, config.embedding)
        self.fields = nn.Embedding(lexicon.num_fields, config.field)
        self.filled = nn.Embedding(2, config.field)
        self.forwards, self.backwards = (nn.LSTM(config.embedding, config.encoder, batch_first=True) for _ in range(2))
        self.start = nn.Linear(memory, 2 * config.hidden)
        self.first = nn.LSTM(2 * config.embedding + config.field, config.hidden, batch_first=True)
        self.attend_first = nn.Linear(config.hidden, memory, bias=False)
        self.second = nn.LSTM(2 * config.hidden + memory, config.hidden, batch_first=True)
        self.attend_second = nn.Linear(config.hidden, memory, bias=False)
        self.out = nn.Linear(config.hidden + memory, config.hidden)
        self.near = nn.Parameter(torch.zeros(NUM_NEAR, 4))
        self.rules = nn.Linear(config.hidden, 1 + len(lexicon.productions))
        self.wholes = nn.Linear(config.hidden, len(lexicon.wholes))
        self.spell = nn.Linear(config.hidden, lexicon.vocab.size + 1)
        self.copy_whole = nn.Linear(config.hidden, memory, bias=False)
        self.copy_part = nn.Linear(config.hidden, memory, bias=False)
        self.masks: Tensor
        self.register_buffer("masks", torch.from_numpy(lexicon.masks), persistent=False)

    def embed(self, words_U: Tensor, pieces_UP: Tensor) -> Tensor:
        """Vectors of texts, float [U, E]: their own and the mean of their pieces'; row 0 is no text, and zero."""
        return embed_texts(self, words_U, pieces_UP)

    def encode(self, x_BNE: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The memory, float [B, N, M], and the decoder's first hidden states, float [B, 2H]."""
        memory_BNM, ends_BM = both_ways(self.forwards, self.backwards, x_BNE, lengths_B)
        return memory_BNM, torch.tanh(self.start(ends_BM))

    def loss(self, batch: Batch) -> Losses:
        """Score the right steps, each after the right ones before it."""
        states_BTH, memory_BNM, near_BTN4 = self._states(batch)
        texts, rules = batch.masks_BT == -1, batch.masks_BT >= 0
        rule_right, rule_best = self._rules(states_BTH[rules], batch, rules)
        text_right, text_best = self._texts(states_BTH, memory_BNM, near_BTN4, batch, texts)
        right_BT = torch.ones_like(texts)
        right_BT[rules], right_BT[texts] = rule_best, text_best
        nats = -(rule_right.sum() + text_right.sum())
        return Losses(nats, batch.num_steps, right_BT.all(1))

    def _states(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """What each step is decided from, float [B, T, H]; the memory; and how each word leans, [B, T, N, 4]."""
        share = self.config.dropout if self.training else 0.0
        texts_UE = self.embed(batch.text_words_U, batch.text_pieces_UP)
        x_BNE = drop(texts_UE[batch.words_BN] + self.kinds(batch.kinds_BN), share)
        memory_BNM, start = self.encode(x_BNE, batch.lengths_B)
        memory_BNM = drop(memory_BNM, share)
        padding_BN = batch.words_BN == 0
        near_BTN4 = self.near[batch.near_BTN].masked_fill(padding_BN[:, None, :, None], -1e9)
        before = self.actions(batch.actions_BT) + texts_UE[batch.texts_BT]
        place = self.fields(batch.fields_BT) + self.filled(batch.filled_BT)
        x_BTE = drop(torch.cat([before, self.actions(batch.parent_actions_BT), place], 2), share)
        h0, h1 = start.unsqueeze(0).chunk(2, 2)
        first_BTH, _ = self.first(x_BTE, (h0.contiguous(), torch.zeros_like(h0)))
        seen_BTM = attend(self.attend_first(first_BTH), memory_BNM, near_BTN4[..., ATTEND_FIRST])
        parent_BTH = rows(first_BTH, batch.parents_BT.clamp(min=0)) * (batch.parents_BT >= 0).unsqueeze(2)
        x_BT = drop(torch.cat([first_BTH, seen_BTM, parent_BTH], 2), share)
        second_BTH, _ = self.second(x_BT, (h1.contiguous(), torch.zeros_like(h1)))
        second_BTH = drop(second_BTH, share)
        seen_BTM = attend(self.attend_second(second_BTH), memory_BNM, near_BTN4[..., ATTEND_SECOND])
        states_BTH = torch.tanh(self.out(torch.cat([second_BTH, seen_BTM], 2)))
        return drop(states_BTH, share), memory_BNM, near_BTN4

    def _rules(self, states_SH: Tensor, batch: Batch, where: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability of the right production of each such step, and whether it is the likeliest."""
        logits_SR = self.rules(states_SH).masked_fill(~self.masks[batch.masks_BT[where]], -1e9)
        right_S = batch.rules_BT[where]
        log_probs = functional.log_softmax(logits_SR, 1).gather(1, right_S[:, None])[:, 0]
        return log_probs, logits_SR.argmax(1) == right_S

    def _texts(
        self, states_BTH: Tensor, memory_BNM: Tensor, near_BTN4: Tensor, batch: Batch, where: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The same for steps that write: every way to the right text adds to its probability."""
        whole_BTN = self.copy_whole(states_BTH) @ memory_BNM.transpose(1, 2) + near_BTN4[..., COPY_WHOLE]
        part_BTN = self.copy_part(states_BTH) @ memory_BNM.transpose(1, 2) + near_BTN4[..., COPY_PART]
        states_SH = states_BTH[where]
        wholes_SV = self.wholes(states_SH)
        inside_S = (batch.filled_BT[where] == 1)[:, None]  # a token that was begun in pieces goes on in pieces
        wholes_SV = wholes_SV.masked_fill(inside_S, -1e9)
        whole_SN = whole_BTN[where].masked_fill(inside_S, -1e9)
        spell_SP = self.spell(states_SH)
        num_wholes, num_pieces = wholes_SV.shape[1], spell_SP.shape[1]
        logits = torch.cat([wholes_SV, spell_SP, whole_SN, part_BTN[where]], 1)
        copies_SN, spelling_S1 = batch.copies_BTN[where], batch.spelling_BT[where][:, None]
        copies = torch.cat([copies_SN & ~spelling_S1, copies_SN & spelling_S1], 1)
        ids_S2 = torch.stack([batch.wholes_BT[where], batch.pieces_BT[where]], 1)
        at_S2 = ids_S2.clamp(min=0) + torch.tensor([0, num_wholes])
        right = torch.cat([ids_S2 >= 0, copies], 1)
        ways = torch.cat([logits.gather(1, at_S2), logits[:, num_wholes + num_pieces :]], 1)
        log_probs = torch.logsumexp(ways.masked_fill(~right, -1e9), 1) - torch.logsumexp(logits, 1)
        best_S = logits.argmax(1)
        copied_S = best_S - num_wholes - num_pieces
        copied = copies.gather(1, copied_S.clamp(min=0)[:, None])[:, 0] & (copied_S >= 0)
        said = ((at_S2 == best_S[:, None]) & (ids_S2 >= 0)).any(1)
        return log_probs, said | copied
