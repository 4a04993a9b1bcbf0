"""The most probable next lexical tokens, with their probabilities."""

# B batch, V vocabulary

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.complete.lexical import extends, is_word, token_end
from codling.engine.decoding import Clock
from codling.engine.model import Model, State, pick_rows
from codling.engine.pieces import Pieces
from codling.engine.prefix import Position

__all__ = ["NextToken", "TokenFinder"]

MAX_STEPS = 40  # vocabulary tokens that one lexical token may take; longer names exist, but not as suggestions
MAX_SPACES = 24  # columns of white space before a token
BRANCHES = 24  # successors looked at for each unfinished token; the others have about a percent together
MIN_LOG_PROB = math.log(1e-4)  # nobody wants to see a token less probable than that


@dataclass(frozen=True, slots=True, eq=False)
class NextToken:
    """A lexical token that may come next."""

    text: str
    log_prob: float
    "That the file goes on with exactly this token, in nats."
    read: str
    "What the model has read: the token, and whatever its last vocabulary token had beyond it."
    log_prob_read: float
    state: State
    "After what was read, for a batch of one."
    log_probs_V: npt.NDArray[np.float32]
    extending_V: npt.NDArray[np.bool_] | None
    "Vocabulary tokens that would make the token longer; None if it ends before the end of what was read."

    @property
    def marks(self) -> list[tuple[int, float]]:
        """Length and log-probability of what was read, as drafts count them."""
        return [(len(self.read), self.log_prob_read)]


@dataclass(frozen=True, slots=True)
class _Partial:
    """An unfinished token whose next vocabulary tokens are to be looked at."""

    text: str
    log_prob: float
    log_probs_V: npt.NDArray[np.float32]
    extending_V: npt.NDArray[np.bool_]
    row: int
    "Its place in the batch of states."


@dataclass(frozen=True, slots=True)
class _Child:
    text: str
    log_prob: float
    token: int
    end: int | None
    "Length of the lexical token, if the text has gone beyond it."
    row: int
    "Its parent's place in the batch of states."


class TokenFinder:
    """Finds next tokens with one model."""

    def __init__(self, model: Model, pieces: Pieces) -> None:
        self._model = model
        self._pieces = pieces
        self._mask_V = pieces.mask()
        firsts = {first for first in pieces.first_V if first not in ("", "\n")}
        self._any = frozenset(firsts)
        self._words = frozenset(first for first in firsts if is_word(first))
        self._others = self._any - self._words

    def find(self, position: Position, num: int, *, word: str = "", clock: Clock) -> list[NextToken]:
        """The num most probable next tokens, best first; fewer if nothing else is likely at all.

        All unfinished tokens go one vocabulary token further in one call of the model. The probability of ending is
        the sum over all successors that do not extend the token, so it is exact up to what was given up as hopeless.
        A text that the vocabulary spells in several ways is one token, with their sum.

        Args:
            word: the word that the cursor stands in the middle of, if any.
            clock: when it is over, the best tokens found until then are returned.
        """
        found: dict[str, NextToken] = {}
        width = max(8, 2 * num)
        state = position.state
        live = [_Partial("", 0.0, position.log_probs_V, self._extending("", word), 0)]
        for _ in range(MAX_STEPS):
            least = _least(found, num)
            children = [child for partial in live for child in self._children(partial, word, least)]
            children = sorted(children, key=lambda child: -child.log_prob)[:width]
            if not children or clock.is_over():
                break
            state = pick_rows(self._model.card, state, [child.row for child in children])
            log_probs_BTV, state = self._model.run(np.array([[child.token] for child in children]), state)
            live = []
            for row, child in enumerate(children):
                partial = self._note(child, row, log_probs_BTV[row, 0], state, word, found)
                if partial is not None:
                    live.append(partial)
        return sorted(found.values(), key=lambda token: -token.log_prob)[:num]

    def _children(self, partial: _Partial, word: str, least: float) -> list[_Child]:
        log_probs_V = partial.log_probs_V + self._mask_V
        log_probs_V[~partial.extending_V] = -np.inf
        num = min(BRANCHES, len(log_probs_V) - 1)
        children = []
        for token in np.argpartition(log_probs_V, -num)[-num:].tolist():
            log_prob = partial.log_prob + float(log_probs_V[token])
            if log_prob <= least:
                continue
            text = partial.text + self._pieces.push(b"", token)[0]
            if len(text) - len(text.lstrip(" \t")) <= MAX_SPACES:
                children.append(_Child(text, log_prob, token, token_end(text, word), partial.row))
        return children

    def _note(
        self,
        child: _Child,
        row: int,
        log_probs_V: npt.NDArray[np.float32],
        state: State,
        word: str,
        found: dict[str, NextToken],
    ) -> _Partial | None:
        """Note the token that ends here, if one may, and return what may go on."""
        if child.end is not None:
            own = pick_rows(self._model.card, state, [row])
            text = child.text[: child.end]
            _add(found, NextToken(text, child.log_prob, child.text, child.log_prob, own, log_probs_V, extending_V=None))
            return None
        extending_V = self._extending(child.text, word)
        going_on = min(1.0, float(np.exp(log_probs_V[extending_V]).sum()))
        if child.text.strip() and going_on < 1:
            own = pick_rows(self._model.card, state, [row])
            log_prob = child.log_prob + math.log1p(-going_on)
            _add(found, NextToken(child.text, log_prob, child.text, child.log_prob, own, log_probs_V, extending_V))
        if not going_on:
            return None
        return _Partial(child.text, child.log_prob, log_probs_V, extending_V, row)

    def _extending(self, text: str, word: str) -> npt.NDArray[np.bool_]:
        """Which vocabulary tokens make a lexical token longer, bool [V]."""
        if not text.strip():
            return self._pieces.starting_with(self._any)
        if is_word(text[-1]):
            firsts = self._words | {"."} if extends(text, ".", word) else self._words
        else:
            firsts = frozenset(first for first in self._others if extends(text, first, word))
            if text[-1] == "." and extends(text, "0", word):
                firsts = firsts | self._words
        return self._pieces.starting_with(firsts)


def _least(found: dict[str, NextToken], num: int) -> float:
    """What an unfinished token must exceed, for its probability only falls, to be among the num best."""
    if len(found) < num:
        return MIN_LOG_PROB
    return max(MIN_LOG_PROB, sorted((token.log_prob for token in found.values()), reverse=True)[num - 1])


def _add(found: dict[str, NextToken], token: NextToken) -> None:
    known = found.get(token.text)
    if known is not None:
        better = max(token, known, key=lambda each: each.log_prob)
        token = dataclasses.replace(better, log_prob=float(np.logaddexp(token.log_prob, known.log_prob)))
    found[token.text] = token
