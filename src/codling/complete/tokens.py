"""The most probable next lexical tokens, with their probabilities."""

# V vocabulary

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.complete.lexical import extends, is_word, token_end
from codling.engine.decoding import Clock, Expect
from codling.engine.pieces import NATS_PER_BYTE, Pieces
from codling.engine.positions import Position
from codling.engine.prefix import RECENT, PrefixReader

__all__ = ["NextToken", "TokenFinder"]

MAX_STEPS = 40  # calls for characters, one each; longer names exist, but not as suggestions
FEW_STEPS = 2  # calls for sub-words, each a third of a millisecond; after these, only what is LIKELY goes on
LIKELY = math.log(0.1)
_ENOUGH_NATS = 2
MAX_KNOWN = 4_096  # beginnings of tokens for which it is remembered what extends them
MAX_SPACES = 24  # columns of white space before a token
BRANCHES = 24  # successors looked at first; the others have about a percent together
FEWER = 10  # the same for what has begun already and is longer than a character
MIN_LOG_PROB = math.log(1e-4)  # nobody wants to see a token less probable than that
MIN_TO_READ = math.log(2e-3)  # a sub-word less probable than that is not read on: a list's end is not worth a call


_token_end = functools.lru_cache(MAX_KNOWN)(token_end)


@dataclass(frozen=True, slots=True)
class NextToken:
    """A lexical token that may come next."""

    text: str
    log_prob: float
    "That the file goes on with exactly this token, in nats."


@dataclass(frozen=True, slots=True, eq=False)
class _Partial:
    """An unfinished token; its last vocabulary token, if it has any, has not been read yet."""

    position: Position
    "Before its last vocabulary token."
    text: str
    log_prob: float
    owed: bytes
    tokens: tuple[int, ...]


def _rank(partial: _Partial) -> float:
    """What is read first: the probable, in view of what is still to be spelt; see Pieces.price."""
    return partial.log_prob - NATS_PER_BYTE * len(partial.owed)


class TokenFinder:
    """Finds next tokens with one model."""

    def __init__(self, reader: PrefixReader, pieces: Pieces) -> None:
        self._reader = reader
        self._pieces = pieces
        firsts = {first for first in pieces.first_V if first not in ("", "\n")}
        self._any = frozenset(firsts)
        self._words = frozenset(first for first in firsts if is_word(first))
        self._others = self._any - self._words
        self._in_numbers = self._words | {"."}
        # A character model comes to a token's end step by step, so that it must follow more beginnings at a time.
        self.by_characters = reader.model.vocab.unit == "character"
        self.whole_V = pieces.mask() == 0
        self._extending_mark = functools.lru_cache(MAX_KNOWN)(self._extending_mark_anew)

    def find(
        self, position: Position, num: int, *, word: str = "", expect: Expect | None = None, clock: Clock
    ) -> list[NextToken]:
        """The num most probable next tokens, best first; fewer if nothing else is likely at all.

        The likeliest unfinished tokens go one vocabulary token further in one call of the model, until none could
        be among the best any more. The probability of ending is the sum over all successors that do not extend the
        token, so it is exact up to what was given up as hopeless. A text that the vocabulary spells in several ways
        is one token, with their sum. What the position owes is spelt first, as in codling.engine.search.

        Args:
            word: the word that the cursor stands in the middle of, if any.
            expect: from the network's probabilities to those that count; None to take them as they are.
            clock: when it is over, the best tokens found until then are returned.
        """
        return _Finding(self, position, num, word, expect).run(clock)

    def extending(self, text: str, word: str) -> npt.NDArray[np.bool_]:
        """Which vocabulary tokens make a lexical token longer, bool [V]."""
        token = text.lstrip(" \t")
        if not token:
            return self._pieces.starting_with(self._any)
        if not is_word(token[-1]):
            return self._extending_mark(token)
        return self._pieces.starting_with(self._in_numbers if extends(text, ".", word) else self._words)

    def is_whole(self, text: str) -> bool:
        """Whether nothing makes a lexical token longer: a bracket, for example."""
        token = text.lstrip(" \t")
        return token != "" and not is_word(token[-1]) and not self._extending_mark(token).any()

    def _extending_mark_anew(self, token: str) -> npt.NDArray[np.bool_]:
        """As extending, for operators and other marks, and for a number that ends with a dot."""
        firsts = frozenset(first for first in self._others if extends(token, first))
        if token[-1] == "." and extends(token, "0"):
            firsts = firsts | self._words
        return self._pieces.starting_with(firsts)


