"""What usually follows here: one distribution from the counts of a file, its folder and its project.

A nested cache (Hellendoorn & Devanbu 2017): what a file has seen counts more than what its folder has, and that more
than the project, and at each of these a long context counts more than a short one. All of it is one chain of ever more
particular counts, each smoothed with the one before by Witten & Bell's rule (1991): a context that was followed by many
different tokens leaves more to the less particular. What is left at the end of the chain goes to nobody: the network
has an answer for it.
"""

# B contexts, V vocabulary, R matches, W pairs of a context and a token, J links of the chain, C candidates, F features

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.engine.ngrams import MAX_ORDER, Matches

__all__ = ["FEATURES", "FILE", "FOLDER", "LEVELS", "MAX_CANDIDATES", "PROJECT", "Candidates", "blend", "no_candidates"]

PROJECT, FOLDER, FILE = 0, 1, 2
LEVELS = ("project", "folder", "file")
"From the widest to the narrowest; a match in a file counts for its folder and its project, too."

MAX_CANDIDATES = 64

_CAUTION = 6.0
"""Times the share that Witten & Bell leave to the less particular counts: one occurrence in a file is counted again in
its folder, in its project and at every shorter context, so their rule, made for one chain of orders, would believe it
too soon. From 1 to 6 the loss of the mixture on unseen projects falls by 0.06 nats; from 4 to 16 it hardly changes."""

FEATURES = (
    *(f"{level} order" for level in LEVELS),
    *(f"{level} count" for level in LEVELS),
    *(f"{level} variety" for level in LEVELS),
    "left over",
    "best",
    "entropy",
    "candidates",
)
"""What the gate is told of the cache: for each level the longest context matched (from 0 to 1), the logarithm of its
occurrences, and its different successors per occurrence; the share that the chain leaves over, the best candidate's
probability, the entropy in nats, and the logarithm of the number of candidates."""

