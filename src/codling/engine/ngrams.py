"""Where the last tokens stood before, and what followed: an index of token sequences by their contexts.

One array holds all orders at once: the places of a text sorted by the tokens before them, the nearest first. The places
that share the last k tokens with a context are then one run of it, and the runs for longer contexts lie inside those
for shorter ones (a suffix array of the reversed text; Manber & Myers 1993). A place costs 22 bytes, whatever the order.
"""

# B contexts, K order, N tokens, M places, D documents, R matches

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.vocab import DOC

__all__ = [
    "MAX_ORDER",
    "Matches",
    "Places",
    "Tokens",
    "context_after",
    "contexts_of",
    "join_matches",
    "match_few",
]

MAX_ORDER = 8
"Tokens of context at most: two 64-bit numbers of four 16-bit tokens each; about five words of code."

CAP = 192  # places that are looked at one by one for a context; more would tell little about what comes next
SAMPLE = 64  # of those that match a shorter context only

_HALF = MAX_ORDER // 2
_MASKS_K = ~np.uint64(0) << np.array([48, 32, 16, 0], np.uint64)
"What of a half counts for each order."

Tokens = npt.NDArray[np.uint16]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Places whose context matches, and how well; R of them."""

    rows_R: Ints
    "Which of the contexts."
    places_R: Ints
    "Index of the token that follows, in the tokens that were searched."
    next_R: Ints
    "That token."
    orders_R: Ints
    "Length of the context that they share, from 1 to MAX_ORDER."
    weights_R: npt.NDArray[np.float64]
    "How many places each stands for: 1, or more where only a sample was looked at."

    def pick(self, keep_R: npt.NDArray[np.bool_]) -> Matches:
        return Matches(
            self.rows_R[keep_R],
            self.places_R[keep_R],
            self.next_R[keep_R],
            self.orders_R[keep_R],
            self.weights_R[keep_R],
        )


class Places:
    """All places of some documents, ready to be searched. Never changes."""

    def __init__(self, tokens_N: Tokens, cap: int = CAP) -> None:
        """Args:
        tokens_N: documents one after another, each of which starts with DOC; ids below 65,536.
        cap: places that are looked at one by one; up to so many, counts are exact.
        """
        self.tokens_N = np.ascontiguousarray(tokens_N, np.uint16)
        self.doc_starts_D = np.flatnonzero(self.tokens_N == DOC)
        self.cap = cap
        near_N, far_N = pack_contexts(contexts_of(self.tokens_N))
        order = np.lexsort((far_N, near_N))
        order = order[self.tokens_N[order] != DOC]  # nobody predicts that another document begins
        self._near_M: Keys = near_N[order]
        self._far_M: Keys = far_N[order]
        self._places_M = order.astype(np.int32)

    @property
    def num_bytes(self) -> int:
        arrays = (self.tokens_N, self.doc_starts_D, self._near_M, self._far_M, self._places_M)
        return sum(array.nbytes for array in arrays)

    def document_of(self, places: Ints) -> Ints:
        """Which document each place stands in."""
        found: Ints = np.searchsorted(self.doc_starts_D, places, side="right") - 1
        return found

    def find(self, contexts_BK: Tokens) -> Matches:
        """The places that share at least the last token with each context.

        Those that share most are all looked at, up to the cap; of the next shorter order, an even sample.

        Args:
            contexts_BK: uint16 [B, MAX_ORDER], the nearest token first, DOC beyond a document's start.
        """
        starts_BK, stops_BK = self._runs(contexts_BK)
        rows = np.arange(len(contexts_BK))
        sizes_BK = stops_BK - starts_BK
        # The shortest order that is looked at whole; MAX_ORDER where even the longest has more places than that.
        whole_B = (sizes_BK > self.cap).sum(axis=1)
        longest_B = np.minimum(whole_B, MAX_ORDER - 1)
        lows_B, highs_B = starts_BK[rows, longest_B], stops_BK[rows, longest_B]
        highs_B = np.where(whole_B < MAX_ORDER, highs_B, lows_B)
        index, owners = _ranges(lows_B, highs_B)
        weights = np.ones(len(index))
        sampled = np.flatnonzero(whole_B > 0)
        if len(sampled):
            index, owners, weights = self._with_samples(
                (index, owners, weights), sampled, starts_BK, stops_BK, whole_B, (lows_B, highs_B)
            )
        orders = ((index[:, None] >= starts_BK[owners]) & (index[:, None] < stops_BK[owners])).sum(axis=1)
        places = self._places_M[index].astype(np.int64)
        return Matches(owners, places, self.tokens_N[places].astype(np.int64), orders, weights)

    def _with_samples(
        self,
        found: tuple[Ints, Ints, npt.NDArray[np.float64]],
        sampled: Ints,
        starts_BK: Ints,
        stops_BK: Ints,
        whole_B: Ints,
        inner: tuple[Ints, Ints],
    ) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
        """Add an even sample of the places that match one token less."""
        lows, highs = starts_BK[sampled, whole_B[sampled] - 1], stops_BK[sampled, whole_B[sampled] - 1]
        num = np.where(whole_B[sampled] == MAX_ORDER, self.cap, min(SAMPLE, self.cap))
        steps = np.arange(0.5, num.max()) / num[:, None]
        spread = lows[:, None] + (steps * (highs - lows)[:, None]).astype(np.int64)
        inner_lows, inner_highs = inner[0][sampled, None], inner[1][sampled, None]
        fresh = (steps < 1) & ((spread < inner_lows) | (spread >= inner_highs))
        num_fresh = fresh.sum(axis=1)
        stands_for = ((highs - lows) - (inner[1] - inner[0])[sampled]) / np.maximum(num_fresh, 1)
        local, _ = np.nonzero(fresh)
        return (
            np.concatenate([found[0], spread[fresh]]),
            np.concatenate([found[1], sampled[local]]),
            np.concatenate([found[2], stands_for[local]]),
        )

    def _runs(self, contexts_BK: Tokens) -> tuple[Ints, Ints]:
        """For each context and order, the run of places that share it: start and stop, [B, MAX_ORDER]."""
        near_B, far_B = pack_contexts(contexts_BK)
        lows = near_B[:, None] & _MASKS_K
        highs = near_B[:, None] | ~_MASKS_K
        starts_BK, stops_BK = np.empty((2, len(contexts_BK), MAX_ORDER), np.int64)
        starts_BK[:, :_HALF] = self._near_M.searchsorted(lows, side="left")
        stops_BK[:, :_HALF] = self._near_M.searchsorted(highs, side="right")
        firsts_B, lasts_B = starts_BK[:, _HALF - 1], stops_BK[:, _HALF - 1]
        starts_BK[:, _HALF:] = stops_BK[:, _HALF:] = firsts_B[:, None]
        far_lows, far_highs = far_B[:, None] & _MASKS_K, far_B[:, None] | ~_MASKS_K
        for row, (first, last) in enumerate(zip(firsts_B.tolist(), lasts_B.tolist(), strict=True)):
            if first < last:
                run = self._far_M[first:last]
                starts_BK[row, _HALF:] += run.searchsorted(far_lows[row], side="left")
                stops_BK[row, _HALF:] += run.searchsorted(far_highs[row], side="right")
        return starts_BK, stops_BK


def contexts_of(tokens_N: Tokens) -> Tokens:
    """The MAX_ORDER tokens before each token, the nearest first, uint16 [N, MAX_ORDER].

    A context ends where its document starts; what is missing is DOC.
    """
    contexts_NK = np.zeros((len(tokens_N), MAX_ORDER), np.uint16)
    inside_N = np.ones(len(tokens_N), bool)
    for back in range(1, MAX_ORDER + 1):
        before = np.zeros_like(tokens_N)
        before[back:] = tokens_N[:-back]
        inside_N &= before != DOC
        contexts_NK[:, back - 1] = np.where(inside_N, before, DOC)
    return contexts_NK


def context_after(tokens: Sequence[int] | npt.NDArray[np.generic]) -> Tokens:
    """The context at the end of tokens, as contexts_of has it, uint16 [MAX_ORDER]."""
    context_K = np.zeros(MAX_ORDER, np.uint16)
    for place, token in enumerate(reversed(tokens[-MAX_ORDER:])):
        if token == DOC:
            break
        context_K[place] = token
    return context_K


def pack_contexts(contexts_BK: Tokens) -> tuple[Keys, Keys]:
    """Two numbers per context that sort as it does: the nearer half, and the farther."""
    return _packed(contexts_BK[:, _HALF - 1 :: -1]), _packed(contexts_BK[:, : _HALF - 1 : -1])


def _packed(halves_BK: Tokens) -> Keys:
    """Four tokens as one number, the last of them counting most."""
    return np.ascontiguousarray(halves_BK, "<u2").view("<u8")[:, 0].astype(np.uint64, copy=False)


def match_few(contexts_BK: Tokens, known_MK: Tokens, next_M: Tokens, first_place: int = 0) -> Matches:
    """As Places.find, for so few places that comparing all is quicker than sorting them."""
    same = known_MK[None] == contexts_BK[:, None]
    orders_BM = np.logical_and.accumulate(same, axis=2).sum(axis=2)
    rows, places = np.nonzero((orders_BM > 0) & (next_M != DOC)[None])
    return Matches(
        rows, places + first_place, next_M[places].astype(np.int64), orders_BM[rows, places], np.ones(len(rows))
    )


def join_matches(parts: Sequence[Matches]) -> Matches:
    """Matches of several sources for the same contexts."""
    if len(parts) == 1:
        return parts[0]
    return Matches(
        np.concatenate([part.rows_R for part in parts]),
        np.concatenate([part.places_R for part in parts]),
        np.concatenate([part.next_R for part in parts]),
        np.concatenate([part.orders_R for part in parts]),
        np.concatenate([part.weights_R for part in parts]),
    )


def _ranges(starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
    """All integers of several ranges, and the range that each is of."""
    lengths = stops - starts
    owners = np.repeat(np.arange(len(starts)), lengths)
    offsets = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + (starts - offsets)[owners], owners