class _Finding:
    """One search for next tokens."""

    def __init__(self, finder: TokenFinder, position: Position, num: int, word: str, expect: Expect | None) -> None:
        self._reader, self._pieces, self._finder = finder._reader, finder._pieces, finder
        self._start, self._num, self._word, self._expect = position, num, word, expect
        self._width = max(8, 2 * num) if finder.by_characters else num + 3
        self._typed = 0.0 if position.owed else 1.0  # probability of all ways to spell what is owed
        self._found: dict[str, float] = {}
        self._waiting: list[_Partial] = []

    def run(self, clock: Clock) -> list[NextToken]:
        root = _Partial(self._start, "", 0.0, self._start.owed, ())
        self._go_on([root], [self._start])
        for step in range(MAX_STEPS):
            least = self._least()
            if not self._finder.by_characters:
                least = max(least, (LIKELY if step >= FEW_STEPS else MIN_TO_READ) + self._log_typed)
            self._waiting = [each for each in self._waiting if each.log_prob > least]
            self._waiting.sort(key=_rank, reverse=True)
            if step > FEW_STEPS and self._typed:  # other ways to spell a long name would change next to nothing
                enough = self._log_typed - _ENOUGH_NATS
                self._waiting = [each for each in self._waiting if not each.owed or _rank(each) > enough]
            live, self._waiting = self._waiting[: self._width], self._waiting[self._width : 4 * self._width]
            if not live or clock.is_over():
                break
            self._go_on(live, self._reader.step_all([(each.position, each.tokens[-1]) for each in live]))
        typed = self._log_typed
        best = sorted(self._found.items(), key=lambda row: -row[1])[: self._num]
        return [NextToken(text, min(0.0, log_prob - typed)) for text, log_prob in best]

    def _go_on(self, live: Sequence[_Partial], positions: Sequence[Position]) -> None:
        """Note the tokens that end at the positions, and what may follow."""
        log_probs_BV = np.stack([position.log_probs_V for position in positions])
        if self._expect is not None:
            recent = self._start.recent
            log_probs_BV = self._expect(log_probs_BV, [(*recent, *each.tokens)[-RECENT:] for each in live])
        for partial, position, log_probs_V in zip(live, positions, log_probs_BV, strict=True):
            if partial.owed:
                paid = np.exp(log_probs_V[self._pieces.paying(partial.owed)])
                self._typed += math.exp(partial.log_prob) * float(paid.sum())
                self._expand(partial, position, log_probs_V, self._pieces.owing(partial.owed) == 0)
                continue
            extending_V = self._extending(partial.text)
            if partial.text.strip():
                going_on = float(np.exp(log_probs_V) @ extending_V.astype(np.float32))
                if going_on < 1:
                    self._add(partial.text, partial.log_prob + math.log1p(-going_on))
            self._expand(partial, position, log_probs_V, extending_V & self._finder.whole_V)

    def _expand(
        self,
        partial: _Partial,
        position: Position,
        log_probs_V: npt.NDArray[np.float32],
        allowed_V: npt.NDArray[np.bool_],
    ) -> None:
        """Put a partial token's likeliest successors in the queue, or among the found where they show its end."""
        tokens = np.flatnonzero((log_probs_V > self._least() - partial.log_prob) & allowed_V)
        branches = BRANCHES if self._finder.by_characters or not partial.text else FEWER
        if len(tokens) > branches:
            tokens = tokens[np.argpartition(log_probs_V[tokens], -branches)[-branches:]]
        for token in tokens.tolist():
            log_prob = partial.log_prob + float(log_probs_V[token])
            if partial.owed:
                added, pending, owed = self._pieces.pay(partial.owed, token)
            else:
                (added, pending), owed = self._pieces.push(b"", token), b""
            text = partial.text + added
            if pending or "\n" in text or len(text) - len(text.lstrip(" \t")) > MAX_SPACES:
                continue
            end = _token_end(text, self._word)
            if end is not None:
                self._add(text[:end], log_prob)
            elif not owed and self._finder.is_whole(text):
                self._add(text, log_prob)
            else:
                self._waiting.append(_Partial(position, text, log_prob, owed, (*partial.tokens, token)))

    def _extending(self, text: str) -> npt.NDArray[np.bool_]:
        return self._finder.extending(text, self._word)

    @property
    def _log_typed(self) -> float:
        return math.log(self._typed) if self._typed else -math.inf

    def _least(self) -> float:
        """What an unfinished token must exceed, for its probability only falls, to be among the num best."""
        lowest = MIN_LOG_PROB + self._log_typed
        if len(self._found) < self._num:
            return lowest
        return max(lowest, sorted(self._found.values(), reverse=True)[self._num - 1])

    def _add(self, text: str, log_prob: float) -> None:
        known = self._found.get(text)
        if known is not None:
            low, high = sorted((known, log_prob))
            log_prob = high + math.log1p(math.exp(low - high))
        self._found[text] = log_prob
