"""The small task, as a module that tests get by fixture and subprocesses by path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("torch")

SMALL_TASK = Path(__file__).with_name("small_task.py")


@pytest.fixture(scope="session")
def small() -> ModuleType:
    spec = importlib.util.spec_from_file_location("small_task", SMALL_TASK)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["small_task"] = module
    spec.loader.exec_module(module)
    return module
