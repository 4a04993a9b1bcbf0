"""Signatures: the form of one example's value (nesting, shapes, dtypes, devices), by which calls are grouped.

Signatures are interned: two are equal if and only if they are the same object, so that grouping compares pointers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .errors import FoldError

__all__ = ["Leaf", "Signature", "batch_signature", "build", "flatten", "signature"]

Leaf = tuple[tuple[int, ...], torch.dtype, torch.device]
"Shape of one example, dtype, device."

MAX_LEAVES = 256  # a reference keeps the number of its first tensor in eight bits


class Signature:
    """The form of a value: a tensor, or a tuple (named or not) or list of values.

    Attributes:
        form: None for a tensor, otherwise the type of the tuple.
        parts: signatures of its items; empty for a tensor.
        offsets: for each item, how many tensors stand before it.
        leaves: of all its tensors, in order.
    """

    __slots__ = ("form", "leaves", "offsets", "parts")

    def __init__(self, form: type | None, parts: tuple[Signature, ...], leaves: tuple[Leaf, ...]) -> None:
        self.form, self.parts, self.leaves = form, parts, leaves
        offsets, total = [], 0
        for part in parts:
            offsets.append(total)
            total += len(part.leaves)
        self.offsets = tuple(offsets)

    def __repr__(self) -> str:
        if self.form is None:
            shape, dtype, _ = self.leaves[0]
            return f"{str(dtype).removeprefix('torch.')}{list(shape)}"
        return f"({', '.join(map(repr, self.parts))})"

    def __reduce__(self) -> Any:
        if self.form is None:
            return _leaf, self.leaves[0]
        return _tuple, (self.form, self.parts)


_leaves: dict[Leaf, Signature] = {}
_tuples: dict[tuple[type, tuple[Signature, ...]], Signature] = {}


def _leaf(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Signature:
    key = (shape, dtype, device)
    found = _leaves.get(key)
    return found if found is not None else _leaves.setdefault(key, Signature(None, (), (key,)))


def _tuple(form: type, parts: tuple[Signature, ...]) -> Signature:
    key = (form, parts)
    found = _tuples.get(key)
    if found is None:
        leaves = tuple(leaf for part in parts for leaf in part.leaves)
        if len(leaves) >= MAX_LEAVES:
            raise FoldError(f"a value of {len(leaves)} tensors; at most {MAX_LEAVES - 1} are supported")
        found = _tuples.setdefault(key, Signature(form, parts, leaves))
    return found


def signature(value: Any) -> Signature:
    """Of one example's value: tensors without a batch dimension."""
    if isinstance(value, Tensor):
        return _leaf(tuple(value.shape), value.dtype, value.device)
    if isinstance(value, (tuple, list)):
        return _tuple(_form(value), tuple(signature(item) for item in value))
    raise FoldError(f"a value is a tensor or a tuple of values, not {type(value).__name__}")


def batch_signature(value: Any, rows: int) -> Signature:
    """Of each of the ``rows`` examples that a batch's value holds along its first dimension.

    Raises:
        FoldError: a tensor that hasn't a row for each example.
    """
    if isinstance(value, Tensor):
        if value.dim() == 0 or value.shape[0] != rows:
            raise FoldError(
                f"a result of shape {list(value.shape)} for {rows} examples: a batchable operation gives one row for "
                "each, along the first dimension"
            )
        return _leaf(tuple(value.shape[1:]), value.dtype, value.device)
    if isinstance(value, (tuple, list)):
        return _tuple(_form(value), tuple(batch_signature(item, rows) for item in value))
    raise FoldError(f"a result of type {type(value).__name__}: operations give tensors, or tuples of them")


def _form(value: Sequence[Any]) -> type:
    return type(value) if hasattr(value, "_fields") else tuple


def flatten(value: Any, into: list[Tensor]) -> list[Tensor]:
    """The tensors of a value, in order, appended to ``into``."""
    if isinstance(value, Tensor):
        into.append(value)
    else:
        for item in value:
            flatten(item, into)
    return into


def build(form: Signature, tensors: Iterator[Tensor]) -> Any:
    """The value of that form out of its tensors, whatever dimensions they have."""
    if form.form is None:
        return next(tensors)
    items = [build(part, tensors) for part in form.parts]
    return form.form._make(items) if hasattr(form.form, "_make") else tuple(items)
