"""What the loop asks of whatever it trains, and how it handles a recurrent state that it knows nothing of."""

# B batch, T time

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

__all__ = ["State", "Task", "leaves", "map_state", "with_leaves"]

State = Any
"A tensor, None, or tuples, lists and dictionaries of states; what the task likes, the loop only carries it."


class Task(Protocol):
    """A model and its loss, as the loop sees them."""

    @property
    def module(self) -> nn.Module:
        """The weights to train; the loop moves them to the device and switches between training and evaluation."""
        ...

    def initial_state(self, batch: int, device: torch.device) -> State:
        """The recurrent state before a lane's first token; None for a model that has none."""
        ...

    def loss(self, inputs_BT: Tensor, targets_BT: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Predict each target from the inputs up to it.

        Returns:
            Mean loss in nats (a scalar to differentiate), the number of targets that were the likeliest (a scalar), and
            the state after the window; the loop detaches it.
        """
        ...

    def sample(self, step: int) -> str | None:
        """A text that the model writes now, for the report, or None; called in evaluation mode, without gradients."""
        ...

    def describe(self) -> dict[str, Any]:
        """Everything of the task that decides the result, as plain data; a run is only resumed under the same."""
        ...


def map_state(function: Callable[[Tensor], Tensor], state: State) -> State:
    """Apply a function to each tensor of a state."""
    if isinstance(state, Tensor):
        return function(state)
    if isinstance(state, dict):
        return {key: map_state(function, item) for key, item in state.items()}
    if isinstance(state, tuple) and hasattr(state, "_fields"):  # a named tuple
        return type(state)(*(map_state(function, item) for item in state))
    if isinstance(state, tuple | list):
        return type(state)(map_state(function, item) for item in state)
    assert state is None, f"a recurrent state holds tensors, not {type(state).__name__}"
    return None


def leaves(state: State) -> list[Tensor]:
    """The tensors of a state, in an order that its structure decides."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_state(keep, state)
    return found


def with_leaves(state: State, tensors: list[Tensor]) -> State:
    """A state of the same structure with other tensors, in the order of leaves."""
    remaining = iter(tensors)
    return map_state(lambda _: next(remaining), state)
