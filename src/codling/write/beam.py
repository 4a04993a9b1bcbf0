"""Beam search over trees: programs grow action by action, and only by what the grammar allows.

Programs of one beam share a description; each step runs all of them together. Programs of different lengths are
compared by log-probability over a power of the number of actions (after Wu et al. 2016): by log-probability alone, a
statement of one word that is next to impossible beats a class of ninety actions that are each nearly sure.

A search always answers: where none of its programs comes to an end in time, the best is ended by the fewest actions.
"""

# B programs, N words

from __future__ import annotations

import contextlib
import dataclasses
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from codling.errors import InputError
from codling.trees.grammar.building import fits
from codling.trees.grammar.shortest import shortest_action, shortest_length
from codling.trees.grammar.source import write_source
from codling.trees.grammar.tree import Action, Derivation, tree_of
from codling.trees.writing.lexicon import CLOSE_OUT, TEXT
from codling.trees.writing.steps import Progress, said, seen
from codling.write.model import Described, Floats, WriterModel
from codling.write.sense import MAX_RECENT, is_senseless, loops
from codling.write.ways import LEAST, Choice, Way, Ways

__all__ = ["LENGTH_POWER", "MAX_STEPS", "Grown", "Taken", "grow", "growing", "merit"]

MAX_STEPS = 700
"A search is ended after so many steps: the longest program of the training sets takes 470."

LENGTH_POWER = 0.5
"Of the number of actions, in the measure by which programs of different lengths are compared; chosen on CoNaLa."

_PATIENCE = 12
"Steps without a new program among the best after which a search ends whose programs in the making are worse."


@dataclass(frozen=True, slots=True)
class Taken:
    """How one action of a program came about."""

    way: Way | None
    "None for one that was taken because the search had to stop."
    log_prob: float
    "In nats, of all ways to it together; of a spelt text, of all its parts."
    parts: tuple[tuple[str, bool], ...] = ()
    "What a text was spelt from, and whether it was copied from the description."


@dataclass(frozen=True, slots=True)
class Grown:
    """A whole program that a search found."""

    code: str
    score: float
    "Log-probability in nats; for one that was ended because the search had to stop, a lower bound of it."
    actions: tuple[Action, ...]
    seen_AN: Floats
    "How much each action looked at each word of the description, [A, N]; a spelt text by the step that ends it."
    taken: tuple[Taken, ...]
    "How each action came about."


def merit(score: float, num_actions: int) -> float:
    """What programs are compared by, at most 0: a log-probability, made fair to long ones."""
    return score / float(max(1, num_actions) ** LENGTH_POWER)


@dataclass(frozen=True, slots=True)
class _Trail:
    """The steps of a program: where the attention of each lies, and how it came about."""

    time: int
    row: int
    way: Way
    log_prob: float
    part: str
    "What a step of spelling wrote."
    before: _Trail | None


@dataclass(frozen=True, slots=True)
class _Live:
    """A program in the making."""

    progress: Progress
    score: float
    trail: _Trail | None
    recent: tuple[Hashable, ...] = ()
    "The last steps, by which a loop is seen."


def grow(model: WriterModel, described: Described, *, beam: int = 5, max_steps: int = MAX_STEPS) -> list[Grown]:
    """The best programs by merit that a beam finds, best first, at least one and at most ``beam`` of them; all can be
    written down, and no two have the same text."""
    return deque(growing(model, described, beam=beam, max_steps=max_steps), maxlen=1).pop()


def growing(
    model: WriterModel, described: Described, *, beam: int = 5, max_steps: int = MAX_STEPS
) -> Iterator[list[Grown]]:
    """The same, step by step: what has been found after each, and the answer last."""
    search = _Search(model, described, beam)
    for _ in range(max_steps):
        goes_on = search.step()
        if not goes_on:
            break
        yield list(search.done)
    if not search.done and search.senseless is None:
        search.finish()
    yield search.done or [each for each in (search.senseless,) if each is not None]


