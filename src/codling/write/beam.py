"""Beam search over trees: programs grow action by action, and only by what the grammar allows.

Programs of one beam share a description; each step runs all of them together. Programs of different lengths are
compared by log-probability over a power of the number of actions (after Wu et al. 2016): by log-probability alone, a
statement of one word that is next to impossible beats a class of ninety actions that are each nearly sure.
"""

# B programs, N words, K choices of a text

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.errors import InputError
from codling.trees.grammar.building import fits
from codling.trees.grammar.tree import Action, Derivation, Tree, tree_of
from codling.trees.writing.lexicon import CLOSE_OUT, TEXT
from codling.trees.writing.steps import Progress, said, seen
from codling.write.model import Described, Floats, WriterModel

__all__ = ["LENGTH_POWER", "MAX_STEPS", "Grown", "grow", "merit"]

MAX_STEPS = 700
"A program that is not done after so many steps is given up: the longest of the training sets takes 470."

LENGTH_POWER = 0.5
"Of the number of actions, in the measure by which programs of different lengths are compared; chosen on CoNaLa."

_PATIENCE = 12
"Steps without a new program among the best after which a search ends whose programs in the making are worse."

_LEAST = math.log(1e-6)
"A choice of less than this probability is not followed."


@dataclass(frozen=True, slots=True)
class Grown:
    """A whole program that a search found."""

    tree: Tree
    score: float
    "Log-probability in nats."
    actions: tuple[Action, ...]
    seen_AN: Floats
    "How much each action looked at each word of the description, [A, N]; a spelt text by the step that ends it."


def merit(score: float, num_actions: int) -> float:
    """What programs are compared by, at most 0: a log-probability, made fair to long ones."""
    return score / float(max(1, num_actions) ** LENGTH_POWER)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One way for a program to go on; the program is grown only if the choice is among the best."""

    score: float
    row: int
    rule: int = -1
    "Output of the head for productions."
    text: str | None = None
    piece: int = -1
    part: str | None = None


@dataclass(frozen=True, slots=True)
class _Trail:
    """Where the attention of a program's steps lies."""

    time: int
    row: int
    ends_action: bool
    before: _Trail | None


@dataclass(frozen=True, slots=True)
class _Live:
    """A program in the making."""

    progress: Progress
    score: float
    trail: _Trail | None


def grow(model: WriterModel, described: Described, *, beam: int = 5, max_steps: int = MAX_STEPS) -> list[Grown]:
    """The best programs by merit that a beam finds, best first, at most ``beam`` of them."""
    search = _Search(model, described, beam)
    for _ in range(max_steps):
        if not search.step():
            break
    return search.done


