"""Running a batch: rows are gathered out of segments, the operation runs, its results become rows of a segment.

Autograd sees three things per batch: a gather, the operation itself, a store. Values don't pass from store to gather as
tensors, since a gather takes rows of many batches and each of those would get a gradient of its full size to add up.
Instead segments hold plain values, a *token* (a tensor of nothing) runs from each store to whatever follows, so that
the engine keeps the order, and gradients are added in place, row by row, into one buffer per segment: a gather's
backward adds to it, a store's backward, which the token makes come after those of all its users, reads it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .errors import FoldError
from .signature import Signature, batch_signature, build, flatten

__all__ = [
    "Batch",
    "BoundPart",
    "BoundSource",
    "Gather",
    "Segment",
    "Store",
    "first_order",
    "gather",
    "store",
    "version_of",
]

_task = torch._C._current_graph_task_id
"The number of the backward pass that is running: a pass never sees what another has left behind."


def first_order(backward: Callable[..., Any]) -> Callable[..., Any]:
    """A backward pass that adds gradients in place, so isn't differentiable itself; asked for that, it says so."""

    @functools.wraps(backward)
    def checked(ctx: Any, *grads: Tensor | None) -> Any:
        if torch.is_grad_enabled():
            raise FoldError(
                "gradients of gradients (create_graph=True) don't pass through batched programs: run this one in "
                "codling.fold.eager()"
            )
        return backward(ctx, *grads)

    return checked


class Segment:
    """Results of one form: for each tensor of the form, a buffer of rows; in a backward pass, another for gradients."""

    __slots__ = ("_grads", "_task", "differentiable", "rows", "sig", "values")

    def __init__(self, sig: Signature | None, rows: int) -> None:
        self.sig, self.rows = sig, rows
        self.values: list[Tensor] = []
        self.differentiable = False
        self._grads: list[Tensor] = []
        self._task = -1

    def buffers(self) -> list[Tensor]:
        """The buffers, made when first asked for."""
        if not self.values:
            assert self.sig is not None
            self.values = [
                torch.empty((self.rows, *shape), dtype=dtype, device=device) for shape, dtype, device in self.sig.leaves
            ]
        return self.values

    def grads(self) -> list[Tensor]:
        """Gradients so far in this backward pass."""
        if self._task != _task():
            self._task = _task()
            self._grads = [torch.zeros_like(value) for value in self.values]
        return self._grads

    def release_grads(self) -> None:
        self._grads, self._task = [], -1


@dataclass(slots=True, eq=False)
class Batch:
    """Rows ``start`` to ``stop`` of a segment, computed together."""

    segment: Segment
    start: int
    stop: int
    reached_in: int = -1
    "The backward pass in which a gradient has come to any of its rows."

    def reached(self) -> bool:
        return self.reached_in == _task()

    def grads(self) -> list[Tensor]:
        return [grad[self.start : self.stop] for grad in self.segment.grads()]

    def leave(self) -> None:
        """The backward pass is through with this batch: with the segment's first, it is through with the segment."""
        if self.start == 0:
            self.segment.release_grads()


@dataclass(slots=True, eq=False)
class BoundPart:
    segment: Segment
    offset: int
    rows: Tensor
    positions: Tensor | None
    producers: list[Batch]


@dataclass(slots=True, eq=False)
class BoundSource:
    """A plan's source, with the segments themselves."""

    sig: Signature
    num: int
    parts: list[BoundPart]

    @property
    def differentiable(self) -> bool:
        return any(part.segment.differentiable for part in self.parts)

    def gather_one(self, leaf: int, out: Tensor | None = None) -> Tensor:
        """One tensor of the value, its rows together: [num, ...]."""
        if self.num and self.parts[0].positions is None:
            part = self.parts[0]
            values = part.segment.values[part.offset + leaf]
            if out is None:
                return torch.index_select(values, 0, part.rows)
            return torch.index_select(values, 0, part.rows, out=out)
        if out is None:
            shape, dtype, device = self.sig.leaves[leaf]
            out = torch.empty((self.num, *shape), dtype=dtype, device=device)
        for part in self.parts:
            values = part.segment.values[part.offset + leaf]
            out.index_copy_(0, part.positions, torch.index_select(values, 0, part.rows))  # type: ignore[arg-type]
        return out

    def gather(self) -> list[Tensor]:
        return [self.gather_one(leaf) for leaf in range(len(self.sig.leaves))]

    def add_grad(self, leaf: int, grad: Tensor) -> None:
        """Add the gradient of ``gather_one(leaf)``; it doesn't lie in a segment."""
        task = _task()
        for part in self.parts:
            if not part.segment.differentiable:
                continue
            into = part.segment.grads()[part.offset + leaf]
            rows = grad if part.positions is None else torch.index_select(grad, 0, part.positions)
            if part.rows.numel() == 1 and part.positions is None:
                into[int(part.rows)].add_(rows[0])
            else:
                into.index_add_(0, part.rows, rows)
            for batch in part.producers:
                batch.reached_in = task


