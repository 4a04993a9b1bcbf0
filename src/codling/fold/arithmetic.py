"""Computing with lazy nodes as with tensors: ``a + b``, ``torch.tanh(a)``, ``a.mean(0)``, ``torch.cat([a, b])``.

A node stands for one example's tensor, so dimensions count from there. ``torch.vmap`` makes a function of one example a
function of a batch; where all operands are of one shape, element-wise functions need not even that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .errors import FoldError
from .node import Node, current, shared
from .operation import Operation

__all__ = ["apply", "method"]

_ELEMENTWISE = {
    *(torch.add, torch.sub, torch.mul, torch.div, torch.neg, torch.abs, torch.exp, torch.log, torch.sqrt),
    *(torch.tanh, torch.sigmoid, torch.relu, torch.nn.functional.relu, torch.nn.functional.silu),
    *(torch.gt, torch.ge, torch.lt, torch.le, torch.eq, torch.ne, torch.maximum, torch.minimum),
}
_ELEMENTWISE |= {getattr(Tensor, f.__name__) for f in _ELEMENTWISE if hasattr(Tensor, f.__name__)}
_ELEMENTWISE |= {getattr(Tensor, f"__{name}__") for name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv")}


class _Hole:
    """Where a batched argument goes."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hole) and other.number == self.number

    def __hash__(self) -> int:
        return hash(("hole", self.number))


def apply(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of one example's tensors on nodes; everything else in its arguments is the same for all."""
    name = getattr(function, "__name__", repr(function))
    if name.endswith("_") and not name.endswith("__"):
        raise FoldError(f"{name} would change a value in place, which lazy nodes don't allow; use {name[:-1]}")
    nodes: list[Node] = []
    tensors: list[Tensor] = []
    form = (
        tuple(_template(arg, nodes, tensors) for arg in args),
        tuple((key, _template(value, nodes, tensors)) for key, value in sorted(kwargs.items())),
    )
    plain = function in _ELEMENTWISE and not tensors and len({node.sig for node in nodes}) == 1
    try:
        operation = _operation(function, form, len(nodes), len(tensors), plain)
    except TypeError as error:
        raise FoldError(f"{name} got an argument beside lazy nodes that can't be compared: {error}") from error
    tape = nodes[0].tape
    return _record_on(tape, operation, [*nodes, *map(shared, reversed(tensors))])


def _template(arg: Any, nodes: list[Node], tensors: list[Tensor]) -> Any:
    """An argument with holes for nodes and tensors, which are gathered."""
    if isinstance(arg, Node):
        nodes.append(arg)
        return _Hole(len(nodes) - 1)
    if isinstance(arg, Tensor):
        tensors.append(arg)
        return _Hole(-len(tensors))
    if isinstance(arg, (tuple, list)):
        return (type(arg), *(_template(item, nodes, tensors) for item in arg))
    if isinstance(arg, slice):
        return (slice, arg.start, arg.stop, arg.step)
    return (None, type(arg), arg, repr(arg) if type(arg) is float else None)  # 0.0 and -0.0 differ


def _filled(part: Any, values: Sequence[Any]) -> Any:
    if isinstance(part, _Hole):
        return values[part.number]  # tensors stand at the end, in reverse
    kind, *rest = part
    if kind is None:
        return rest[1]
    if kind is slice:
        return slice(*rest)
    items = [_filled(item, values) for item in rest]
    return kind._make(items) if hasattr(kind, "_make") else kind(items)


def _record_on(tape: Any, operation: Operation, args: list[Any]) -> Any:
    before, current.tape = current.tape, tape
    try:
        return operation(*args)
    finally:
        current.tape = before


@functools.lru_cache(maxsize=4096)
def _operation(function: Callable[..., Any], form: Any, num: int, num_tensors: int, plain: bool) -> Operation:
    args, kwargs = form

    def call(*values: Any) -> Any:
        return function(*[_filled(arg, values) for arg in args], **{key: _filled(arg, values) for key, arg in kwargs})

    name = getattr(function, "__name__", repr(function))
    dims = (0,) * num + (None,) * num_tensors
    operation = Operation(call if plain else torch.vmap(call, in_dims=dims, randomness="different"))
    operation._fold.name, operation._fold.inner = name, True
    return operation


def method(node: Node, name: str) -> Callable[..., Any]:
    """A tensor's method, on a node."""
    function = getattr(Tensor, name, None)
    if not callable(function):
        raise AttributeError(f"a lazy {node.sig!r} has no {name!r}; ask for its value first")
    return functools.partial(apply, function, node)
