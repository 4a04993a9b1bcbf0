"""Calls at once: what a batchable operation does where nothing is recorded, on a batch of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .calls import State
from .kind import Ragged
from .node import Node, Shared
from .signature import build, flatten, signature

if TYPE_CHECKING:
    from .tape import Tape

__all__ = ["call_at_once", "tape_of"]


def tape_of(args: Any) -> Tape | None:
    """The program that arguments belong to, if any of them is a lazy node."""
    for arg in args:
        if isinstance(arg, Node):
            return arg.tape
        if isinstance(arg, (tuple, list)):
            found = tape_of(arg)
            if found is not None:
                return found
    return None


def call_at_once(state: State, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """The result for one example, out of one example's arguments."""
    device = next((p.device for p in state.module.parameters()), None) if state.module is not None else None

    def one(arg: Any) -> Any:
        if isinstance(arg, Tensor):
            return arg.unsqueeze(0)
        if type(arg) in (int, float, bool):
            return torch.tensor([arg], device=device)
        if isinstance(arg, Shared):
            return arg.value
        if isinstance(arg, list) and state.ragged:
            return _ragged_of_one(arg, device)
        if isinstance(arg, (tuple, list)):
            items = [one(item) for item in arg]
            return type(arg)._make(items) if hasattr(arg, "_make") else tuple(items)
        return arg

    values = {name: value.value if isinstance(value, Shared) else value for name, value in settings.items()}
    return _first(state.call(*map(one, args), **values))


def _first(result: Any) -> Any:
    if isinstance(result, Tensor):
        return result.squeeze(0)
    items = [_first(item) for item in result]
    return type(result)._make(items) if hasattr(result, "_make") else tuple(items)


def _ragged_of_one(items: list[Any], device: torch.device | None) -> Ragged:
    value = None
    if items:
        rows = zip(*(flatten(item, []) for item in items), strict=True)
        stacked = [torch.stack(row) for row in rows]
        value, device = build(signature(items[0]), iter(stacked)), stacked[0].device
    owner = torch.zeros(len(items), dtype=torch.int64, device=device)
    return Ragged(value, owner, torch.tensor([len(items)], device=device))
