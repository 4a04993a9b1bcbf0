"""Continues texts to a given end, several at once, and keeps count of their probability."""

# B batch, V vocabulary

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from codling.engine.loops import LoopGuard
from codling.engine.model import State, pick_rows, stack_states
from codling.engine.pieces import Pieces
from codling.engine.positions import Position
from codling.engine.prefix import RECENT, Cancelled, PrefixReader
from codling.engine.sampling import SamplingConfig, draw
from codling.errors import CancelledError
from codling.vocab import DOC

__all__ = ["Clock", "Draft", "Expect", "FindEnd", "continue_texts"]

Expect = Callable[[npt.NDArray[np.float32], Sequence[tuple[int, ...]]], npt.NDArray[np.float32]]
"""From the network's log-probabilities [B, V] and the last tokens of the text before each, the log-probabilities to
decode by: a cache is mixed in. Must not change its arguments."""

FindEnd = Callable[[str], int | None]
"Given a draft's text, says where it ends (what follows is dropped), or None if it has not ended yet."

GREEDY = SamplingConfig(temperature=0)
NEARBY = 2_000  # characters before the cursor in whose lines an indentation is plausible for a suggestion, too
MIN_INDENT = 16  # columns that are plausible in any case; arguments may stand as far right as the cursor's line goes


class Clock:
    """What one request may still spend."""

    def __init__(self, budget_ms: float | None = None, cancelled: Cancelled | None = None) -> None:
        """Args:
        budget_ms: wall-clock time from now on; None for no limit. Decoders return what they have when it is over.
        cancelled: asked between steps; decoders raise CancelledError when it is true.
        """
        self.cancelled = cancelled
        self._end = None if budget_ms is None else time.perf_counter() + budget_ms / 1_000

    def is_over(self) -> bool:
        """True when the time is over.

        Raises:
            CancelledError: nobody waits any more.
        """
        if self.cancelled is not None and self.cancelled():
            raise CancelledError("the request was cancelled")
        return self._end is not None and time.perf_counter() > self._end


@dataclass(slots=True)
class Draft:
    """A text on its way, or at its end."""

    text: str
    log_prob: float
    "Of its tokens, in nats; of a finished draft, that of the token that ended it is in it."
    state: State | None = None
    "For a batch of one, after all tokens; None when it is not to be continued."
    log_probs_V: npt.NDArray[np.float32] | None = None
    "What the model expects after the text."
    finished: bool = False
    "Its end was found, or the model ended the document; otherwise a limit cut it off."
    owed: bytes = b""
    "What tokens must spell before they add to the text."
    recent: tuple[int, ...] = ()
    "The last tokens before and of it."
    pending: bytes = b""
    marks: list[tuple[int, float]] = field(default_factory=list)
    "Length and log-probability after each token."

    def cut(self, length: int) -> None:
        """Drop what stands behind a length.

        The log-probability becomes that of the rest and of the one token after it, which shows that it ends there.
        """
        if length < len(self.text):
            self.text = self.text[:length]
            self.log_prob = next((log_prob for size, log_prob in self.marks if size > length), self.log_prob)


