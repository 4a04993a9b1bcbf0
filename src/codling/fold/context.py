"""The natural front door: contexts in which calls are lazy, and what asks for values."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .errors import FoldError
from .node import Node, current
from .signature import build, flatten, signature
from .tape import Tape

__all__ = ["batching", "eager", "stack", "value"]


@contextlib.contextmanager
def batching(*, places: bool = True, device: torch.device | str | None = None) -> Iterator[Tape]:
    """Calls of batchable operations give lazy nodes inside; values that are asked for run all that is pending, batched.

    Args:
        places: note where in the program each node was made, for errors and ``explain``.
        device: where numbers go as arguments of operations that have no parameters.

    A program within a program belongs to the outer one. Nodes can be asked for their values after the context has
    ended.
    """
    if current.tape is not None or current.eager:
        yield current.tape if current.tape is not None else Tape()
        return
    tape = current.tape = Tape(places=places, device=torch.device(device) if device is not None else None)
    try:
        yield tape
    finally:
        current.tape = None


@contextlib.contextmanager
def eager() -> Iterator[None]:
    """Every call inside runs at once on a batch of one: the same numbers, ordinary tracebacks, a debugger that stops
    where the program stands. Also inside ``batching()``, whose context does nothing then."""
    before, current.tape = current.tape, None
    hidden, current.eager = current.eager, True
    try:
        yield
    finally:
        current.tape, current.eager = before, hidden


def value(thing: Any) -> Any:
    """The value of a node, or of a tuple, list or dictionary of nodes; of anything else, the thing itself.

    So a program that asks for values reads the same batched and eagerly.
    """
    if isinstance(thing, Node):
        return thing.value
    if isinstance(thing, dict):
        return {key: value(item) for key, item in thing.items()}
    if isinstance(thing, (tuple, list)):
        items = [value(item) for item in thing]
        return type(thing)._make(items) if hasattr(thing, "_make") else type(thing)(items)
    return thing


def stack(nodes: Sequence[Any]) -> Any:
    """Values of many nodes of one form, one below the other: what a loss is computed from.

    Args:
        nodes: nodes, or tensors as an eager run gives them.

    Returns:
        A tensor [len(nodes), ...], or a tuple of such; differentiable. Much cheaper than asking one by one.

    Raises:
        FoldError: no nodes, or nodes of different forms.
    """
    if not nodes:
        raise FoldError("stack got no nodes, so their form isn't known")
    first = nodes[0]
    if all(isinstance(node, Node) for node in nodes) and len({id(node.tape) for node in nodes}) == 1:
        for node in nodes:
            if node.sig is not first.sig:
                raise FoldError(f"stack got both {first!r} and {node!r}; it takes nodes of one form")
        return first.tape.stack(nodes)
    values = [value(node) for node in nodes]
    form = signature(values[0])
    if any(signature(each) is not form for each in values):
        raise FoldError(f"stack got values of different forms, {form!r} and others")
    columns = zip(*(flatten(each, []) for each in values), strict=True)
    tensors: list[Tensor] = [torch.stack(column) for column in columns]
    return build(form, iter(tensors))
