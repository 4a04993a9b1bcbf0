"""Kinds: one operation with arguments of one form. Nodes of one kind are what a batch is made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from .signature import Signature

__all__ = ["Constant", "Kind", "NodeSlot", "Ragged", "RaggedSlot", "Scalar", "Setting", "Slot", "TupleSlot"]

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class NodeSlot:
    """Another node's value: gathered."""

    column: int
    sig: Signature


@dataclass(frozen=True, slots=True)
class Scalar:
    """A Python number: becomes a tensor of one number per example."""

    column: int
    dtype: torch.dtype | None
    "None: the default floating type at the time of running."


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor of the caller's, one per example: stacked."""

    column: int
    sig: Signature


@dataclass(frozen=True, slots=True)
class Setting:
    """The same object for all: un-batched arguments, strings, None."""

    value: Any


@dataclass(frozen=True, slots=True)
class TupleSlot:
    """A tuple of arguments."""

    form: type
    items: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class RaggedSlot:
    """A list of nodes whose length differs from example to example; its references stand behind all others'."""

    sig: Signature | None
    "None: the list was empty."


Slot = NodeSlot | Scalar | Constant | Setting | TupleSlot | RaggedSlot


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of nodes, one per example, as a batchable operation declared ``ragged=True`` gets them.

    Attributes:
        value: the values of all lists' items, one below the other, first dimension M; None where all lists are empty.
        owner: int64 [M], the example (row of the batch) that each item belongs to, in ascending order.
        lengths: int64 [N], how many items each example has.
    """

    value: Any
    owner: torch.Tensor
    lengths: torch.Tensor

    def sum(self, items: torch.Tensor) -> torch.Tensor:
        """Sum of rows by owner: float [M, ...] to [N, ...]; an empty list's sum is zero."""
        return items.new_zeros(len(self.lengths), *items.shape[1:]).index_add(0, self.owner, items)


@dataclass(slots=True, eq=False)
class Kind:
    """One operation with arguments of one form.

    Attributes:
        call: the operation on a batch.
        slots: its positional arguments.
        settings: its keyword arguments, the same for all.
        width: references per node, without those of a ragged list.
        result: form of one example's result; None until it has run once.
        share: equal calls may be one node.
        kernel: a class that runs all batches of a flush with a backward pass of its own; None for autograd's.
        module: whose weights the kernel uses.
        device: where its numbers and indices go; None for the default.
    """

    name: str
    call: Callable[..., Any]
    slots: tuple[Slot, ...]
    settings: dict[str, Any]
    grad: bool
    share: bool
    kernel: Any
    device: torch.device | None
    module: Any
    result: Signature | None = None
    width: int = 0
    nodes: tuple[NodeSlot, ...] = ()
    columns: tuple[int, ...] = ()
    "Of its nodes."
    scalars: tuple[Scalar, ...] = ()
    constants: tuple[Constant, ...] = ()
    ragged: RaggedSlot | None = None
    number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        nodes: list[NodeSlot] = []
        scalars: list[Scalar] = []
        constants: list[Constant] = []

        def visit(slots: tuple[Slot, ...]) -> None:
            for slot in slots:
                if isinstance(slot, NodeSlot):
                    nodes.append(slot)
                elif isinstance(slot, Scalar):
                    scalars.append(slot)
                elif isinstance(slot, Constant):
                    constants.append(slot)
                elif isinstance(slot, TupleSlot):
                    visit(slot.items)
                elif isinstance(slot, RaggedSlot):
                    self.ragged = slot

        visit(self.slots)
        self.nodes, self.scalars, self.constants = tuple(nodes), tuple(scalars), tuple(constants)
        self.columns = tuple(slot.column for slot in nodes)
        self.width = len(nodes) + len(scalars) + len(constants)

    @property
    def has_kernel(self) -> bool:
        """Whether its kernel can run it: once the form of its results is known, which kernels write into buffers."""
        return self.kernel is not None and self.result is not None

    def describe(self) -> str:
        """``merge((float32[8], float32[8]), (float32[8], float32[8]))``."""

        def text(slot: Slot) -> str:
            if isinstance(slot, NodeSlot | Constant):
                return repr(slot.sig)
            if isinstance(slot, Scalar):
                return str(slot.dtype or "float").removeprefix("torch.")
            if isinstance(slot, TupleSlot):
                return f"({', '.join(map(text, slot.items))})"
            if isinstance(slot, RaggedSlot):
                return f"{slot.sig}…" if slot.sig is not None else "[]"
            return "shared" if isinstance(slot.value, torch.Tensor) else repr(slot.value)

        parts = [text(slot) for slot in self.slots] + [f"{name}={value!r}" for name, value in self.settings.items()]
        return f"{self.name}({', '.join(parts)})"
