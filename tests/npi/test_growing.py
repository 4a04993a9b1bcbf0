"""A core learns more: with its weights kept as they are, or moved."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from codling.errors import TaskError
from codling.npi import Environment, Problem, Task, action, feature, load_interpreter, program
from codling.npi.examine import examine
from codling.npi.library import Library, Shelf
from codling.npi.network import Network
from codling.npi.reach import reach
from codling.npi.tasks import find_task
from codling.npi.tasks.quicksort import Pivots, partition, quicksort, sort_side
from codling.npi.tasks.sorting import SortingTask
from codling.npi.train import NPIConfig, TrainConfig, train_onto, write_interpreter
from codling.npi.train.extend import extend, restore, train_from
from codling.npi.train.graph import build_graph
from npi_models import QUICK, trained


@program
def tidy(pivots: Pivots) -> None:
    """Sort, then take the whole as done."""
    quicksort(pivots)


class Tidiness(SortingTask):
    """Numbers into order."""

    name = "tidiness"
    environment = Pivots
    programs = (tidy, quicksort, partition, sort_side)


def test_a_new_program_is_learned_while_the_core_stays_as_it_is(tmp_path: Path) -> None:
    model = trained()
    config = NPIConfig(train=TrainConfig(lr=3e-2, max_rounds=30))
    result, before = train_onto(str(model.bundle.path), [Tidiness()], config)
    was, now = restore(model).state_dict(), result.core.state_dict()
    for name, tensor in was.items():
        assert torch.equal(tensor, now[name][: len(tensor)]), name
    assert result.finished
    written = write_interpreter(
        result, [Tidiness()], tmp_path / "grown", description="grown", training={}, before=before
    )
    grown = load_interpreter(written.path)
    assert set(grown.known) == {*QUICK, "tidiness"}
    for task in (*(find_task(name)() for name in QUICK), Tidiness()):
        assert grown.is_verified(task)
        problem = task.sample(random.Random(0), 4)
        assert grown.solve(task, [problem])[0].result == task.answer(problem)


def test_rows_follow_their_keys(tmp_path: Path) -> None:
    """Weights that are taken over into a library in another order decide as before."""
    model = trained()
    was = model.network.library
    library = Library(**{name: getattr(was, name) for name in ("num_features", "num_arguments", "num_argument_values")})
    for name in QUICK[::-1]:
        library.add(find_task(name)())
    assert library.programs != was.programs
    core = extend(restore(model), was, library, freeze=False)
    network = Network(build_graph(core), library)
    for name in QUICK:
        task = find_task(name)()
        frames = reach(task)
        before = examine(model.network, Shelf(was, task), frames).margin_N
        np.testing.assert_allclose(examine(network, Shelf(library, task), frames).margin_N, before, atol=1e-4)


def test_training_goes_on_from_a_bundle() -> None:
    model = trained()
    config = NPIConfig(train=TrainConfig(lr=1e-3, steps_per_round=10, max_rounds=5))
    result = train_from(str(model.bundle.path), [find_task("quicksort")()], config)
    assert result.finished and result.rounds[0].num_wrong == {"quicksort": 0}


class Many(Environment):
    """More features than the frozen core has inputs for."""

    def __init__(self) -> None: ...

    @feature
    def one(self) -> bool:
        return True

    @feature
    def two(self) -> bool:
        return True

    @feature
    def three(self) -> bool:
        return True

    @feature
    def four(self) -> bool:
        return True

    @action
    def wait(self) -> None: ...


@program
def idle(many: Many) -> None: ...


class Idleness(Task):
    """Do nothing."""

    name = "idleness"
    environment = Many
    programs = (idle,)

    def parse(self, words: Sequence[str]) -> Problem:
        return ()

    def sample(self, chance: random.Random, size: int) -> Problem:
        return ()


def test_a_task_that_is_too_large_for_a_frozen_core_says_so() -> None:
    with pytest.raises(TaskError, match="idleness needs 4 features; the frozen core has 3"):
        train_onto(str(trained().bundle.path), [Idleness()], dataclasses.replace(NPIConfig()))
