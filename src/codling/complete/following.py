"""What stands behind the cursor, as evidence of what is missing before it.

A network that reads from left to right cannot be told what follows (told beforehand, it loses its place; see
docs/completion.md). But it can say how well what follows would go with each line that it proposes. By Bayes' rule

    P(line | above, below)  ∝  P(line | above) · P(below | above, line),

the noisy channel of speech recognition and translation (Brown et al. 1993), with the first tokens of what is below.
"""

# B hypotheses, T time

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from codling.complete.overlap import useful_length
from codling.engine.pieces import Pieces
from codling.engine.positions import Position
from codling.engine.prefix import PrefixReader
from codling.engine.search import Hypothesis
from codling.vocab import DOC

__all__ = ["Following"]

NUM_TOKENS = 8  # sub-words of what follows that are asked for; more say nothing more (docs/completion.md)
NUM_CHARS = 30  # the same for characters
_CHARS_PER_TOKEN = 16  # that the tokens are looked for in; hardly a token is longer
_MAX_KNOWN = 1_024  # answers that are kept, for those who type along

_Way = tuple[Position, tuple[int, ...], int]
"From where, which tokens, and how many of them come before what follows."


class Following:
    """Weighs lines by what follows them. Safe to use from several threads at once."""

    def __init__(self, reader: PrefixReader, pieces: Pieces) -> None:
        self._reader = reader
        vocab = reader.model.vocab
        self._num_tokens = NUM_CHARS if vocab.unit == "character" else NUM_TOKENS
        self._line_ends = np.append(np.flatnonzero(pieces.starting_with(frozenset("\n"))), DOC)
        self._known: OrderedDict[tuple[tuple[int, int], tuple[int, ...], int], float] = OrderedDict()
        self._lock = threading.Lock()

    def weigh(self, found: Sequence[Hypothesis], start: Position, following: str) -> list[Hypothesis]:
        """The same hypotheses, best first, with their probabilities given what follows; one call of the model at most.

        With p_i the probability of finished line i, its end included, and s_i that of what follows divided by that of
        the line's end (which it says again), a line gets p_i s_i · Σp / Σ(p s). So lines have among them what they had
        before, and what was not found keeps what it had: taken to go with what follows as well as they do on average.
        A mark's probability, of all lines that begin so, changes by as much as those of the lines found among them.

        Where something follows on the cursor's line, lines are cut first as they are to be inserted.

        Args:
            found: of one beam, which ends them with their lines.
            start: where the beam began.
            following: the text behind the cursor, as the model reads it.
        """
        if not following.strip():
            return list(found)
        rest = following.partition("\n")[0]
        if rest.strip():
            found = _cut(found, rest)
        else:
            following = following[len(rest) :]  # white space at a line's end
        lines = [each for each in found if each.finished]
        if len(lines) < 2:
            return list(found)
        ways = [self._way(each, start, following, whole=not rest.strip()) for each in lines]
        fits = np.array(self._fits(ways))
        if not rest.strip():
            fits -= [self._line_end(each.last) for each in lines]
        else:
            fits += [_log_prob_at(each, len(each.text)) - each.log_prob for each in lines]
        logs = np.array([each.log_prob for each in lines])
        priors, joints = np.exp(logs), logs + fits
        posts = np.exp(joints - np.logaddexp.reduce(joints)) * priors.sum()
        gains = [(each.text, float(gain)) for each, gain in zip(lines, posts - priors, strict=True)]
        weighed = [replace(each, log_prob=_log(post)) for each, post in zip(lines, posts.tolist(), strict=True)]
        others = [
            replace(each, log_prob=_gained(each.text, each.log_prob, gains)) for each in found if not each.finished
        ]
        weighed.sort(key=lambda each: -each.log_prob)
        return [replace(each, marks=_marks(each, gains)) for each in (*weighed, *others)]

    def _way(self, line: Hypothesis, start: Position, following: str, *, whole: bool) -> _Way:
        """Tokens up to what follows, and its first ones, as the vocabulary cuts the whole of it."""
        encode = self._reader.model.vocab.encode
        ahead = following[: _CHARS_PER_TOKEN * self._num_tokens]
        if whole:  # no token reaches over a line end from before it
            return line.last, tuple(encode(ahead)[: self._num_tokens]), 0
        before = start.owed.decode("utf-8", "surrogatepass") + line.text
        tokens, pieces = encode(before + ahead), self._reader.model.vocab.pieces()
        left, num_before = len(before.encode("utf-8", "surrogatepass")), 0
        while left >= len(pieces[tokens[num_before]]):  # a token over the seam says something of what follows
            left -= len(pieces[tokens[num_before]])
            num_before += 1
        return start, tuple(tokens[: num_before + self._num_tokens]), num_before

    def _fits(self, ways: Sequence[_Way]) -> list[float]:
        """Log-probability, by the network alone, of what follows each; the cache has counted it already."""
        keys = [(position.fingerprint, tokens, num_before) for position, tokens, num_before in ways]
        with self._lock:
            known = {key: self._known[key] for key in keys if key in self._known}
        unknown = [(key, way) for key, way in zip(keys, ways, strict=True) if key not in known]
        if unknown:
            read = self._reader.read_ahead([(position, tokens) for _, (position, tokens, _) in unknown])
            for (key, (_, _, num_before)), log_probs_T in zip(unknown, read, strict=True):
                known[key] = float(log_probs_T[num_before:].sum())
        with self._lock:
            for key, fit in known.items():
                self._known[key] = fit
                self._known.move_to_end(key)
            while len(self._known) > _MAX_KNOWN:
                self._known.popitem(last=False)
        return [known[key] for key in keys]

    def _line_end(self, position: Position) -> float:
        return float(np.logaddexp.reduce(position.log_probs_V[self._line_ends].astype(np.float64)))


def _cut(found: Sequence[Hypothesis], rest: str) -> list[Hypothesis]:
    """Hypotheses up to what is there already; those that become one, and are no other way to it, fall together."""
    cut: dict[tuple[str, float], Hypothesis] = {}
    for each in found:
        length = useful_length(each.text, rest)
        if each.finished and length < len(each.text):
            log_prob = next((log_prob for size, log_prob in each.marks if size > length), each.log_prob)
            marks = tuple(mark for mark in each.marks if mark[0] <= length)
            each = replace(each, text=each.text[:length], log_prob=log_prob, marks=marks)
        cut.setdefault((each.text, each.log_prob), each)
    return sorted(cut.values(), key=lambda each: (not each.finished, -each.log_prob))


def _log_prob_at(line: Hypothesis, length: int) -> float:
    """Of what a hypothesis begins with, whatever comes next."""
    return next((log_prob for size, log_prob in reversed(line.marks) if size <= length), 0.0)


def _marks(each: Hypothesis, gains: Sequence[tuple[str, float]]) -> tuple[tuple[int, float], ...]:
    return tuple((length, _gained(each.text[:length], log_prob, gains)) for length, log_prob in each.marks)


def _gained(text: str, log_prob: float, gains: Sequence[tuple[str, float]]) -> float:
    return _log(math.exp(log_prob) + sum(gain for line, gain in gains if line.startswith(text)))


def _log(probability: float) -> float:
    return min(0.0, math.log(max(probability, 1e-300)))
