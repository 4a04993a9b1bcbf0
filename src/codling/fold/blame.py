"""Blame: which node of a batch it was that failed, and where it was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .errors import FoldError, Place, place_text
from .kind import NodeSlot, Ragged, RaggedSlot, Setting, Slot, TupleSlot
from .plan import Step
from .signature import Signature, batch_signature, build, flatten

__all__ = ["blame"]


def blame(step: Step, error: Exception, args: Sequence[Any], places: Sequence[Place] | None) -> FoldError:
    """The error to raise for a batch that failed; the node is found by halving the batch until one is left.

    Args:
        args: of the operation, batched.
        places: where each node of the program was made.
    """
    low, high = 0, step.num
    with torch.no_grad():
        while high - low > 1:
            middle = (low + high) // 2
            if (failed := _failure(step, args, low, middle)) is not None:
                high, error = middle, failed
            elif (failed := _failure(step, args, middle, high)) is not None:
                low, error = middle, failed
            else:
                break  # only both halves together fail
    node = int(step.nodes[low])
    whom = f"node {node}" if high - low == 1 else f"a batch of {step.num} nodes, the first of them node {node}"
    made = f", made at {place_text(places[node])}" if places is not None else ""
    message = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return FoldError(
        f"{step.kind.describe()} failed for {whom}{made}: {type(error).__name__}: {message} "
        "(with codling.fold.eager() around the program, each call fails where it stands)"
    )


def _failure(step: Step, args: Sequence[Any], low: int, high: int) -> Exception | None:
    """What happens to rows ``low`` to ``high`` alone."""
    parts = [_rows(slot, arg, low, high) for slot, arg in zip(step.kind.slots, args, strict=True)]
    try:
        batch_signature(step.kind.call(*parts, **step.kind.settings), high - low)
    except Exception as error:
        return error
    return None


def _rows(slot: Slot, arg: Any, low: int, high: int) -> Any:
    """Rows of a batch's argument."""
    if isinstance(slot, Setting):
        return arg
    if isinstance(slot, TupleSlot):
        return tuple(_rows(one, item, low, high) for one, item in zip(slot.items, arg, strict=True))
    if isinstance(slot, RaggedSlot):
        picked = (arg.owner >= low) & (arg.owner < high)
        value = _map(arg.value, slot.sig, lambda t: t[picked]) if slot.sig is not None else None
        return Ragged(value, arg.owner[picked] - low, arg.lengths[low:high])
    return _map(arg, slot.sig, lambda t: t[low:high]) if isinstance(slot, NodeSlot) else arg[low:high]


def _map(value: Any, sig: Signature, function: Callable[[Tensor], Tensor]) -> Any:
    return build(sig, iter([function(tensor) for tensor in flatten(value, [])]))
