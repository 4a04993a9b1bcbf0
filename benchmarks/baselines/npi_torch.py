"""A programmer-interpreter as usually written: one problem at a time, one PyTorch step per decision, a Python stack.

The same weights and decisions as codling's interpreter, so that the two can be compared step for step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from codling.npi.library import Shelf
from codling.npi.repertoire import Call
from codling.npi.task import Problem, Task
from codling.npi.train.net import Core

__all__ = ["run_plainly"]


@torch.no_grad()
def run_plainly(core: Core, task: Task, shelf: Shelf, problem: Problem) -> tuple[str, int]:
    """Result and number of steps of one problem."""
    environment = task.start(problem)
    repertoire = task.repertoire
    rows = torch.from_numpy(shelf.rows_C)
    mask = torch.from_numpy(shelf.value_mask_CAV)
    stack: list[tuple[Call, tuple[Tensor, Tensor] | None]] = [(task.main, None)]
    num_steps = 0
    while stack:
        call, state = stack[-1]
        seen = shelf.observation(repertoire.mask(call.callee, repertoire.observe(environment)))
        embedded = torch.relu(core.values(torch.tensor([seen])).sum(1) + core.encoder_bias)
        embedded = torch.relu(core.encoder(embedded))
        program = core.programs(rows[call.callee]) + core.arguments(torch.tensor(shelf.arguments(call))).sum(0)
        hidden, state = core.lstm(torch.cat([embedded, program[None]], 1)[:, None], state)
        hidden = hidden[0, 0]
        stack[-1] = call, state
        num_steps += 1
        if torch.sigmoid(core.stop(hidden)) >= 0.5:
            stack.pop()
            continue
        callee = int((core.keys.weight @ core.query(hidden))[rows].argmax())
        scores = core.argument_heads(hidden).view(-1, core.num_values) + mask[callee]
        arity = len(repertoire.arguments[callee])
        decided = Call(callee, tuple(int(value) for value in scores.argmax(1)[:arity]))
        if repertoire.is_action(callee):
            repertoire.act(environment, decided)
        else:
            stack.append((decided, None))
    return task.result(environment), num_steps
