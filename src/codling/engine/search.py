"""Beam search: the most probable continuations of a text up to a given end."""

# B beam, V vocabulary

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codling.engine.decoding import Clock, FindEnd
from codling.engine.model import Model, pick_rows
from codling.engine.pieces import Pieces
from codling.engine.prefix import Position
from codling.vocab import DOC

__all__ = ["Hypothesis", "beam_search"]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One continuation."""

    text: str
    "Up to its end; what the last token had beyond the end is dropped."
    log_prob: float
    "Of all its tokens, the one that ended it included, in nats."
    tokens: tuple[int, ...]
    finished: bool
    "Its end was found, or the model ended the document; otherwise a limit cut it off."


@dataclass(frozen=True, slots=True)
class _Live:
    text: str
    log_prob: float
    tokens: tuple[int, ...]
    pending: bytes


def beam_search(
    model: Model,
    pieces: Pieces,
    position: Position,
    find_end: FindEnd,
    *,
    width: int,
    num: int = 1,
    max_tokens: int,
    clock: Clock | None = None,
) -> list[Hypothesis]:
    """Find the num most probable continuations, best first: finished ones, then those that a limit cut off.

    Each step reads one token for the whole beam in one call of the model. A hypothesis that is already less probable
    than the num-th best finished one is given up, which loses nothing because probabilities only fall. With a beam as
    wide as there are continuations the answer is exact.

    Args:
        find_end: says where a text ends, or None while it has not.
        width: hypotheses kept from step to step.
        max_tokens: length at which a hypothesis is cut off.
        clock: when it is over, the best found until then are returned.
    """
    clock = clock or Clock()
    done: list[Hypothesis] = []
    live = [_Live("", 0.0, (), b"")]
    state, log_probs_BV = position.state, position.log_probs_V[None]
    for length in range(1, max_tokens + 1):
        totals_BV = log_probs_BV + np.stack([pieces.mask(row.pending) for row in live])
        totals_BV = totals_BV + np.array([row.log_prob for row in live])[:, None]
        least = done[num - 1].log_prob if len(done) >= num else -np.inf
        survivors: list[_Live] = []
        parents: list[int] = []
        for place in _best(totals_BV.ravel(), 2 * width):  # twice, for some of them end here and leave their room
            total = float(totals_BV.flat[place])
            if total <= least or len(survivors) == width:
                break
            parent, token = divmod(place, totals_BV.shape[1])
            row = live[parent]
            tokens = (*row.tokens, token)
            text, pending = pieces.push(row.pending, token)
            text = row.text + text
            end = len(text) if token == DOC else find_end(text)
            if end is not None:
                done.append(Hypothesis(text[:end], total, tokens, finished=True))
            else:
                survivors.append(_Live(text, total, tokens, pending))
                parents.append(parent)
        done.sort(key=lambda hypothesis: -hypothesis.log_prob)
        if len(done) >= num:
            kept = [i for i, row in enumerate(survivors) if row.log_prob > done[num - 1].log_prob]
            survivors, parents = [survivors[i] for i in kept], [parents[i] for i in kept]
        live = survivors
        if not live or length == max_tokens or clock.is_over():
            break
        state = pick_rows(model.card, state, parents)
        log_probs_BTV, state = model.run(np.array([[row.tokens[-1]] for row in live]), state)
        log_probs_BV = log_probs_BTV[:, 0]
    cut_off = [Hypothesis(row.text, row.log_prob, row.tokens, finished=False) for row in live]
    return (done + cut_off)[:num]


def _best(values: np.ndarray[tuple[int], np.dtype[np.float64]], num: int) -> list[int]:
    """Places of the num largest finite values, largest first; equal ones in their order."""
    num = min(num, len(values))
    places = np.argpartition(-values, num - 1)[:num]
    places = places[np.isfinite(values[places])]
    places.sort()
    return [int(place) for place in places[np.argsort(-values[places], kind="stable")]]