def continue_texts(
    reader: PrefixReader,
    pieces: Pieces,
    drafts: Sequence[Draft],
    find_end: FindEnd,
    *,
    max_chars: int,
    clock: Clock,
    position: Position | None = None,
    config: SamplingConfig = GREEDY,
    forbidden_first: Sequence[npt.NDArray[np.bool_] | None] | None = None,
    least: float = 0.0,
    context: str = "",
    expect: Expect | None = None,
) -> None:
    """Continue drafts in place, one call of the model per token for all of them together.

    Args:
        drafts: each with its state and the log-probabilities after it.
        find_end: asked after every token; the draft is cut there and is finished. The token that showed the end counts
            in its probability, so a line's is that of exactly this line.
        max_chars: a draft this long is left unfinished.
        position: for a single draft, where it stands for the reader, which then remembers every state on the way.
        forbidden_first: for each draft, tokens that must not come while it is blank, bool [V].
        least: a draft is left unfinished when the probability of what was added to it falls below this.
        context: the text before the drafts, for the loop guard.
        expect: from the network's probabilities to those that count; None to take them as they are.
    """
    if not drafts:
        return
    random = np.random.default_rng(config.seed)
    nearby = context[-NEARBY:]
    rows = [_Row(draft, LoopGuard(nearby, max(MIN_INDENT, len(context) - context.rfind("\n")))) for draft in drafts]
    for row, forbidden in zip(rows, forbidden_first or [], strict=False):
        row.forbidden = forbidden
    if least > 0:
        for row in rows:
            row.lowest = row.draft.log_prob + math.log(least)
    if position is None:
        state = stack_states(reader.model.card, [_state_of(draft) for draft in drafts])
    live = rows
    while live and not clock.is_over():
        if expect is not None:
            known_BV = np.stack([_expected_by(row.draft) for row in live])
            for row, log_probs_V in zip(live, expect(known_BV, [row.draft.recent for row in live]), strict=True):
                row.draft.log_probs_V = log_probs_V
        tokens = [row.advance(pieces, config, random, find_end, max_chars) for row in live]
        going = [i for i, token in enumerate(tokens) if token is not None]
        following = [token for token in tokens if token is not None]
        if not following:
            break
        if position is not None:
            position = reader.step(position, following[0])
            live[0].draft.log_probs_V = position.log_probs_V
            continue
        if len(going) < len(live):
            state = pick_rows(reader.model.card, state, going)
            live = [live[i] for i in going]
        log_probs_BTV, state = reader.model.run(np.array(following, np.int64)[:, None], state)
        for row, log_probs_V in zip(live, log_probs_BTV[:, 0], strict=True):
            row.draft.log_probs_V = log_probs_V
    for draft in drafts:  # what they stand for has moved on
        draft.state = draft.log_probs_V = None


def _state_of(draft: Draft) -> State:
    assert draft.state is not None, "a draft without a state cannot be continued"
    return draft.state


def _expected_by(draft: Draft) -> npt.NDArray[np.float32]:
    assert draft.log_probs_V is not None, "a draft without a state cannot be continued"
    return draft.log_probs_V


@dataclass(slots=True)
class _Row:
    draft: Draft
    guard: LoopGuard
    forbidden: npt.NDArray[np.bool_] | None = None
    lowest: float = -math.inf
    "Log-probability below which the draft is left."

    def advance(
        self, pieces: Pieces, config: SamplingConfig, random: np.random.Generator, find_end: FindEnd, max_chars: int
    ) -> int | None:
        """Add a token to the draft; None when the draft ends instead."""
        draft = self.draft
        assert draft.log_probs_V is not None
        paying = bool(draft.owed)
        masked_V = draft.log_probs_V + (pieces.owing(draft.owed) if paying else pieces.mask(draft.pending))
        if self.forbidden is not None and not paying and not draft.text.strip():
            masked_V[self.forbidden] = -np.inf
        token = draw(masked_V, config, random)
        if (
            token is not None
            and not (draft.pending or paying)
            and pieces.first_V[token] in (loop := self.guard.forbidden())
        ):
            self.guard.broke()
            masked_V[pieces.starting_with(loop)] = -np.inf
            token = None if self.guard.stuck else draw(masked_V, config, random)
        if token is None:
            return None
        draft.log_prob += float(draft.log_probs_V[token])
        draft.recent = (*draft.recent, token)[-RECENT:]
        if token == DOC:
            draft.finished = True
            return None
        if paying:  # given that it was typed
            draft.log_prob -= float(np.logaddexp.reduce(masked_V[masked_V > -np.inf].astype(np.float64)))
            text, draft.pending, draft.owed = pieces.pay(draft.owed, token)
            if draft.owed:
                return token
        else:
            text, draft.pending = pieces.push(draft.pending, token)
        for character in text:
            self.guard.push(character)
        draft.text += text
        draft.marks.append((len(draft.text), draft.log_prob))
        end = find_end(draft.text)
        if end is not None:
            draft.cut(end)
            draft.finished = True
            return None
        return None if len(draft.text) >= max_chars or draft.log_prob < self.lowest else token
