"""The small search, as a module that tests get by fixture and subprocesses by path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("optuna")


@pytest.fixture(scope="session")
def small() -> ModuleType:
    spec = importlib.util.spec_from_file_location("small_study", Path(__file__).with_name("small_study.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["small_study"] = module
    spec.loader.exec_module(module)
    return module