_LINKS = MAX_ORDER * len(LEVELS)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What the cache expects after each of B contexts."""

    ids_BC: npt.NDArray[np.int64]
    "Tokens, the likeliest first; C is at most MAX_CANDIDATES, and rows with fewer are filled up with 0."
    probs_BC: npt.NDArray[np.float64]
    "Their probabilities, which sum to 1 in each row that has any; 0 where a row is filled up."
    features_BF: npt.NDArray[np.float64]
    "See FEATURES; all 0 in a row without candidates."


def no_candidates(num_contexts: int) -> Candidates:
    """The answer of a cache that knows nothing."""
    return Candidates(
        np.zeros((num_contexts, 1), np.int64),
        np.zeros((num_contexts, 1)),
        np.zeros((num_contexts, len(FEATURES))),
    )


def blend(matches: Matches, levels_R: npt.NDArray[np.int64], num_contexts: int, vocab_size: int) -> Candidates:
    """Turn matches into a distribution for each context.

    Args:
        levels_R: where each match stands: FILE, FOLDER or PROJECT, whichever is narrowest.
    """
    if not len(matches.rows_R):
        return no_candidates(num_contexts)
    pairs_W, inverse_R = _distinct(matches.rows_R * vocab_size + matches.next_R)
    rows_W, ids_W = np.divmod(pairs_W, vocab_size)
    counts_WJ = _nested_counts(inverse_R, matches, levels_R, len(pairs_W))

    firsts = _is_new(rows_W).nonzero()[0]  # rows_W is sorted
    present = rows_W[firsts]
    totals_PJ = np.add.reduceat(counts_WJ, firsts, axis=0)
    types_PJ = np.add.reduceat(counts_WJ > 0, firsts, axis=0, dtype=np.int64)
    known_PJ = totals_PJ > 0
    caution_PJ = _CAUTION * types_PJ
    kept_PJ = np.where(known_PJ, caution_PJ / np.maximum(totals_PJ + caution_PJ, 1), 1.0)
    # What the more particular links leave over for each, itself not included.
    left_PJ = np.ones_like(kept_PJ)
    np.cumprod(kept_PJ[:, :-1], axis=1, out=left_PJ[:, 1:])
    weights_PJ = left_PJ * (1 - kept_PJ) / np.maximum(totals_PJ, 1e-9)
    local_W = _is_new(rows_W).cumsum() - 1
    probs_W = np.einsum("wj,wj->w", counts_WJ, weights_PJ[local_W])
    left_P = left_PJ[:, -1] * kept_PJ[:, -1]
    probs_W /= (1 - left_P)[local_W]

    ids_BC, probs_BC, num_W = _padded(rows_W, ids_W, probs_W, num_contexts)
    features_BF = np.zeros((num_contexts, len(FEATURES)))
    features_BF[present] = _features(totals_PJ, types_PJ, left_P, probs_BC[present], num_W[present])
    return Candidates(ids_BC, probs_BC, features_BF)


def _nested_counts(
    inverse_R: npt.NDArray[np.int64], matches: Matches, levels_R: npt.NDArray[np.int64], num_pairs: int
) -> npt.NDArray[np.float64]:
    """Occurrences of each pair by link of the chain, the most particular first: longest order, and file to project."""
    links_R = (inverse_R + 1) * _LINKS - 1 - (matches.orders_R - 1) * len(LEVELS) - levels_R
    counts = np.bincount(links_R, matches.weights_R, num_pairs * _LINKS)
    counts = counts.reshape(num_pairs, MAX_ORDER, len(LEVELS))
    return counts.cumsum(axis=1).cumsum(axis=2).reshape(num_pairs, _LINKS)


def _distinct(keys_R: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """As np.unique with the inverse, without what that does besides."""
    order_R = keys_R.argsort(kind="stable")
    sorted_R = keys_R[order_R]
    is_new_R = _is_new(sorted_R)
    inverse_R = np.empty_like(order_R)
    inverse_R[order_R] = is_new_R.cumsum() - 1
    return sorted_R[is_new_R], inverse_R


def _is_new(ordered: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each of the values, which are in order, is another than the one before; there is at least one."""
    is_new = np.empty(len(ordered), np.bool_)
    is_new[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return is_new


def _padded(
    rows_W: npt.NDArray[np.int64],
    ids_W: npt.NDArray[np.int64],
    probs_W: npt.NDArray[np.float64],
    num_contexts: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Candidates of each row side by side, best first, equal ones by id; the many unlikely ones fall off the end."""
    order = np.lexsort((-probs_W, rows_W))  # keeps equal ones in their order
    num_B = np.bincount(rows_W, minlength=num_contexts)
    ranks_W = np.arange(len(rows_W)) - np.repeat(np.cumsum(num_B) - num_B, num_B)
    width = min(MAX_CANDIDATES, int(num_B.max()))
    ids_BC, probs_BC = np.zeros((num_contexts, width), np.int64), np.zeros((num_contexts, width))
    kept = order[ranks_W < width]
    place = rows_W[kept], ranks_W[ranks_W < width]
    ids_BC[place], probs_BC[place] = ids_W[kept], probs_W[kept]
    sums_B = probs_BC.sum(axis=1, keepdims=True)
    return ids_BC, probs_BC / np.where(sums_B > 0, sums_B, 1), num_B


def _features(
    totals_PJ: npt.NDArray[np.float64],
    types_PJ: npt.NDArray[np.int64],
    left_P: npt.NDArray[np.float64],
    probs_PC: npt.NDArray[np.float64],
    num_P: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    totals = totals_PJ[:, ::-1].reshape(len(totals_PJ), MAX_ORDER, len(LEVELS))
    types = types_PJ[:, ::-1].reshape(totals.shape)
    orders = (totals > 0).sum(axis=1)  # counts never grow with the order
    rows, levels = np.arange(len(totals))[:, None], np.arange(len(LEVELS))
    longest = np.maximum(orders - 1, 0)
    count = totals[rows, longest, levels]
    features = np.empty((len(totals), len(FEATURES)))
    features[:, 0:3] = orders / MAX_ORDER
    features[:, 3:6] = np.log1p(count)
    features[:, 6:9] = types[rows, longest, levels] / np.maximum(count, 1)
    features[:, 9] = left_P
    features[:, 10] = probs_PC[:, 0]
    features[:, 11] = -(probs_PC * np.log(np.maximum(probs_PC, 1e-300))).sum(axis=1)
    features[:, 12] = np.log(num_P)
    return features