class _Search:
    def __init__(self, model: WriterModel, described: Described, beam: int) -> None:
        self.model, self.described, self.beam = model, described, beam
        self.values = described.values
        self.ways = Ways(model, described, beam)
        self.live = [_Live(Progress(Derivation.start(model.lexicon.schema)), 0.0, None)]
        zeros = np.zeros((1, model.hidden), np.float32)
        self.states = [described.start[0], zeros, described.start[1], zeros]
        self.first: list[Floats] = []
        "The first LSTM's states at each step, [B, H], for parent feeding."
        self.seen: list[Floats] = []
        self.done: list[Grown] = []
        self.senseless: Grown | None = None
        "What parses and cannot be meant, for a search that finds nothing else."
        self.last_done = 0
        "The step at which a program was done that is among the best."

    def step(self) -> bool:
        """Let all programs take one step; False when no better one can come, or none can go on."""
        outputs = self._run()
        states, state, rules, attention = outputs[:4], outputs[4], outputs[5], outputs[6]
        self.first.append(outputs[0])
        self.seen.append(attention)
        scores, progresses = [live.score for live in self.live], [live.progress for live in self.live]
        choices = self.ways.best(scores, progresses, rules, state, self.described.memory)
        live, rows = self._follow(choices)
        if not live:
            return False
        self.live = live
        self.states = [state[rows] for state in states]
        return self._may_improve()

    def finish(self) -> None:
        """End the best program in the making that can be written down, by as few actions as it takes."""
        beginning = _Live(Progress(Derivation.start(self.model.lexicon.schema)), 0.0, None)
        for live in [*sorted(self.live, key=lambda live: -self._merit(live)), beginning]:
            progress = live.progress
            forced = shortest_length(self.model.lexicon.schema, progress.derivation.slot)
            if progress.spelt is not None and fits(progress.spelt, progress.slot.type):
                with contextlib.suppress(InputError):
                    progress = progress.end()
            derivation = progress.derivation
            if derivation.num_actions == 0:  # the shortest program is empty, and no answer
                derivation = derivation.take(derivation.schema.named("Module+body"))
            while derivation.slot is not None:
                derivation = derivation.take(shortest_action(derivation.schema, derivation.slot))
            if self._finish(derivation, live.score + forced * LEAST, live.trail):
                return

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

    def _follow(self, choices: Sequence[Choice]) -> tuple[list[_Live], list[int]]:
        """Grow the best choices, and say which programs they are of; those that are done leave the beam."""
        live: list[_Live] = []
        rows: list[int] = []
        for choice in choices:
            if len(live) >= self.beam:
                break
            try:
                progress = self._take(choice)
            except InputError:  # pieces that are no text together
                continue
            trail = self._trail(choice, progress)
            if progress.derivation.complete:
                self._finish(progress.derivation, choice.score, trail)
                continue
            recent = (*self.live[choice.row].recent, progress.text or progress.action)[-MAX_RECENT:]
            if not loops(recent):
                live.append(_Live(progress, choice.score, trail, recent))
                rows.append(choice.row)
        return live, rows

    def _trail(self, choice: Choice, progress: Progress) -> _Trail:
        before = self.live[choice.row]
        part = ""
        if choice.way in (Way.PIECE, Way.PART):
            part = (progress.spelt or "")[len(before.progress.spelt or "") :]
        return _Trail(len(self.first) - 1, choice.row, choice.way, choice.score - before.score, part, before.trail)

    def _merit(self, live: _Live) -> float:
        return merit(live.score, live.progress.derivation.num_actions)

    def _may_improve(self) -> bool:
        """Whether going on may pay: the likeliest program in the making is better than the best that is done, or there
        are too few, and one came a short while ago."""
        if not self.done:
            return self.senseless is None or len(self.first) - self.last_done < _PATIENCE
        ahead = self._merit(self.live[0])
        if ahead > merit(self.done[0].score, len(self.done[0].actions)):
            return True
        enough = len(self.done) >= self.beam and ahead <= merit(self.done[-1].score, len(self.done[-1].actions))
        return not enough and len(self.first) - self.last_done < _PATIENCE

    def _take(self, choice: Choice) -> Progress:
        progress, lexicon, number = self.live[choice.row].progress, self.model.lexicon, choice.number
        if choice.way is Way.RULE:
            if number == CLOSE_OUT:
                return progress.close()
            step = (len(self.first) - 1) * self.beam + choice.row
            return progress.apply(lexicon.productions[number - 1], number - 1, step)
        if choice.way is Way.WHOLE:
            return progress.write(lexicon.wholes[number], self.values)
        if choice.way is Way.COPY:
            return progress.write(self.ways.texts[number], self.values)
        if choice.way is Way.PIECE:
            return progress.spell(said(lexicon, number), lexicon.piece_action(number), self.values)
        if choice.way is Way.PART:
            return progress.spell(self.ways.texts[number], TEXT, self.values)
        return progress.end()

    def _finish(self, derivation: Derivation, score: float, trail: _Trail | None) -> bool:
        """Keep a complete program, unless it is empty or cannot be written down (a backslash within an f-string's
        braces, before Python 3.12). Programs of the same text are one, as likely as all of them. Says whether it is
        among the best."""
        full = len(self.done) >= self.beam
        if full and merit(score, derivation.num_actions) <= merit(self.done[-1].score, len(self.done[-1].actions)):
            return False
        actions = derivation.actions()
        try:
            code = write_source(tree_of(derivation.schema, actions))
        except InputError:
            return False
        if not code:
            return False
        weights, taken = self._followed(trail)
        num_forced = len(actions) - len(taken)
        weights += [np.zeros(len(self.values), np.float32)] * num_forced
        taken += [Taken(None, LEAST)] * num_forced
        grown = Grown(code, score, tuple(actions), np.stack(weights), tuple(taken))
        if is_senseless(code):
            if self.senseless is None or score > self.senseless.score:
                self.senseless, self.last_done = grown, len(self.first)
            return True
        same = next((each for each in self.done if each.code == code), None)
        if same is not None:
            self.done.remove(same)
            likelier = max(same, grown, key=lambda each: each.score)
            grown = dataclasses.replace(likelier, score=float(np.logaddexp(same.score, grown.score)))
        self.done.append(grown)
        self.done.sort(key=lambda each: -merit(each.score, len(each.actions)))
        del self.done[self.beam :]
        if same is None and any(each is grown for each in self.done):
            self.last_done = len(self.first)
        return True

    def _followed(self, trail: _Trail | None) -> tuple[list[Floats], list[Taken]]:
        """By action: what the steps of a program attended to, and how they came about."""
        steps: list[_Trail] = []
        while trail is not None:
            steps.append(trail)
            trail = trail.before
        weights: list[Floats] = []
        taken: list[Taken] = []
        spelt: list[_Trail] = []
        for step in reversed(steps):
            if step.way in (Way.PIECE, Way.PART):
                spelt.append(step)
                continue
            log_prob = step.log_prob + sum(each.log_prob for each in spelt)
            taken.append(Taken(step.way, log_prob, tuple((each.part, each.way is Way.PART) for each in spelt)))
            weights.append(self.seen[step.time][step.row])
            spelt = []
        return weights, taken
