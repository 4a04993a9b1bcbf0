"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tiny_bundle import tiny_bundle

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side already, and their matrices are small

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # run in a shell's background, whose children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float32 bundle: exact."""
    return tiny_bundle(tmp_path_factory.mktemp("bundles"), name="tiny")


@pytest.fixture(scope="session")
def tiny_int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as int8."""
    return tiny_bundle(tmp_path_factory.mktemp("bundles"), name="tiny-int8", int8=True)


@pytest.fixture(scope="session")
def space_lover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that nearly always predicts a space, as the paper's did when it got stuck."""
    return tiny_bundle(tmp_path_factory.mktemp("bundles"), name="space-lover", loves=" ")
