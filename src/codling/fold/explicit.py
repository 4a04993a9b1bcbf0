"""The explicit front door, as TorchFold has it: operations by name, added node by node, applied to a module.

``docs/fold.md`` shows how to move over. Differences: equal calls are shared only where that is sound; widths may differ
under one name; ``1`` and ``True`` are different constants; errors name the node and where it was added.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .context import batching, eager, stack
from .errors import FoldError
from .node import Node, shared
from .operation import Operation
from .signature import build, flatten, signature
from .tape import Tape

__all__ = ["Fold", "FoldNode", "Unfold"]


_BITS = 16  # for which of a call's results is meant, 0 for all
_MASK = (1 << _BITS) - 1


class FoldNode:
    """A call that was added: its number, which of its results, and whether each example of a batch has its own."""

    __slots__ = ("batched", "index", "part")

    def __init__(self, index: int, part: int | None = None) -> None:
        self.index, self.part, self.batched = index, part, True

    def split(self, num: int) -> tuple[FoldNode, ...]:
        """The results one by one, of an operation that gives ``num`` of them."""
        index = self.index
        return tuple([FoldNode(index, part) for part in range(num)])

    def nobatch(self) -> FoldNode:
        """As an argument, give its value as it is, first dimension 1, to all calls of a batch."""
        self.batched = False
        return self

    no_batch = unbatched = nobatch


class Fold:
    """A program, written by adding calls.

    Args:
        device: where numbers go as arguments of operations that have no parameters.
    """

    # Calls are kept as integers in a few long lists: with an object or two per call, Python's search for garbage
    # takes as long as the rest of a program of thousands of calls.

    def __init__(self, *, device: torch.device | str | None = None) -> None:
        self.device = device
        self._names: list[str] = []
        self._ends: list[int] = []
        "Of each call's arguments in the next list."
        self._args: list[int] = []
        "A node, as ``_code`` writes it; for anything else -1 - its place in the pool."
        self._pool: list[Any] = []
        self._codes: list[Any] = []
        "Where each call was added: the frame's code, and the instruction in it."
        self._instructions: list[int] = []
        self.tape: Tape | None = None
        "After ``apply``: the program as it ran, for ``explain``."

    def add(self, op: str, *args: Any) -> FoldNode:
        """Add a call of the module's method or submodule ``op``.

        Args:
            args: nodes; numbers, which arrive as tensors [N]; tensors with a first dimension of 1.
        """
        frame = sys._getframe(1)
        self._codes.append(frame.f_code)
        self._instructions.append(frame.f_lasti)
        index = len(self._names)
        self._names.append(op)
        for arg in args:
            if type(arg) is FoldNode:
                self._args.append(_code(arg))
            else:
                self._args.append(-1 - len(self._pool))
                self._pool.append(arg)
        self._ends.append(len(self._args))
        return FoldNode(index)

    def apply(self, module: nn.Module, nodes: Sequence[Sequence[Any]]) -> list[Any]:
        """Run everything, batched.

        Args:
            nodes: lists of nodes, or of numbers.

        Returns:
            For each list a tensor with one row per item; numbers as int64 (or float) [N].

        Raises:
            FoldError: an operation that the module doesn't have, or that fails.
        """
        with batching(device=self.device) as tape:
            self.tape = tape
            operations: dict[str, Any] = {}
            values: list[Any] = []
            whole: dict[int, Any] = {}

            def value_of(code: int) -> Any:
                if code < 0:
                    return _plain(self._pool[-1 - code])
                found, part = values[code >> _BITS + 1], code >> 1 & _MASK
                if part:
                    found = found[part - 1]
                if code & 1:
                    return found
                if code not in whole:
                    whole[code] = _unsqueezed(found.value)
                return shared(whole[code])

            begin = 0
            for index, (name, end) in enumerate(zip(self._names, self._ends, strict=True)):
                operation = operations.get(name)
                if operation is None:
                    operation = operations[name] = _operation(module, name)
                values.append(operation(*map(value_of, self._args[begin:end])))
                begin = end
                if tape.places is not None and isinstance(values[-1], Node):
                    tape.places[values[-1].ref >> 8] = (self._codes[index], self._instructions[index])
            return [
                _column([value_of(_code(item)) if isinstance(item, FoldNode) else _plain(item) for item in column])
                for column in nodes
            ]


def _code(node: FoldNode) -> int:
    """As one integer: the call, the result, whether it is batched."""
    return (node.index << _BITS | (0 if node.part is None else node.part + 1)) << 1 | node.batched


class Unfold:
    """In place of ``Fold``, to find a mistake: each call runs as it is added, on a batch of one."""

    class Node:
        """A value that is there already."""

        def __init__(self, result: Any) -> None:
            self.result = result

        def split(self, num: int) -> tuple[Unfold.Node, ...]:
            return tuple(Unfold.Node(self.result[i]) for i in range(num))

        def nobatch(self) -> Unfold.Node:
            return self

        no_batch = unbatched = nobatch

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def add(self, op: str, *args: Any) -> Unfold.Node:
        """Call the module's ``op`` at once."""

        def argument(arg: Any) -> Any:
            return _first(arg.result) if isinstance(arg, Unfold.Node) else _row(arg) if isinstance(arg, Tensor) else arg

        with eager():
            return Unfold.Node(_unsqueezed(_operation(self.module, op)(*map(argument, args))))

    def apply(self, _module: nn.Module, nodes: Sequence[Sequence[Any]]) -> list[Any]:
        """The values of lists of nodes, one below the other."""
        return [_column([_first(n.result) if isinstance(n, Unfold.Node) else n for n in column]) for column in nodes]


class _Operations(dict[str, Operation]):
    """A module's methods as operations; empty again in a copy of the module."""

    def __reduce__(self) -> Any:
        return _Operations, ()


def _operation(module: nn.Module, name: str) -> Any:
    found = getattr(module, name, None)
    if found is None:
        raise FoldError(f"{type(module).__name__} has no operation {name!r} that Fold.add was given")
    if isinstance(found, Operation) or hasattr(type(found), "_fold_options"):
        return found
    made: _Operations = module.__dict__.setdefault("_fold_operations", _Operations())
    if name not in made:
        made[name] = Operation(found)
        made[name]._fold.name = name
        made[name].owner = module
    return made[name]


def _plain(arg: Any) -> Any:
    return _row(arg) if isinstance(arg, Tensor) else arg


def _row(tensor: Tensor) -> Tensor:
    if tensor.dim() == 0 or tensor.shape[0] != 1:
        raise FoldError(f"a tensor given to Fold.add has a first dimension of 1, not the shape {list(tensor.shape)}")
    return tensor[0]


def _unsqueezed(value: Any) -> Any:
    return build(signature(value), iter([tensor.unsqueeze(0) for tensor in flatten(value, [])]))


def _first(value: Any) -> Any:
    return build(signature(value), iter([tensor.squeeze(0) for tensor in flatten(value, [])]))


def _column(items: list[Any]) -> Any:
    if items and isinstance(items[0], (int, float)):
        return torch.tensor(items)
    return stack(items)
