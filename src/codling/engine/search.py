"""Beam search: the most probable continuations of a text up to a given end."""

# B beam, V vocabulary

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from codling.engine.decoding import Clock, Expect, FindEnd
from codling.engine.pieces import Pieces
from codling.engine.positions import Position
from codling.engine.prefix import RECENT, PrefixReader
from codling.vocab import DOC

__all__ = ["Beam", "Hypothesis", "beam_search"]

_LIKELY_NATS = (3, 6, 12)  # below the best, within which a beam's successors are looked for, to sort few


@dataclass(frozen=True, kw_only=True)
class Beam:
    """How wide and how far to search."""

    width: int
    "Hypotheses kept from step to step."
    num: int = 1
    "Continuations wanted."
    max_tokens: int
    "Length at which a hypothesis is cut off; tokens that only spell what is owed do not count."
    max_chars: int = 1 << 30
    "The same in characters."
    least: float = 0.0
    """Probability, given what was typed, below which a text is not followed further. Above 1 / width, everything is
    found that is as probable."""
    least_ratio: float = 0.0
    "Share of the best finished continuation's probability below which another is not followed; 0 for all of them."
    to_line_end: bool = False
    """Every text ends with its line, and is as probable as all the ways together in which the next line may begin;
    otherwise each token that the end is found by makes a text of its own."""
    skips_blank: bool = False
    "A continuation may not begin with a line end, be there white space before it or not."


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """One continuation."""

    text: str
    "Up to its end; what the last token had beyond the end is dropped."
    log_prob: float
    "Of all its tokens, the one that ended it included, given what was typed, in nats."
    tokens: tuple[int, ...]
    finished: bool
    "Its end was found, or the model ended the document; otherwise a limit cut it off."
    marks: tuple[tuple[int, float], ...]
    "Length and log-probability of the text after each token that added to it."
    last: Position
    "Where its last token was expected."


@dataclass(slots=True, eq=False)
class _Row:
    """A hypothesis that may go on."""

    position: Position
    "After its tokens; until its last one has been read, before that."
    owed: bytes = b""
    pending: bytes = b""
    text: str = ""
    log_prob: float = 0.0
    tokens: tuple[int, ...] = ()
    length: int = 0
    "Tokens that count."
    marks: tuple[tuple[int, float], ...] = ()
    parent: _Row | None = None


def beam_search(
    reader: PrefixReader,
    pieces: Pieces,
    position: Position,
    find_end: FindEnd,
    beam: Beam,
    *,
    expect: Expect | None = None,
    clock: Clock | None = None,
) -> list[Hypothesis]:
    """Find the most probable continuations, best first: finished ones, then those that a limit cut off.

    Each step reads one token for the whole beam in one call of the model; what the reader remembers is not read again,
    and the next search finds what this one has read. A hypothesis that is already less probable than the num-th best
    finished one is given up, which loses nothing because probabilities only fall. With a beam as wide as there are
    continuations the answer is exact.

    What the position owes is spelt first, in whatever tokens spell it. The probabilities are those given that it was
    typed: divided by that of all the ways to spell it which the beam had room for. Texts that the vocabulary spells in
    several ways are one, with the sum of their probabilities.

    Args:
        find_end: says where a text ends, or None while it has not; not asked where texts end with their line.
        expect: from the network's probabilities to those that count; None to take them as they are.
        clock: when it is over, the best found until then are returned.

    Returns:
        At most num; with a least probability, all that were cut off as well, each with the token that was too much.
    """
    return _Search(reader, pieces, find_end, beam, expect, clock or Clock()).run(position)