class _Search:
    def __init__(self, model: WriterModel, described: Described, beam: int) -> None:
        self.model, self.described, self.beam = model, described, beam
        self.values = described.values
        self.live = [_Live(Progress(Derivation.start(model.lexicon.schema)), 0.0, None)]
        zeros = np.zeros((1, model.hidden), np.float32)
        self.states = [described.start[0], zeros, described.start[1], zeros]
        self.first: list[Floats] = []
        "The first LSTM's states at each step, [B, H], for parent feeding."
        self.seen: list[Floats] = []
        self.done: list[Grown] = []
        self.last_done = 0
        "The step at which a program was done that is among the best."
        self.places = {value: [i for i, each in enumerate(self.values) if each == value] for value in self.values}

    def step(self) -> bool:
        """Let all programs take one step; False when no better one can come."""
        outputs = self._run()
        self.states, state, rules, attention = outputs[:4], outputs[4], outputs[5], outputs[6]
        self.first.append(outputs[0])
        self.seen.append(attention)
        choices = [*self._rule_choices(rules), *self._text_choices(state)]
        choices.sort(key=lambda choice: -choice.score)
        self._follow(choices)
        if not self.live:
            return False
        return self._may_improve()

    def _run(self) -> list[Floats]:
        """The step graph on all live programs."""
        lexicon = self.model.lexicon
        rows = [(live.progress, *seen(live.progress, lexicon)) for live in self.live]
        parents = np.zeros((len(rows), self.model.hidden), np.float32)
        for row, (progress, *_) in enumerate(rows):
            if progress.slot.parent >= 0:
                time, at = divmod(progress.slot.parent, self.beam)
                parents[row] = self.first[time][at]
        numbers = [
            (progress.action, field, parent, filled, max(0, mask), progress.place)
            for progress, field, parent, filled, mask in rows
        ]
        columns = np.array(numbers, np.int64).T
        names = ("action", "field", "parent_action", "filled", "mask", "place")
        feeds = {name: np.ascontiguousarray(column) for name, column in zip(names, columns, strict=True)}
        texts = self.model.vectors([progress.text for progress, *_ in rows])
        states = dict(zip(("h0", "c0", "h1", "c1"), self.states, strict=True))
        return self.model.step(feeds | states | {"text": texts, "parent": parents, "memory": self.described.memory})

    def _rule_choices(self, rules_BR: Floats) -> Iterator[_Choice]:
        for row, live in enumerate(self.live):
            if not live.progress.takes_text:
                for rule in _best(rules_BR[row], self.beam):
                    yield _Choice(live.score + float(rules_BR[row, rule]), row, rule=rule)

    def _text_choices(self, state_BH: Floats) -> Iterator[_Choice]:
        rows = [row for row, live in enumerate(self.live) if live.progress.takes_text]
        if not rows:
            return
        progresses = [self.live[row].progress for row in rows]
        log_probs = self.model.texts(
            {
                "state": state_BH[rows],
                "place": np.array([progress.place for progress in progresses], np.int64),
                "spelling": np.array([progress.spelt is not None for progress in progresses], bool),
                "memory": self.described.memory,
            }
        )
        for row, progress, log_probs_K in zip(rows, progresses, log_probs, strict=True):
            if progress.spelt is None:
                yield from self._wholes(row, progress, log_probs_K)
            yield from self._parts(row, progress, log_probs_K)

    def _wholes(self, row: int, progress: Progress, log_probs_K: Floats) -> Iterator[_Choice]:
        """Texts that fill the slot at once: those of the lexicon and those of the description, summed by text."""
        lexicon, kind = self.model.lexicon, progress.slot.type
        num_wholes, start = len(lexicon.wholes), len(lexicon.wholes) + lexicon.vocab.size + 1
        wholes_V = np.where(self.model.allowed[kind], log_probs_K[:num_wholes], -np.inf)
        copied: dict[str, float] = {}
        for text, places in self.places.items():
            if not fits(text, kind):
                continue
            total = float(np.logaddexp.reduce(log_probs_K[[start + place for place in places]]))
            whole = lexicon.whole(text)
            if whole is not None:
                total = float(np.logaddexp(total, wholes_V[whole]))
                wholes_V[whole] = -np.inf
            copied[text] = total
        score = self.live[row].score
        for text, log_prob in copied.items():
            if log_prob > _LEAST:
                yield _Choice(score + log_prob, row, text=text)
        for whole in _best(wholes_V, self.beam):
            yield _Choice(score + float(wholes_V[whole]), row, text=lexicon.wholes[whole])

    def _parts(self, row: int, progress: Progress, log_probs_K: Floats) -> Iterator[_Choice]:
        """Pieces and words that begin a token or go on with it, and its end."""
        lexicon, score, kind = self.model.lexicon, self.live[row].score, progress.slot.type
        start = len(lexicon.wholes)
        end = start + lexicon.vocab.size
        for piece in _best(log_probs_K[start:end], self.beam):
            text = said(lexicon, piece)
            if _may_begin((progress.spelt or "") + text, kind):
                yield _Choice(score + float(log_probs_K[start + piece]), row, piece=piece, part=text)
        if progress.spelt is not None and log_probs_K[end] > _LEAST:
            yield _Choice(score + float(log_probs_K[end]), row, piece=lexicon.vocab.size)
        first_part = end + 1 + len(self.values)
        for text, places in self.places.items():
            log_prob = float(np.logaddexp.reduce(log_probs_K[[first_part + place for place in places]]))
            if log_prob > _LEAST and _may_begin((progress.spelt or "") + text, kind):
                yield _Choice(score + log_prob, row, part=text)

    def _follow(self, choices: Sequence[_Choice]) -> None:
        """Grow the best choices; those that are done leave the beam."""
        live: list[_Live] = []
        rows: list[int] = []
        for choice in choices:
            if len(live) >= self.beam:
                break
            try:
                progress = self._take(choice)
            except InputError:  # pieces that are no text together
                continue
            ends_action = choice.part is None
            trail = _Trail(len(self.first) - 1, choice.row, ends_action, self.live[choice.row].trail)
            if progress.derivation.complete:
                self._finish(progress, choice.score, trail)
            else:
                live.append(_Live(progress, choice.score, trail))
                rows.append(choice.row)
        self.live = live
        self.states = [state[rows] for state in self.states]

    def _merit(self, live: _Live) -> float:
        return merit(live.score, live.progress.derivation.num_actions)

    def _may_improve(self) -> bool:
        """Whether going on may pay: the likeliest program in the making is better than the best that is done, or there
        are too few, and one came a short while ago."""
        if not self.done:
            return True
        ahead = self._merit(self.live[0])
        if ahead > merit(self.done[0].score, len(self.done[0].actions)):
            return True
        enough = len(self.done) >= self.beam and ahead <= merit(self.done[-1].score, len(self.done[-1].actions))
        return not enough and len(self.first) - self.last_done < _PATIENCE

    def _take(self, choice: _Choice) -> Progress:
        progress, lexicon = self.live[choice.row].progress, self.model.lexicon
        if choice.rule == CLOSE_OUT:
            return progress.close()
        if choice.rule > 0:
            number = (len(self.first) - 1) * self.beam + choice.row
            return progress.apply(lexicon.productions[choice.rule - 1], choice.rule - 1, number)
        if choice.text is not None:
            return progress.write(choice.text, self.values)
        if choice.part is None:
            if not fits(progress.spelt or "", progress.slot.type):
                raise InputError("the spelt text is none of its type")
            return progress.end()
        action = TEXT if choice.piece < 0 else lexicon.piece_action(choice.piece)
        return progress.spell(choice.part, action, self.values)

    def _finish(self, progress: Progress, score: float, trail: _Trail) -> None:
        actions = progress.derivation.actions()
        weights: list[Floats] = []
        step: _Trail | None = trail
        while step is not None:
            if step.ends_action:
                weights.append(self.seen[step.time][step.row])
            step = step.before
        tree = tree_of(self.model.lexicon.schema, actions)
        grown = Grown(tree, score, tuple(actions), np.stack(weights[::-1]))
        self.done.append(grown)
        self.done.sort(key=lambda each: -merit(each.score, len(each.actions)))
        del self.done[self.beam :]
        if any(each is grown for each in self.done):
            self.last_done = len(self.first)


def _best(log_probs: npt.NDArray[np.float32], count: int) -> list[int]:
    """Indices of the most probable, those that are next to impossible left out, best first."""
    found = np.argpartition(log_probs, -count)[-count:] if len(log_probs) > count else np.arange(len(log_probs))
    kept = found[log_probs[found] > _LEAST]
    return [int(i) for i in kept[np.argsort(-log_probs[kept])]]


def _may_begin(text: str, kind: str) -> bool:
    """Whether a token of a type may begin so."""
    if kind == "identifier":
        return text.isidentifier()
    if kind == "dotted":
        head = text.removesuffix(".")
        return all(part.isidentifier() for part in head.split("."))
    if kind in ("int", "float", "complex"):
        return text[:1].isdigit() and all(each in "0123456789abcdefABCDEFxeE+-.j" for each in text)
    return True
