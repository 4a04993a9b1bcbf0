"""All frames past the network in one batched pass: which decisions are wrong, and by how much the others are right."""

# B batch, K observed values, A arguments, N nodes, C callees of a task, H hidden

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.npi.frames import Frames
from codling.npi.library import Ints, Shelf
from codling.npi.network import Floats, Network, Scores, choose
from codling.npi.repertoire import Call

__all__ = ["MIN_MARGIN", "Examination", "examine", "margins", "wrong_choice"]

MIN_MARGIN = 0.01
"""Nats by which a decision must beat the next best to count as proved: float32 sums in another order, as in a batch of
another size or on another processor, differ by less than a thousandth of this."""

_CHUNK = 4096  # nodes per evaluation: their states and activations stay in the processor's cache


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What came out of the pass."""

    margin_N: Floats
    "Of each decision: by how much it beats the next best, in nats; below 0 it is wrong; infinity if not looked at."

    @property
    def margin(self) -> float:
        """The smallest of all."""
        return float(self.margin_N.min())

    def wrong(self, margin: float = MIN_MARGIN) -> Ints:
        """Nodes whose decision is wrong, or right by less than this; the worst first."""
        nodes = np.flatnonzero(self.margin_N < margin)
        return nodes[np.argsort(self.margin_N[nodes], kind="stable")]


def examine(
    network: Network,
    shelf: Shelf,
    frames: Frames,
    *,
    leaves: Ints | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Examination:
    """Evaluate every decision of a tree of frames once, each from the state that the one before left.

    Args:
        leaves: only the frames that end at these nodes; None for all.
        progress: told the number of decisions done, and of all.
    """
    observations = shelf.observations_of(frames)
    programs, arguments = shelf.calls_of(frames)
    target_callees, target_values = shelf.decisions_of(frames)
    parent, seen = np.array(frames.parent, np.int64), np.array(frames.seen, np.int64)
    root, decision = np.array(frames.root, np.int64), np.array(frames.decision, np.int64)
    chosen = np.arange(len(frames)) if leaves is None else _paths(parent, leaves)
    order, start, count = _children(parent, chosen)
    margin_N = np.full(len(frames), np.inf, np.float32)
    first = chosen[parent[chosen] < 0]
    # Depth first by chunks, so that no more than a chunk of states per level is kept.
    todo: list[tuple[Ints, Floats | None, Ints]] = [(chunk, None, chunk) for chunk in _chunks(first)]
    done = 0
    while todo:
        nodes, states, rows = todo.pop()
        before = network.initial_state(len(nodes)) if states is None else states[:, rows]
        call = root[nodes]
        scores, after = network.step(programs[call], arguments[call], observations[seen[nodes]], before)
        target = decision[nodes]
        margin_N[nodes] = margins(scores, shelf, target_callees[target], target_values[target])
        done += len(nodes)
        progress(done, len(chosen))
        parents = np.flatnonzero(count[nodes])
        if len(parents):
            sizes = count[nodes[parents]]
            rows = np.repeat(parents, sizes)
            offset = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            below = order[start[nodes[rows]] + offset]
            todo += [(below[part], after, rows[part]) for part in _chunks(np.arange(len(below)))]
    return Examination(margin_N=margin_N)


def margins(scores: Scores, shelf: Shelf, callee_B: Ints, values_BA: Ints) -> Floats:
    """By how much the wanted decisions beat the next best, in nats; negative where they lose.

    Args:
        callee_B: wanted callee, -1 to return.
    """
    stop = np.clip(scores.stop_B.astype(np.float64), 1e-9, 1 - 1e-9)
    stop_logit = np.log(stop) - np.log1p(-stop)
    returns = callee_B < 0
    callee = np.where(returns, 0, callee_B)
    allowed = scores.programs_BP[:, shelf.rows_C]
    found = np.minimum(-stop_logit, _gap(allowed, callee))
    values = scores.arguments_BAV + shelf.value_mask_CAV[callee]
    for index in range(values.shape[1]):
        given = shelf.num_arguments_C[callee] > index
        found = np.where(given, np.minimum(found, _gap(values[:, index], values_BA[:, index])), found)
    result: Floats = np.where(returns, stop_logit, found).astype(np.float32)
    result[np.isnan(result)] = -np.inf  # what is no number proves nothing
    return result


def wrong_choice(network: Network, shelf: Shelf, frames: Frames, node: int) -> str:
    """What the network does at a node, in words."""
    state = network.initial_state(1)
    programs, arguments = shelf.calls_of(frames)
    root = frames.root[node]
    for observation in frames.history(node):
        seen = np.array([shelf.observation(observation)], np.int64)
        scores, state = network.step(programs[[root]], arguments[[root]], seen, state)
    choice = choose(scores, shelf)
    if choice.stop_B[0]:
        return "return"
    callee = int(choice.callee_B[0])
    arity = int(shelf.num_arguments_C[callee])
    return frames.repertoire.text(Call(callee, tuple(int(value) for value in choice.values_BA[0, :arity])))


def _gap(scores: npt.NDArray[np.float32], wanted: Ints) -> Floats:
    rows = np.arange(len(scores))
    mine = scores[rows, wanted].copy()
    others = scores.copy()
    others[rows, wanted] = -np.inf
    best = others.max(1)
    gap: Floats = np.where(np.isneginf(best), np.inf, mine - best)
    return gap


def _paths(parent: Ints, leaves: Ints) -> Ints:
    """All nodes from the calls to these leaves, in order."""
    chosen = np.zeros(len(parent), bool)
    nodes = np.unique(leaves)
    while len(nodes):
        chosen[nodes] = True
        nodes = np.unique(parent[nodes])
        nodes = nodes[nodes >= 0]
    return np.flatnonzero(chosen)


def _children(parent: Ints, chosen: Ints) -> tuple[Ints, Ints, Ints]:
    """Chosen nodes in the order of their parents; for each node where its children start in it, and how many."""
    order = chosen[np.argsort(parent[chosen], kind="stable")]
    inner = parent[order]
    inner = inner[inner >= 0]
    count = np.bincount(inner, minlength=len(parent))
    start = np.cumsum(count) - count + (len(order) - len(inner))
    return order, start, count


def _chunks(array: Ints) -> list[Ints]:
    return [array[index : index + _CHUNK] for index in range(0, len(array), _CHUNK)]
