"""Calls read: their arguments as keys, references and constants, by which calls are grouped."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .errors import FoldError
from .kind import Constant, Kind, NodeSlot, RaggedSlot, Scalar, Setting, Slot, TupleSlot
from .node import Node, Shared, current
from .run import version_of
from .signature import signature

if TYPE_CHECKING:
    from .tape import Tape

__all__ = ["State", "new_kind", "read_call"]


class State:
    """What an operation remembers: the kinds of its calls, for as long as nothing about it has changed.

    It doesn't travel: a copy or a pickle of the operation's owner starts with an empty one.
    """

    __slots__ = (
        *("borrowed", "call", "inner", "kernel", "kinds", "module", "name", "ragged", "share", "stamp", "tape"),
        "whole",
    )

    def __init__(self, name: str, share: bool | None, ragged: bool) -> None:
        self.name, self.share, self.ragged = name, share, ragged
        self.kinds: dict[Any, Kind] = {}
        self.borrowed: dict[Any, tuple[int, weakref.ref[Tape]]] = {}  # keys with shared objects: who used them last
        self.tape = -1
        self.stamp: Any = None
        self.call: Callable[..., Any]
        self.module: nn.Module | None = None
        self.whole = False  # it is the module that is called, not a method of it
        self.kernel: Any = None
        self.inner = False  # called by this package's own code, which is not what a user calls a place

    def __reduce__(self) -> Any:
        return State, (self.name, self.share, self.ragged)

    def refresh(self, tape: Tape) -> None:
        """At an operation's first call in a program: forget the kinds if its owner has changed since, and those with
        shared objects that the program before did without, which would keep the objects alive for ever."""
        for key, (number, user) in list(self.borrowed.items()):
            if number != self.tape and user() is None:
                del self.borrowed[key]
                self.kinds.pop(key, None)
        self.tape = tape.number
        stamp: tuple[Any, ...] = (torch.get_default_dtype(), torch.is_autocast_enabled("cpu"), self.kernel)
        if torch.cuda.is_available():
            stamp += (torch.is_autocast_enabled("cuda"),)
        if self.module is not None:
            stamp += (_may_share(self), *((p.dtype, p.device) for p in self.module.parameters()))
            stamp += (self.module.training,)
        if stamp != self.stamp:
            self.kinds, self.stamp = {}, stamp


def read_call(
    state: State, tape: Tape, args: tuple[Any, ...], settings: dict[str, Any], as_node: Callable[[Tape, Any], Node]
) -> tuple[Any, tuple[int, ...], tuple[Any, ...]]:
    """Any call's key, references and, lists made ready, arguments: the long way."""
    if state.ragged:
        args = tuple([[as_node(tape, item) for item in arg] if isinstance(arg, list) else arg for arg in args])
    reader = _Reader(state, tape)
    key: list[Any] = [reader.read(arg) for arg in args]
    for name in sorted(settings):
        value = settings[name]
        if isinstance(value, (Node, Tensor)):
            raise FoldError(f"{state.name}({name}=…) got a value of its own for each example: pass it by position")
        if isinstance(value, Shared):
            key.append((name, "shared", id(value.value)))
        else:
            key.append((name, _typed(value)))
    key.append(torch.is_grad_enabled())
    whole = tuple(key)
    try:
        if reader.borrows or any(isinstance(value, Shared) for value in settings.values()):
            state.borrowed[whole] = (tape.number, weakref.ref(tape))
        hash(whole)
    except TypeError as error:
        raise FoldError(
            f"{state.name} got a setting that calls can't be grouped by ({error}); pass it as codling.fold.shared(…)"
        ) from error
    return whole, (*reader.refs, *reader.tail), args


def _typed(value: Any) -> Any:
    """A key for a setting; unlike the setting itself, it tells ``1`` from ``True``, in lists and tuples too."""
    if isinstance(value, (tuple, list)):
        return (type(value), *map(_typed, value))
    return (type(value), repr(value) if type(value) is float else value)


