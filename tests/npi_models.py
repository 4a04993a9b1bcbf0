"""Learned programs that several tests use: a small core, trained and proved within seconds."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from codling.npi import Interpreter, load_interpreter
from codling.npi.tasks import find_task

__all__ = ["QUICK", "trained"]

QUICK = ("quicksort", "hanoi")


@functools.cache
def trained() -> Interpreter:
    """A bundle that knows quicksort and the tower of Hanoi."""
    from codling.npi.train import CoreConfig, NPIConfig, train_tasks, write_interpreter

    tasks = [find_task(name)() for name in QUICK]
    core = CoreConfig(hidden_size=32, encoder_size=32, state_size=32, program_size=16, key_size=16)
    config = NPIConfig(core=core)
    result = train_tasks(tasks, config)
    assert result.finished
    folder = Path(tempfile.mkdtemp(prefix="codling-npi-")) / "quick"
    return load_interpreter(write_interpreter(result, tasks, folder, description="for tests", training={}).path)
