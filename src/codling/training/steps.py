"""Optimizer steps on a task's module, and what the device says of them."""

# B batch, T time

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from codling.training.config import LoopConfig, OptimConfig
from codling.training.device import Device
from codling.training.optimizer import make_optimizer
from codling.training.task import State, Task, map_state

__all__ = ["Figures", "Steps"]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one step measured."""

    loss_nats: float
    num_correct: float
    grad_norm: float
    "L2 norm of the gradient before clipping."
    num_targets: int

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.loss_nats) and math.isfinite(self.grad_norm)


class Steps:
    """Truncated back-propagation: windows in their order, the recurrent state carried from each to the next."""

    def __init__(self, task: Task, optim: OptimConfig, loop: LoopConfig, device: Device) -> None:
        self.module = task.module.to(device.torch)
        self.optimizer = make_optimizer(self.module, optim)
        self.state: State = None
        "After the last step, detached."
        self._task, self._device, self._batch = task, device, loop.batch_size
        self._clip_norm = math.inf if optim.clip_norm is None else optim.clip_norm
        self._loss: Callable[[Tensor, Tensor, State], tuple[Tensor, Tensor, State]] = (
            torch.compile(task.loss) if loop.compile else task.loss
        )
        self._unread: list[tuple[Tensor, Tensor, Tensor, int]] = []

    @property
    def device(self) -> torch.device:
        return self._device.torch

    @property
    def num_unread(self) -> int:
        return len(self._unread)

    def start_over(self) -> None:
        """Forget the text so far: an epoch begins."""
        self.state = self._task.initial_state(self._batch, self._device.torch)

    def take(self, inputs_BT: Tensor, targets_BT: Tensor, lr: float) -> None:
        """One step; on CUDA it is only enqueued."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        with self._device.autocast():
            loss, num_correct, state = self._loss(inputs_BT, targets_BT, self.state)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self._clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.state = map_state(Tensor.detach, state)
        self._unread.append((loss.detach(), num_correct.detach(), norm.detach(), inputs_BT.numel()))

    def read(self) -> list[Figures]:
        """Fetch the figures of the steps since the last read, all at once: on CUDA this waits for the device."""
        if not self._unread:
            return []
        rows = torch.stack([torch.stack([x.double() for x in row[:3]]) for row in self._unread]).tolist()
        counts = [row[3] for row in self._unread]
        self._unread.clear()
        return [
            Figures(loss_nats=loss, num_correct=num_correct, grad_norm=norm, num_targets=count)
            for (loss, num_correct, norm), count in zip(rows, counts, strict=True)
        ]
