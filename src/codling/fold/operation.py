"""What makes a call lazy: ``batchable`` on a function, a method, a module or a class of modules.

A batchable operation is written for a batch: it takes tensors with one row per example along the first dimension and
gives such tensors. It is *called* as for one example. Inside ``batching()`` the call gives a lazy node; anywhere else
it runs at once, on a batch of one.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import torch
from torch import nn

from .at_once import call_at_once, tape_of
from .calls import State, new_kind, read_call
from .errors import FoldError
from .node import Node, current

if TYPE_CHECKING:
    from .tape import Tape

__all__ = ["Operation", "batchable"]

T = TypeVar("T")


def record(self: Any, *args: Any, **settings: Any) -> Any:
    """Call a batchable operation for one example.

    The body of ``__call__`` of all batchable things; what runs once per node of a program stands here in one piece,
    without a function call that could be spared.
    """
    tape = current.tape
    if tape is None:
        return _outside(self, args, settings)
    try:
        state = self._fold
        if state.tape != tape.number:
            state = _ready(self)
            state.refresh(tape)
    except AttributeError:
        state = _ready(self)
        state.refresh(tape)
    refs: tuple[int, ...]
    key: tuple[Any, ...] | None = None  # as ``read_call`` makes it, which reads the calls that aren't read here
    if not settings:
        if len(args) == 2:
            a, b = args
            if type(a) is Node and a.tape is tape:
                if type(b) is Node and b.tape is tape:
                    key = (a.sig, b.sig, torch.is_grad_enabled())
                    refs = (a.ref, b.ref)
                elif type(b) is list and state.ragged:
                    first = b[0].sig if b and type(b[0]) is Node else None
                    for item in b:
                        if type(item) is not Node or item.tape is not tape or item.sig is not first:
                            break
                    else:
                        key = (a.sig, ("ragged", first), torch.is_grad_enabled())
                        refs = (a.ref, *[item.ref for item in b])
        elif len(args) == 1:
            a = args[0]
            if type(a) is int:
                key = (int, torch.is_grad_enabled())
                refs = (len(tape.scalars),)
                tape.scalars.append(a)
            elif type(a) is Node and a.tape is tape:
                key = (a.sig, torch.is_grad_enabled())
                refs = (a.ref,)
        else:
            for a in args:
                if type(a) is not Node or a.tape is not tape:
                    break
            else:
                key = (*[a.sig for a in args], torch.is_grad_enabled())
                refs = tuple([a.ref for a in args])
    if key is None:
        key, refs, args = read_call(state, tape, args, settings, _as_node)
    kind = state.kinds.get(key)
    if kind is None:
        kind = new_kind(state, key, args, settings)
    if kind.share:
        found = tape.shared_node(kind, refs)
        if found is not None:
            return found
    kinds = tape.kinds
    index = len(kinds)
    kinds.append(kind)
    tape.starts.append(len(tape.refs))
    tape.refs.extend(refs)
    if tape.places is not None:
        frame = sys._getframe(1)
        if state.inner:
            frame = _user_frame(frame)
        tape.places.append((frame.f_code, frame.f_lasti))
    result = kind.result
    if result is None:
        result = tape.learn(index)
    return Node(tape, index << 8, result)


_OURS = (__name__.rpartition(".")[0] + ".", "torch.nn.modules.module")


def _user_frame(frame: Any) -> Any:
    """The innermost frame of the user's program: modules of ours call operations from PyTorch's machinery."""
    outer = frame
    while outer is not None and outer.f_globals.get("__name__", "").startswith(_OURS):
        outer = outer.f_back
    return outer or frame


class Operation:
    """A batchable function; or, as ``@batchable`` on a method makes it, a descriptor that binds to each instance."""

    _fold: State

    def __init__(self, function: Callable[..., Any], *, share: bool | None = None, ragged: bool = False) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.owner: Any = None
        self._fold = State(getattr(function, "__qualname__", "operation"), share, ragged)

    __call__ = record

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        bound = Operation(self.function.__get__(instance, owner), share=self._fold.share, ragged=self._fold.ragged)
        bound.owner = instance
        instance.__dict__[self.function.__name__] = bound  # found there from now on, without coming here
        return bound

    def __reduce__(self) -> Any:
        if self.owner is not None:
            return getattr, (self.owner, self.function.__name__)
        return self.__qualname__  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<batchable {self._fold.name}>"


@overload
def batchable(operation: T, *, share: bool | None = ..., ragged: bool = ..., name: str | None = ...) -> T: ...
@overload
def batchable(
    operation: None = None, *, share: bool | None = ..., ragged: bool = ..., name: str | None = ...
) -> Callable[[T], T]: ...
def batchable(
    operation: Any = None, *, share: bool | None = None, ragged: bool = False, name: str | None = None
) -> Any:
    """Make an operation on a batch callable for one example, lazily.

    Args:
        operation: a function, a method (as a decorator), an instance of ``nn.Module`` (the instance becomes batchable;
            its parameters, state and type stay), or a subclass of ``nn.Module`` (as a decorator: all instances). It
            takes and gives tensors with one row per example along the first dimension, and computes each row from the
            same row of its arguments. Numbers arrive as tensors [N]; tensors of the caller are stacked; keyword
            arguments, strings and None are the same for a batch; see ``shared`` for other arguments that are.
        share: two calls with the same arguments may be computed once. None: only where that is known to be sound, which
            is for PyTorch's own layers and activations without dropout. Never in a module that has dropout in training,
            nor where the first call draws random numbers.
        ragged: a list of nodes as an argument may have another length for each example, and arrives as ``Ragged``.
            Without it, lists are tuples, and calls with another length are grouped apart.
        name: in errors and plans; by default the function's or the class's.

    Raises:
        FoldError: neither a function nor a module.
    """
    if operation is None:
        return functools.partial(batchable, share=share, ragged=ragged, name=name)
    options = (name, share, ragged)
    if isinstance(operation, nn.Module):
        return _batchable_instance(operation, options)
    if isinstance(operation, type) and issubclass(operation, nn.Module):
        operation._fold_options = options  # type: ignore[attr-defined]
        operation._fold_call = operation.__call__  # type: ignore[attr-defined]
        operation.__call__ = record  # type: ignore[method-assign]
        return operation
    if callable(operation) and not isinstance(operation, type):
        made = Operation(operation, share=share, ragged=ragged)
        if name is not None:
            made._fold.name = name
        return made
    raise FoldError(f"batchable takes a function or an nn.Module, not {operation!r}")


def _batchable_instance(module: nn.Module, options: tuple[str | None, bool | None, bool]) -> nn.Module:
    if not hasattr(type(module), "_fold_options"):
        module.__class__ = _batchable_class(type(module))  # type: ignore[arg-type]
    module.__dict__["_fold_options"] = options
    module.__dict__.pop("_fold", None)
    return module


@functools.cache
def _batchable_class(base: type[nn.Module]) -> type[nn.Module]:
    """A subclass that differs in its ``__call__`` alone; for pickle, the base with the options beside it."""

    def reduce_ex(self: Any, _protocol: Any) -> Any:
        state = {name: value for name, value in self.__dict__.items() if name != "_fold"}
        return _restore, (base,), state

    members = {
        "__call__": record,
        "__reduce_ex__": reduce_ex,
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__doc__": base.__doc__,
        "_fold_options": (None, None, False),
        "_fold_call": base.__call__,
    }
    return type(base.__name__, (base,), members)


def _restore(base: type[nn.Module]) -> nn.Module:
    cls: type[nn.Module] = _batchable_class(base)  # type: ignore[arg-type]
    return cls.__new__(cls)


def _ready(self: Any) -> State:
    """The operation's state, with what it calls bound to it."""
    state: State | None = self.__dict__.get("_fold")
    if state is None:
        name, share, ragged = self._fold_options
        state = self.__dict__["_fold"] = State(name or type(self).__name__, share, ragged)
    if isinstance(self, Operation):
        state.call = self.function
        state.module = self.owner if isinstance(self.owner, nn.Module) else None
    else:
        state.call = functools.partial(type(self)._fold_call, self)
        state.module, state.whole = self, True
        state.kernel = _kernel(self)
        state.inner = getattr(self, "fold_inner", False)
    return state


def _kernel(module: Any) -> Any:
    """The kernel of a module's class, unless a subclass or a hook has changed what the module computes."""
    if module._forward_hooks or module._forward_pre_hooks or "forward" in module.__dict__:
        return None
    for cls in type(module).__mro__:
        if "forward" in cls.__dict__:
            return cls.__dict__.get("fold_kernel")
    return None


def _as_node(tape: Tape, item: Any) -> Node:
    """An item of a ragged list: a tensor among nodes becomes one."""
    if isinstance(item, Node):
        if item.tape is tape:
            return item
        item = item.value
    node: Node = _given(item)
    return node


def _outside(self: Any, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """A call where nothing is recorded: at once, on a batch of one; or recorded where its arguments are."""
    tape = tape_of(args)
    if tape is None:
        return call_at_once(_ready(self), args, settings)
    current.tape = tape
    try:
        return record(self, *args, **settings)
    finally:
        current.tape = None


@Operation
def _given(value: Any) -> Any:
    return value


_given._fold.inner = True