class _Search:
    def __init__(
        self,
        reader: PrefixReader,
        pieces: Pieces,
        find_end: FindEnd,
        beam: Beam,
        expect: Expect | None,
        clock: Clock,
    ) -> None:
        self._reader, self._pieces, self._find_end = reader, pieces, find_end
        self._beam, self._expect, self._clock = beam, expect, clock
        self._newlines = np.flatnonzero(pieces.starting_with(frozenset("\n")))
        self._line_ends = np.append(self._newlines, DOC)
        self._recent: tuple[int, ...] = ()
        self._typed = 0.0  # probability of all ways to spell what is owed
        self._floor = -math.inf  # log-probability of a finished hypothesis that is sure to be found
        self._done: list[Hypothesis] = []  # best first
        self._cut_off: list[Hypothesis] = []

    def run(self, start: Position) -> list[Hypothesis]:
        self._recent = start.recent
        root = _Row(start, start.owed)
        if self._beam.num == 1:
            self._floor = self._known_line(root) - 1e-6  # rounding
        live = [root]
        for _ in range(self._beam.max_tokens + len(start.owed)):  # each byte may take a token
            children = self._step(live)
            if not children or self._clock.is_over():
                self._cut_off += [self._left(row) for row in children]
                break
            positions = self._reader.step_all([(row.position, row.tokens[-1]) for row in children])
            for row, position in zip(children, positions, strict=True):
                row.position = position
            live = children
        return self._answer()

    def _step(self, live: Sequence[_Row]) -> list[_Row]:
        """The hypotheses that go on, one token longer; their positions are still their parents'."""
        totals_BV = self._expected(live)
        for index, row in enumerate(live):
            self._end_line(row, totals_BV[index])
        width = self._beam.width
        children: list[_Row] = []
        had_child = [False] * len(live)
        ranks_BV = self._ranks(live, totals_BV)
        # twice, for some of them end here and leave their room
        for place in _best(ranks_BV, 2 * width):
            parent, token = divmod(place, totals_BV.shape[1])
            row, total = live[parent], float(totals_BV[parent, token])
            if len(children) == width:
                break
            if total <= self._bound() or (not row.owed and total < self._lowest()):
                continue
            had_child[parent] = True
            child = self._child(row, token, total)
            if child is not None:
                children.append(child)
        if self._beam.least:
            for index, row in enumerate(live):
                if not had_child[index] and row.text and not row.owed:  # it is as sure as it gets
                    self._cut_off.append(self._left(row, totals_BV[index]))
        return [row for row in children if row.log_prob > self._bound()]

    def _expected(self, live: Sequence[_Row]) -> npt.NDArray[np.float32]:
        """Log-probability of each hypothesis with each token behind it, [B, V]; -inf where the token must not come."""
        pieces = self._pieces
        totals_BV = np.stack([row.position.log_probs_V for row in live])
        if self._expect is not None:
            totals_BV = self._expect(totals_BV, [(*self._recent, *row.tokens)[-RECENT:] for row in live])
        for index, row in enumerate(live):
            if row.owed:
                paid = np.exp(totals_BV[index, pieces.paying(row.owed)].astype(np.float64))
                self._typed += math.exp(row.log_prob) * float(paid.sum())
                totals_BV[index] += pieces.owing(row.owed)
            else:
                totals_BV[index] += pieces.mask(row.pending)
                if self._beam.skips_blank and not row.text.strip():
                    totals_BV[index, self._newlines] = -np.inf
            totals_BV[index] += row.log_prob
        return totals_BV

    def _ranks(self, live: Sequence[_Row], totals_BV: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What the beam chooses by: the probability, and where not all is spelt that is owed, a guess at the rest."""
        if not any(row.owed for row in live):
            return totals_BV
        ranks_BV = totals_BV.copy()
        for index, row in enumerate(live):
            if row.owed:
                ranks_BV[index] -= self._pieces.price(row.owed)
        return ranks_BV

    def _end_line(self, row: _Row, totals_V: npt.NDArray[np.float32]) -> float:
        """Note that a line may end here, and take its ends out of what may follow; its log-probability."""
        if not self._beam.to_line_end or row.owed or row.pending:
            return -math.inf
        ends = totals_V[self._line_ends].astype(np.float64)
        best = int(ends.argmax())
        if ends[best] == -np.inf:
            return -math.inf
        token = int(self._line_ends[best])
        totals_V[self._line_ends] = -np.inf
        total = float(ends[best] + np.log(np.exp(ends - ends[best]).sum()))
        if total > self._bound() and total >= self._lowest():
            self._finish(row, row.text, total, token, row.marks)
        return total

    def _child(self, row: _Row, token: int, total: float) -> _Row | None:
        """A hypothesis with one more token; None when that ends it."""
        if row.owed:
            text, pending, owed = self._pieces.pay(row.owed, token)
        else:
            text, pending = self._pieces.push(row.pending, token)
            owed = b""
        text = row.text + text
        marks = row.marks if owed else (*row.marks, (len(text), total))
        end: int | None = None
        if token == DOC or self._beam.to_line_end:
            at = text.find("\n")  # in what spells an indentation that was begun, for example
            end = len(text) if token == DOC else at if at != -1 else None
        elif not owed:
            end = self._find_end(text)
        if end is not None:
            self._finish(row, text[:end], total, token, marks)
            return None
        length = row.length + (not owed)
        child = _Row(row.position, owed, pending, text, total, (*row.tokens, token), length, marks, row)
        if length >= self._beam.max_tokens or len(text) >= self._beam.max_chars:
            self._cut_off.append(self._left(child))
            return None
        return child

    def _finish(self, row: _Row, text: str, total: float, token: int, marks: tuple[tuple[int, float], ...]) -> None:
        self._done.append(Hypothesis(text, total, (*row.tokens, token), True, marks, row.position))
        self._done.sort(key=lambda each: -each.log_prob)

    @staticmethod
    def _left_with(row: _Row, text: str, total: float, token: int) -> Hypothesis:
        marks = (*row.marks, (len(text), total))
        return Hypothesis(text, total, (*row.tokens, token), False, marks, row.position)

    def _left(self, row: _Row, totals_V: npt.NDArray[np.float32] | None = None) -> Hypothesis:
        """A hypothesis that is left; where it is known, with what would have come next, which ends its last word."""
        if totals_V is not None:
            best = int(totals_V.argmax())
            if totals_V[best] > -np.inf and best != DOC:
                text = row.text + self._pieces.push(row.pending, best)[0]
                return self._left_with(row, text, float(totals_V[best]), best)
        last = row.position if row.parent is None else row.parent.position
        return Hypothesis(row.text, row.log_prob, row.tokens, False, row.marks, last)

    def _bound(self) -> float:
        """What a hypothesis must exceed to be among the num best finished ones, and not too far behind the best."""
        num, ratio = self._beam.num, self._beam.least_ratio
        bound = max(self._floor, self._done[num - 1].log_prob if len(self._done) >= num else -math.inf)
        return max(bound, self._done[0].log_prob + math.log(ratio)) if ratio and self._done else bound

    def _lowest(self) -> float:
        """What a hypothesis must have to be probable enough."""
        return math.log(self._beam.least * (self._typed or 1.0)) if self._beam.least else -math.inf

    def _known_line(self, row: _Row) -> float:
        """Log-probability of the greedy line, if every state on its way is remembered; else -inf.

        It bounds what can be best, so that nobody who types along a suggestion waits for another that loses.
        """
        total, known = -math.inf, True
        while known:
            totals_V = self._expected([row])[0]
            end = self._end_line(row, totals_V)
            token = int(totals_V.argmax())
            best = float(totals_V[token])
            if max(end, best) == -math.inf:
                break
            child = self._child(row, token, best) if best > end else None
            if child is None:
                total = max((each.log_prob for each in self._done), default=-math.inf)
                break
            position = self._reader.known(row.position, token)
            known = position is not None
            child.position = position or row.position
            row = child
            self._done = []
        self._typed, self._done, self._cut_off = 0.0, [], []
        return total

    def _answer(self) -> list[Hypothesis]:
        beam = self._beam
        done = _merged(self._done)[: beam.num]
        cut_off = sorted(self._cut_off, key=lambda each: -each.log_prob)
        found = done + (cut_off if beam.least else cut_off[: beam.num - len(done)])
        typed = math.log(self._typed) if self._typed else 0.0
        return [_given(hypothesis, typed) for hypothesis in found]


def _merged(done: Sequence[Hypothesis]) -> list[Hypothesis]:
    """One for each text, best first."""
    best: dict[str, Hypothesis] = {}
    for each in done:  # the likeliest way comes first
        known = best.get(each.text)
        best[each.text] = (
            each if known is None else replace(known, log_prob=float(np.logaddexp(known.log_prob, each.log_prob)))
        )
    return sorted(best.values(), key=lambda each: -each.log_prob)


def _given(hypothesis: Hypothesis, typed: float) -> Hypothesis:
    """A hypothesis with its probabilities divided by that of what was typed."""
    if not typed:
        return hypothesis
    marks = tuple((length, min(0.0, log_prob - typed)) for length, log_prob in hypothesis.marks)
    return replace(hypothesis, log_prob=min(0.0, hypothesis.log_prob - typed), marks=marks)


def _best(ranks_BV: npt.NDArray[np.float32], num: int) -> list[int]:
    """Places of the num largest finite values, largest first; equal ones in their order."""
    values = ranks_BV.ravel()
    top = values.max()
    places = np.zeros(0, np.int64)
    for nats in _LIKELY_NATS:
        places = np.flatnonzero(values > top - nats)
        if len(places) >= num:
            break
    if len(places) < num:
        places = np.flatnonzero(values > -np.inf)
    order = np.argsort(-values[places], kind="stable")[:num]
    return [int(place) for place in places[order]]