class _Reader:
    """Reads arguments: puts constants into the program's pools and gathers references."""

    def __init__(self, state: State, tape: Tape) -> None:
        self.state, self.tape = state, tape
        self.refs: list[int] = []
        self.tail: list[int] = []
        self.borrows = False

    def read(self, arg: Any) -> Any:
        tape = self.tape
        if isinstance(arg, Node):
            if arg.tape is not tape:
                return self.read(arg.value)  # of another program: constants to this one; gradients still flow
            self.refs.append(arg.ref)
            return arg.sig
        if type(arg) in (int, float, bool):
            self.refs.append(len(tape.scalars))
            tape.scalars.append(arg)
            return type(arg)
        if isinstance(arg, Tensor):
            self.refs.append(len(tape.tensors))
            tape.tensors.append(arg)
            tape.versions.append(version_of(arg))
            return (signature(arg),)
        if isinstance(arg, Shared):
            self.borrows = True
            return ("shared", id(arg.value))
        if isinstance(arg, list) and self.state.ragged:
            return self.ragged(arg)
        if isinstance(arg, (tuple, list)):
            return ("tuple", type(arg), *map(self.read, arg))
        return ("setting", _typed(arg))

    def ragged(self, items: list[Node]) -> Any:
        if self.tail:
            raise FoldError(f"{self.state.name} was called with two lists; a ragged operation takes one")
        for item in items:
            if item.sig is not items[0].sig:
                raise FoldError(f"{self.state.name} was called with a list of both {items[0].sig!r} and {item.sig!r}")
            self.tail.append(item.ref)
        return ("ragged", items[0].sig if items else None)


def new_kind(state: State, key: Any, args: tuple[Any, ...], settings: dict[str, Any]) -> Kind:
    column = itertools.count()
    slots = tuple(_slot(arg, state, column) for arg in args)
    values = {name: value.value if isinstance(value, Shared) else value for name, value in settings.items()}
    device = None
    if state.module is not None:
        device = next((p.device for p in state.module.parameters()), None)
    share = _may_share(state)
    kernel = state.kernel if not torch.is_autocast_enabled("cpu") and not torch.is_autocast_enabled("cuda") else None
    if kernel is not None and not kernel.fits(state.module, slots):
        kernel = None
    kind = Kind(state.name, state.call, slots, values, torch.is_grad_enabled(), share, kernel, device, state.module)
    state.kinds[key] = kind
    return kind


def _slot(arg: Any, state: State, column: Iterator[int]) -> Slot:
    if isinstance(arg, Node) and arg.tape is not current.tape:
        arg = arg.value
    if isinstance(arg, list) and state.ragged:
        return RaggedSlot(arg[0].sig if arg else None)
    if isinstance(arg, (tuple, list)):
        form = type(arg) if hasattr(arg, "_fields") else tuple
        return TupleSlot(form, tuple(_slot(item, state, column) for item in arg))
    if isinstance(arg, Node):
        return NodeSlot(next(column), arg.sig)
    if isinstance(arg, Tensor):
        return Constant(next(column), signature(arg))
    if type(arg) in (int, bool):
        return Scalar(next(column), torch.int64 if type(arg) is int else torch.bool)
    if type(arg) is float:
        return Scalar(next(column), None)
    return Setting(arg.value if isinstance(arg, Shared) else arg)


_RANDOM = (nn.modules.dropout._DropoutNd, nn.RReLU)


def _may_share(state: State) -> bool:
    """Whether two calls with the same arguments may be one: declared or known so, and nothing random in training."""
    module = state.module
    if module is not None and any(m.training and isinstance(m, _RANDOM) for m in module.modules()):
        return False
    if state.share is not None:
        return state.share
    if module is None or not state.whole:
        return False
    base = type(module).__mro__[1] if "_fold_options" in type(module).__dict__ else type(module)
    return (
        base.__module__ in ("torch.nn.modules.linear", "torch.nn.modules.sparse", "torch.nn.modules.activation")
        and not isinstance(module, nn.MultiheadAttention)
        and not module._forward_hooks
        and not module._forward_pre_hooks
    )
