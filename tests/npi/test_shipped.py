"""The bundle that ships: its certificates are of the tasks as they stand, and it runs far beyond what it practised."""

from __future__ import annotations

import random

import numpy as np
import pytest

from codling.npi import Interpreter, load_interpreter
from codling.npi.examine import MIN_MARGIN, examine
from codling.npi.library import Shelf
from codling.npi.reach import reach
from codling.npi.tasks import TASKS

LARGE = {
    "addition": 300,
    "subtraction": 300,
    "multiplication": 30,
    "bubble-sort": 50,
    "merge-sort": 60,
    "quicksort": 100,
    "topological-sort": 60,
    "hanoi": 11,
    "maximum": 50,
}


@pytest.fixture(scope="module")
def shipped() -> Interpreter:
    return load_interpreter()


def test_it_is_small_and_knows_everything(shipped: Interpreter) -> None:
    assert shipped.bundle.num_bytes <= 5_000_000
    assert shipped.known.keys() == TASKS.keys() == LARGE.keys()


@pytest.mark.parametrize("name", LARGE)
def test_it_is_right_on_large_inputs(shipped: Interpreter, name: str) -> None:
    task = TASKS[name]()
    assert shipped.is_verified(task)
    chance = random.Random(11)
    problems = [task.sample(chance, LARGE[name]) for _ in range(3)]
    for problem, outcome in zip(problems, shipped.solve(task, problems), strict=True):
        assert outcome.failure is None and outcome.result == task.answer(problem)


@pytest.mark.parametrize("name", sorted(LARGE.keys() - {"subtraction", "addition"}))
def test_its_certificates_are_of_the_tasks_as_they_stand(shipped: Interpreter, name: str) -> None:
    """The proof, done again: a program or an environment that was changed since would have other frames."""
    task = TASKS[name]()
    frames = reach(task)
    certificate = shipped.known[name].certificate
    assert certificate is not None and certificate.frames_sha256 == frames.digest()
    examination = examine(shipped.network, Shelf(shipped.network.library, task), frames)
    assert examination.margin >= MIN_MARGIN and round(examination.margin, 2) == round(certificate.margin_nats, 2)


@pytest.mark.parametrize("name", ["subtraction", "addition"])
def test_its_certificates_of_sums_are_of_the_tasks_as_they_stand(shipped: Interpreter, name: str) -> None:
    """Half a million decisions each: the frames are held against the certificate, and every tenth is examined."""
    task = TASKS[name]()
    frames = reach(task)
    certificate = shipped.known[name].certificate
    assert certificate is not None and certificate.frames_sha256 == frames.digest()
    leaves = np.array(list(frames.returns())[::10], np.int64)
    examination = examine(shipped.network, Shelf(shipped.network.library, task), frames, leaves=leaves)
    assert examination.margin >= certificate.margin_nats - 0.001