class Gather(torch.autograd.Function):
    """Rows of segments as tensors, one after another for all sources."""

    @staticmethod
    def forward(ctx: Any, _token: Tensor, sources: Sequence[BoundSource]) -> tuple[Tensor, ...]:
        ctx.sources = sources
        ctx.set_materialize_grads(False)
        tensors = [tensor for source in sources for tensor in source.gather()]
        plain = [tensor for tensor in tensors if not _takes_gradients(tensor)]
        if plain:
            ctx.mark_non_differentiable(*plain)
        return tuple(tensors)

    @staticmethod
    @first_order
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[None, None]:
        at = 0
        for source in ctx.sources:
            for leaf in range(len(source.sig.leaves)):
                grad = grads[at]
                at += 1
                if grad is not None:
                    source.add_grad(leaf, _apart(grad, source, leaf))
        return None, None


class Store(torch.autograd.Function):
    """An operation's results into its rows of a segment; gives the token of all that follow."""

    @staticmethod
    def forward(ctx: Any, _token: Tensor | None, batch: Batch, leaves: Sequence[int], *_tensors: Tensor) -> Tensor:
        ctx.batch, ctx.leaves = batch, leaves
        ctx.set_materialize_grads(False)
        return torch.zeros(())

    @staticmethod
    @first_order
    def backward(ctx: Any, _grad: None) -> tuple[Tensor | None, ...]:
        batch: Batch = ctx.batch
        if not batch.reached():
            batch.leave()
            return (None,) * (3 + len(ctx.leaves))
        grads = batch.grads()
        batch.leave()
        return (None, None, None, *(grads[leaf] for leaf in ctx.leaves))


def _apart(grad: Tensor, source: BoundSource, leaf: int) -> Tensor:
    """The gradient, copied where it would be added to itself: that of an operation that gives its argument back."""
    storage = grad.untyped_storage().data_ptr()
    for part in source.parts:
        if part.segment.differentiable:
            into = part.segment.grads()[part.offset + leaf]
            if into.untyped_storage().data_ptr() == storage:
                return grad.clone()
    return grad


def gather(sources: Sequence[BoundSource], token: Tensor | None) -> Iterator[Any]:
    """The values of sources, each of its form; differentiable where their segments are."""
    plain = token is None or not torch.is_grad_enabled()
    if plain or not any(source.differentiable for source in sources):
        tensors = iter([tensor for source in sources for tensor in source.gather()])
    else:
        tensors = iter(Gather.apply(token, sources))  # type: ignore[no-untyped-call]
    return iter([build(source.sig, tensors) for source in sources])


def store(result: Any, batch: Batch, token: Tensor | None) -> tuple[Signature, Tensor | None]:
    """Put an operation's result where the plan wants it.

    Returns:
        The form of a row, and the token of all that follow.

    Raises:
        FoldError: the result isn't rows of the form that the segment holds.
    """
    segment, num = batch.segment, batch.stop - batch.start
    sig = batch_signature(result, num)
    tensors = flatten(result, [])
    if segment.sig is None:
        segment.sig = sig
    elif segment.sig is not sig:
        raise FoldError(
            f"a result of {sig!r}, where calls with arguments of this form gave {segment.sig!r} before: the form of a "
            "result may depend on the form of the arguments only; make what else it depends on a keyword argument"
        )
    if num == segment.rows:
        segment.values = [tensor.detach() for tensor in tensors]
    else:
        with torch.no_grad():
            for buffer, tensor in zip(segment.buffers(), tensors, strict=True):
                buffer[batch.start : batch.stop].copy_(tensor)
    leaves = [i for i, tensor in enumerate(tensors) if tensor.requires_grad]
    if leaves and torch.is_grad_enabled():
        segment.differentiable = True
        token = Store.apply(token, batch, leaves, *(tensors[i] for i in leaves))  # type: ignore[no-untyped-call]
    return sig, token


def version_of(tensor: Tensor) -> int | None:
    """How often a tensor has been changed in place; None where PyTorch doesn't count, in inference mode."""
    return None if tensor.is_inference() else tensor._version


def _takes_gradients(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()
