"""Lazy nodes, and the program that is being recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from .errors import FoldError
from .signature import Signature

if TYPE_CHECKING:
    from .tape import Tape

__all__ = ["Node", "Shared", "current", "shared"]

T = TypeVar("T")


class _Current(threading.local):
    tape: Tape | None = None
    eager = False


current = _Current()
"The program that is being recorded in this thread, and whether recording is off."


class Shared:
    """An argument that is the same for all examples and goes to the operation as it is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def shared(value: T) -> T:
    """Mark an argument as un-batched: every example gets this very object, without a batch dimension.

    For a table, a mask, a whole encoded document that all examples attend to. Calls with another object are grouped
    apart. (To a type checker, the value itself.)
    """
    return Shared(value)  # type: ignore[return-value]


def _operator(name: str) -> Any:
    """A tensor's operator, on a node."""

    def operator(self: Node, *others: Any) -> Any:
        from .arithmetic import apply

        return apply(getattr(Tensor, name), self, *others)

    return operator


class Node:
    """The value-to-be of one call, for one example.

    Pass it to further batchable operations; index or unpack it where it is a tuple; compute with it as with a tensor
    (``codling.fold.arithmetic``). Asking for its value (``node.value``, ``item()``, ``bool()``, ``float()``, ``int()``)
    runs everything pending, batched.
    """

    __slots__ = ("ref", "sig", "tape")

    def __init__(self, tape: Tape, ref: int, sig: Signature) -> None:
        self.tape, self.ref, self.sig = tape, ref, sig

    @property
    def value(self) -> Any:
        """The tensor without a batch dimension, or the tuple of them; differentiable."""
        return self.tape.value(self)

    @property
    def shape(self) -> torch.Size:
        """Of the tensor, known before it is computed."""
        return torch.Size(self._tensor().leaves[0][0])

    @property
    def dtype(self) -> torch.dtype:
        return self._tensor().leaves[0][1]

    @property
    def device(self) -> torch.device:
        return self._tensor().leaves[0][2]

    def dim(self) -> int:
        return len(self._tensor().leaves[0][0])

    def _tensor(self) -> Signature:
        if self.sig.form is not None:
            raise FoldError(f"{self!r} is a tuple, not a tensor; index it first")
        return self.sig

    def item(self) -> int | float | bool:
        return self.value.item()  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        return self.value.tolist()

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __index__(self) -> int:
        return int(self.value.__index__())

    def __len__(self) -> int:
        return len(self.sig.parts) if self.sig.form is not None else int(self.shape[0])

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def __getitem__(self, key: Any) -> Any:
        if self.sig.form is None:
            from .arithmetic import apply

            return apply(Tensor.__getitem__, self, key)
        if isinstance(key, slice):
            return tuple(self[i] for i in range(*key.indices(len(self))))
        sig = self.sig
        key = range(len(sig.parts))[key]
        return Node(self.tape, self.ref + sig.offsets[key], sig.parts[key])

    def __getattr__(self, name: str) -> Any:
        if name in Node.__slots__:  # of a node that was never made, as copying and unpickling try
            raise AttributeError(name)
        fields = getattr(self.sig.form, "_fields", ())
        if name in fields:
            return self[fields.index(name)]
        if self.sig.form is None and not name.startswith("_"):
            from .arithmetic import method

            return method(self, name)
        raise AttributeError(f"a lazy {self.sig!r} has no {name!r}")

    def __copy__(self) -> Node:
        return self

    def __reduce__(self) -> Any:
        raise FoldError(f"{self!r} can't be copied or pickled without its program; ask for its value first")

    def __repr__(self) -> str:
        return f"<node {self.ref >> 8} {self.tape.kinds[self.ref >> 8].name}: {self.sig!r}>"

    __add__, __radd__ = _operator("__add__"), _operator("__radd__")
    __sub__, __rsub__ = _operator("__sub__"), _operator("__rsub__")
    __mul__, __rmul__ = _operator("__mul__"), _operator("__rmul__")
    __truediv__, __rtruediv__ = _operator("__truediv__"), _operator("__rtruediv__")
    __matmul__, __rmatmul__ = _operator("__matmul__"), _operator("__rmatmul__")
    __pow__, __rpow__ = _operator("__pow__"), _operator("__rpow__")
    __mod__, __rmod__ = _operator("__mod__"), _operator("__rmod__")
    __floordiv__, __rfloordiv__ = _operator("__floordiv__"), _operator("__rfloordiv__")
    __and__, __rand__ = _operator("__and__"), _operator("__rand__")
    __or__, __ror__ = _operator("__or__"), _operator("__ror__")
    __xor__, __rxor__ = _operator("__xor__"), _operator("__rxor__")
    __gt__, __ge__, __lt__, __le__ = _operator("gt"), _operator("ge"), _operator("lt"), _operator("le")
    __eq__, __ne__, __hash__ = _operator("eq"), _operator("ne"), object.__hash__
    __neg__, __pos__ = _operator("neg"), _operator("positive")
    __abs__, __invert__ = _operator("abs"), _operator("bitwise_not")

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        from .arithmetic import apply

        return apply(function, *args, **(kwargs or {}))
