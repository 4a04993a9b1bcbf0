"""Training programmer-interpreters until they are proved; needs PyTorch."""

from __future__ import annotations

from codling.npi.train.config import CoreConfig, NPIConfig, TrainConfig, preset
from codling.npi.train.extend import train_onto
from codling.npi.train.run import Result, train_tasks, write_interpreter

__all__ = [
    "CoreConfig",
    "NPIConfig",
    "Result",
    "TrainConfig",
    "preset",
    "train_onto",
    "train_tasks",
    "write_interpreter",
]
