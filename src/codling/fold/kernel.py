"""Kernels: operations that run all their batches of a flush with forward and backward passes written out.

What autograd does per batch, a kernel does once per flush where it can: it keeps what the backward pass needs in
buffers over all batches, and leaves gradients of weights to one matrix product over all rows at the end. It reads
arguments out of segments and writes results and gradients into them without a tensor in between.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .errors import FoldError
from .kind import NodeSlot, Slot
from .run import Batch, BoundSource, first_order, version_of

__all__ = ["Kernel", "KernelStep", "OpenKernel"]


@dataclass(slots=True, eq=False)
class KernelStep:
    """One batch, as a kernel sees it."""

    batch: Batch
    first: int
    "How many rows the kernel's earlier batches have."
    sources: Sequence[BoundSource]
    "Arguments that aren't children."
    children: BoundSource | None
    owner: Tensor | None
    "Of a ragged list: the row that each child belongs to."
    first_child: int = 0
    "How many children the kernel's earlier batches have."
    compute_s: float = 0.0
    "How long its forward pass took."

    @property
    def num(self) -> int:
        return self.batch.stop - self.batch.start

    def results(self) -> list[Tensor]:
        """Where the results go."""
        return [buffer[self.batch.start : self.batch.stop] for buffer in self.batch.segment.buffers()]

    def differentiable(self) -> bool:
        children = self.children is not None and self.children.differentiable
        return children or any(source.differentiable for source in self.sources)


class Kernel:
    """What runs an operation's batches of one flush; one object per flush and kind.

    Args:
        module: whose weights they are.
        rows: of all batches together.
        children: of all batches together.
    """

    def __init__(self, module: nn.Module, rows: int, children: int) -> None:
        raise NotImplementedError

    @staticmethod
    def fits(module: nn.Module, slots: Sequence[Slot]) -> bool:
        """Whether the kernel can run calls with arguments of these forms; if not, autograd does."""
        raise NotImplementedError

    @staticmethod
    def split(slots: Sequence[NodeSlot]) -> tuple[Sequence[NodeSlot], Sequence[NodeSlot]]:
        """Which node arguments are children, gathered together row by row, and which are not."""
        raise NotImplementedError

    def weights(self) -> list[Tensor]:
        """The tensors that get gradients from ``finish``."""
        raise NotImplementedError

    def forward(self, step: KernelStep, keep: bool) -> None:
        """Fill ``step.results()``; with ``keep``, remember what the backward pass needs."""
        raise NotImplementedError

    def backward(self, step: KernelStep, grads: list[Tensor] | None) -> None:
        """Add gradients to what the step read; None: no gradient has come to any of its rows."""
        raise NotImplementedError

    def finish(self) -> list[Tensor | None]:
        """Gradients of the weights, after the backward pass of all steps."""
        raise NotImplementedError


class OpenKernel:
    """A kernel at work, with the token that all its steps depend on."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        weights = kernel.weights()
        self._trained = any(weight.requires_grad for weight in weights)
        self._token: Tensor | None = None
        if torch.is_grad_enabled():
            self._token = _Weights.apply(kernel, *weights)  # type: ignore[no-untyped-call]

    def run(self, steps: Sequence[KernelStep], token: Tensor | None) -> Tensor | None:
        """Run batches that follow one another, as one node of autograd's; gives the token of all that follow."""
        if self._token is None or not (self._trained or any(step.differentiable() for step in steps)):
            with torch.no_grad():
                _forward(self.kernel, steps, keep=False)
            return token
        for step in steps:
            step.batch.segment.differentiable = True
        return _KernelSteps.apply(token, self._token, self.kernel, steps)  # type: ignore[no-untyped-call,no-any-return]


def _forward(kernel: Kernel, steps: Sequence[KernelStep], *, keep: bool) -> None:
    for step in steps:
        started = time.perf_counter()
        kernel.forward(step, keep)
        step.compute_s = time.perf_counter() - started


class _Weights(torch.autograd.Function):
    """Stands before all steps of a kernel, so behind them in the backward pass."""

    @staticmethod
    def forward(ctx: Any, kernel: Kernel, *weights: Tensor) -> Tensor:
        ctx.kernel, ctx.num = kernel, len(weights)
        ctx.set_materialize_grads(False)
        return torch.zeros(())

    @staticmethod
    @first_order
    def backward(ctx: Any, _grad: None) -> tuple[Tensor | None, ...]:
        return (None, *ctx.kernel.finish())


class _KernelSteps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, _token: Tensor | None, _weights: Tensor, kernel: Kernel, steps: Sequence[KernelStep]
    ) -> Tensor:
        ctx.kernel, ctx.steps = kernel, steps
        ctx.versions = list(map(version_of, kernel.weights()))
        ctx.set_materialize_grads(False)
        _forward(kernel, steps, keep=True)
        return torch.zeros(())

    @staticmethod
    @first_order
    def backward(ctx: Any, _grad: None) -> tuple[None, None, None, None]:
        kernel: Kernel = ctx.kernel
        if ctx.versions != list(map(version_of, kernel.weights())):
            raise FoldError(
                "weights were changed in place between the forward and the backward pass, which needs them as they "
                "were: call backward() before the optimizer's step"
            )
        for step in reversed(ctx.steps):
            batch: Batch = step.batch
            kernel.backward(step, batch.grads() if batch.reached() else None)
            batch.leave()
        return None, None, None, None
