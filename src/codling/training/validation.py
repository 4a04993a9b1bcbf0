"""How well a task's module predicts text that it isn't trained on."""

# B batch, T time

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from codling.corpus.shards import ShardSet
from codling.training.batches import Feed, Lanes
from codling.training.config import LoopConfig
from codling.training.device import Device
from codling.training.task import Task

__all__ = ["Validation"]

_WINDOWS_PER_LANE = 4  # a lane is at least this long, so that its cold start weighs little


class Validation:
    """Mean loss and accuracy over the validation stream, the state carried from window to window."""

    def __init__(self, task: Task, shards: ShardSet, loop: LoopConfig, device: Device) -> None:
        """Args:
        shards: of two tokens or more; the first loop.eval_tokens of them are read.
        """
        budget = min(shards.num_tokens, loop.eval_tokens or shards.num_tokens)
        batch = max(1, min(loop.batch_size, budget // (_WINDOWS_PER_LANE * loop.window)))
        lanes = Lanes(shards, batch=batch, window=loop.window, seed=None)
        self._feed = Feed(lanes, device.torch)
        self._num_steps = min(lanes.steps_per_epoch, -(-budget // (batch * loop.window)))
        self._task, self._device = task, device

    def measure(self, is_cancelled: Callable[[], bool]) -> tuple[float, float] | None:
        """Loss in nats and accuracy; None when it was cancelled first."""
        module = self._task.module
        module.eval()
        state = self._task.initial_state(self._feed.lanes.batch, self._device.torch)
        losses: list[Tensor] = []
        num_correct: list[Tensor] = []
        num_targets: list[int] = []
        try:
            with torch.no_grad(), self._device.autocast():
                for inputs_BT, targets_BT in self._feed.read(0, self._num_steps):
                    loss, correct, state = self._task.loss(inputs_BT, targets_BT, state)
                    losses.append(loss)
                    num_correct.append(correct)
                    num_targets.append(inputs_BT.numel())
                    if is_cancelled():
                        return None
        finally:
            module.train()
        weights = np.array(num_targets, np.float64)
        loss_nats = float(np.dot(torch.stack(losses).double().cpu().numpy(), weights) / weights.sum())
        return loss_nats, float(torch.stack(num_correct).double().sum().item() / weights.sum())
