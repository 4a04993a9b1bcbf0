"""Learned programs that several tests use: a small core, trained and proved within seconds."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from codling.bundle import load_bundle, write_bundle
from codling.npi import Interpreter, load_interpreter
from codling.npi.tasks import find_task

__all__ = ["QUICK", "damaged", "trained"]

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


def damaged(folder: Path, one: str, other: str) -> Interpreter:
    """The bundle that ships, with the keys of two programs or actions exchanged ("Pivots.swap"): where it should do one
    of them it does the other. Its card has the right hashes, so that nothing but the proof can tell."""
    whole = load_bundle("npi")
    known = whole.file("npi.json").read_bytes()
    programs = json.loads(known)["library"]["programs"]
    columns = [programs.index(one), programs.index(other)]
    graph = onnx.load_from_string(whole.file("model.onnx").read_bytes())
    (keys,) = (each for each in graph.graph.initializer if each.name == "keys")
    rows = np.array(numpy_helper.to_array(keys))
    assert rows.shape[1] == len(programs)
    rows[:, columns] = rows[:, columns[::-1]]
    keys.CopyFrom(numpy_helper.from_array(rows, "keys"))
    files = {"model.onnx": graph.SerializeToString(), "npi.json": known}
    return load_interpreter(write_bundle(folder, whole.card, files).path)
