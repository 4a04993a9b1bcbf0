"""The writer's loss as a program for one example, batched by ``codling.fold``: the same weights, the same numbers."""

# N examples of one batch, K items of all, E embedding, H hidden, M memory

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from codling import fold
from codling.trees.writing.batches import near
from codling.trees.writing.lexicon import MAX_PIECES, Lexicon
from codling.trees.writing.network import ATTEND_FIRST, ATTEND_SECOND, COPY_PART, COPY_WHOLE, WriterNet
from codling.trees.writing.steps import Example, Step

__all__ = ["fold_loss"]


def fold_loss(net: WriterNet, lexicon: Lexicon, examples: Sequence[Example]) -> Tensor:
    """Nats of all steps of all examples."""
    program = _Program(net, lexicon)
    with fold.batching():
        losses = [loss for example in examples for loss in program.losses(example)]
    total: Tensor = fold.stack(losses).sum()
    return total


class _Program:
    """Operations are written for a batch and called as for one example."""

    def __init__(self, net: WriterNet, lexicon: Lexicon) -> None:
        self.net, self.lexicon = net, lexicon
        self.zeros = torch.zeros(net.config.hidden)
        self.none = torch.zeros(net.config.embedding)

        @fold.batchable
        def embed(word: Tensor, pieces: Tensor) -> Tensor:
            return net.embed(word, pieces)

        @fold.batchable
        def kind(vector: Tensor, kind: Tensor) -> Tensor:
            return vector + net.kinds(kind)

        def cell(layer: Any) -> Any:
            @fold.batchable
            def step(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
                weights = (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0)
                made: tuple[Tensor, Tensor] = torch.lstm_cell(x, (h, c), *weights)
                return made

            return step

        @fold.batchable
        def start(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
            first, second = torch.tanh(net.start(torch.cat([left, right], 1))).chunk(2, 1)
            return first, second

        @fold.batchable
        def both(left: Tensor, right: Tensor) -> Tensor:
            return torch.cat([left, right], 1)

        @fold.batchable
        def before(text: Tensor, action: Tensor, parent: Tensor, field: Tensor, filled: Tensor) -> Tensor:
            place = net.fields(field) + net.filled(filled)
            return torch.cat([net.actions(action) + text, net.actions(parent), place], 1)

        def attend(layer: Any, column: int) -> Any:
            @fold.batchable(ragged=True)
            def look(h: Tensor, memory: Any, leans: Tensor) -> Tensor:
                scores = (memory.value * layer(h)[memory.owner]).sum(1) + _flat(net.near[leans, column], memory)
                weights = (scores - scores.max().detach()).exp()
                total = memory.sum(weights[:, None])
                seen: Tensor = memory.sum(weights[:, None] * memory.value) / total
                return seen

            return look

        @fold.batchable
        def second_input(first: Tensor, seen: Tensor, parent: Tensor) -> Tensor:
            return torch.cat([first, seen, parent], 1)

        @fold.batchable
        def out(second: Tensor, seen: Tensor) -> Tensor:
            return torch.tanh(net.out(torch.cat([second, seen], 1)))

        @fold.batchable
        def rule(state: Tensor, mask: Tensor, right: Tensor) -> Tensor:
            logits = net.rules(state).masked_fill(~net.masks[mask], -1e9)
            return -functional.log_softmax(logits, 1).gather(1, right[:, None])[:, 0]

        @fold.batchable(ragged=True)
        def text(state: Tensor, memory: Any, leans: Tensor, right: Tensor, copies: Tensor) -> Tensor:
            return self.text_loss(state, memory, leans, right, copies)

        self.embed, self.kind, self.start, self.both, self.before = embed, kind, start, both, before
        self.cells = {name: cell(getattr(net, name)) for name in ("forwards", "backwards", "first", "second")}
        self.look_first = attend(net.attend_first, ATTEND_FIRST)
        self.look_second = attend(net.attend_second, ATTEND_SECOND)
        self.second_input, self.out, self.rule, self.text = second_input, out, rule, text

    def text_loss(self, state: Tensor, memory: Any, leans: Tensor, right: Tensor, copies: Tensor) -> Tensor:
        """``right`` [N, 4]: whole, piece, inside a token, spelling; ``copies`` bool [N, MAX], padded."""
        net = self.net
        inside = right[:, 2:3] == 1
        wholes = net.wholes(state).masked_fill(inside, -1e9)
        spell = net.spell(state)
        words = []
        for layer, column in ((net.copy_whole, COPY_WHOLE), (net.copy_part, COPY_PART)):
            scores = (memory.value * layer(state)[memory.owner]).sum(1) + _flat(net.near[leans, column], memory)
            words.append(_padded(scores, memory, copies.shape[1]))
        words[0] = words[0].masked_fill(inside, -1e9)
        logits = torch.cat([wholes, spell, *words], 1)
        spelling = right[:, 3:4] == 1
        ids = right[:, :2]
        at = ids.clamp(min=0) + torch.tensor([0, wholes.shape[1]])
        good = torch.cat([ids >= 0, copies & ~spelling, copies & spelling], 1)
        ways = torch.cat([logits.gather(1, at), *words], 1).masked_fill(~good, -1e9)
        return torch.logsumexp(logits, 1) - torch.logsumexp(ways, 1)

    def vector(self, text: str) -> Any:
        pieces = torch.zeros(MAX_PIECES, dtype=torch.int64)
        head = [1 + piece for piece in self.lexicon.pieces(text[: 8 * MAX_PIECES])[:MAX_PIECES]]
        pieces[: len(head)] = torch.tensor(head, dtype=torch.int64)
        return self.embed(self.lexicon.word(text), pieces)

    def losses(self, example: Example) -> list[Any]:
        vectors = {word.value: self.vector(word.value) for word in example.words}
        xs = [self.kind(vectors[word.value], 1 + self.lexicon.kind(word)) for word in example.words]
        passes = []
        for name, order in (("forwards", xs), ("backwards", xs[::-1])):
            h, c = torch.zeros(self.net.config.encoder), torch.zeros(self.net.config.encoder)
            outputs = []
            for x in order:
                h, c = self.cells[name](x, h, c)
                outputs.append(h)
            passes.append(outputs if name == "forwards" else outputs[::-1])
        memory = [self.both(left, right) for left, right in zip(*passes, strict=True)]
        h0, h1 = self.start(passes[0][-1], passes[1][0])
        c0 = c1 = self.zeros
        firsts: list[Any] = []
        losses = []
        for step in example.steps:
            if step.text and step.text not in vectors:
                vectors[step.text] = self.vector(step.text)
            text = vectors[step.text] if step.text else self.none
            x = self.before(text, step.action, step.parent_action, step.field, step.filled)
            h0, c0 = self.cells["first"](x, h0, c0)
            firsts.append(h0)
            leans = _leans(len(memory), step)
            parent = firsts[step.parent] if step.parent >= 0 else self.zeros
            x = self.second_input(h0, self.look_first(h0, memory, leans), parent)
            h1, c1 = self.cells["second"](x, h1, c1)
            state = self.out(h1, self.look_second(h1, memory, leans))
            if step.mask >= 0:
                losses.append(self.rule(state, step.mask, step.rule))
                continue
            copies = torch.zeros(_MAX, dtype=torch.bool)
            copies[list(step.copies)] = True
            right = torch.tensor([step.whole, step.piece, step.filled, int(step.spelling)])
            losses.append(self.text(state, memory, leans, right, copies))
        return losses


_MAX = 160  # words of a description


def _leans(num_words: int, step: Step) -> Tensor:
    """Distances, padded to the longest description."""
    found = torch.zeros(_MAX, dtype=torch.int64)
    found[:num_words] = near(num_words, torch.tensor(step.place))
    return found


def _position(memory: Any) -> Tensor:
    """Which word of its description each item is, [K]."""
    owner = memory.owner
    first = torch.searchsorted(owner, owner)
    return torch.arange(len(owner)) - first


def _flat(values: Tensor, memory: Any) -> Tensor:
    return values[memory.owner, _position(memory)]


def _padded(scores: Tensor, memory: Any, width: int) -> Tensor:
    table = scores.new_full((int(memory.owner.max()) + 1 if len(memory.owner) else 0, width), -1e9)
    return table.index_put((memory.owner, _position(memory)), scores)
