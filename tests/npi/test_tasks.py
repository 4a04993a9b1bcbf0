"""The tasks that ship: teachers against independent answers, declarations against behaviour, words against problems."""

from __future__ import annotations

import random
from graphlib import TopologicalSorter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.errors import InputError, TaskError
from codling.npi.abstraction import check_abstraction
from codling.npi.frames import Frames
from codling.npi.reach import reach
from codling.npi.record import record
from codling.npi.task import Task
from codling.npi.tasks import TASKS, find_task

numbers = st.lists(st.integers(-1000, 1000), min_size=1, max_size=12)
whole = st.integers(0, 10**12)
SMALL = ("bubble-sort", "merge-sort", "quicksort", "topological-sort", "hanoi", "maximum")
"Tasks with few enough frames to look at all of them in a test."


def teach(name: str, words: list[str], recursion: str = "full") -> str:
    """What the teacher's programs come to."""
    task = TASKS[name](recursion)
    problem = task.parse(words)
    environments: list[Any] = []
    record(task, [problem], Frames(task.repertoire), watch=lambda _, teacher: environments.append(teacher.environment))
    return task.result(environments[-1])


@given(whole, whole)
@settings(max_examples=30, deadline=None)
def test_sums_and_products_are_those_of_python(a: int, b: int) -> None:
    a, b = max(a, b), min(a, b)
    assert teach("addition", [str(a), str(b)]) == str(a + b)
    assert teach("addition", [str(a), str(b)], "none") == str(a + b)
    assert teach("subtraction", [str(a), str(b)]) == str(a - b)
    assert teach("multiplication", [str(a), str(b)]) == str(a * b)


@given(numbers)
@settings(max_examples=30, deadline=None)
def test_sorts_sort(given_numbers: list[int]) -> None:
    words = [str(number) for number in given_numbers]
    expected = " ".join(map(str, sorted(given_numbers)))
    for name in ("bubble-sort", "merge-sort", "quicksort"):
        assert teach(name, words) == expected
    for name, recursion in (("bubble-sort", "partial"), ("bubble-sort", "none"), ("quicksort", "none")):
        assert teach(name, words, recursion) == expected
    assert teach("maximum", words) == str(max(given_numbers))


@given(st.integers(1, 12), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_topological_sort_puts_every_node_before_its_successors(size: int, seed: int) -> None:
    task = TASKS["topological-sort"]()
    (edges,) = task.sample(random.Random(seed), size)
    words = task.words((edges,))
    for recursion in ("full", "none"):
        order = teach("topological-sort", words, recursion).split()
        assert sorted(order) == sorted(edges)
        place = {node: index for index, node in enumerate(order)}
        assert all(place[node] < place[child] for node, children in edges.items() for child in children)
    TopologicalSorter(edges).prepare()  # no cycle


@pytest.mark.parametrize("num_disks", range(9))
def test_hanoi_moves_the_tower_by_the_rules(num_disks: int) -> None:
    moves = teach("hanoi", [str(num_disks)]).split()
    pegs = {"a": list(range(num_disks, 0, -1)), "b": [], "c": []}
    for move in moves:
        source, _, target = move.partition(">")
        disk = pegs[source].pop()
        assert not pegs[target] or pegs[target][-1] > disk
        pegs[target].append(disk)
    assert pegs["c"] == list(range(num_disks, 0, -1)) and len(moves) == 2**num_disks - 1


@pytest.mark.parametrize("name", TASKS)
def test_words_read_back_what_they_say(name: str) -> None:
    task = TASKS[name]()
    chance = random.Random(0)
    for size in range(1, 6):
        problem = task.sample(chance, size)
        assert task.parse(task.words(problem)) == problem
    assert task.parse(list(task.example)) is not None
    assert task.summary and task.usage


@pytest.mark.parametrize("name", SMALL)
def test_environments_keep_their_word_and_no_frame_is_missed(name: str) -> None:
    task = TASKS[name]()
    chance = random.Random(5)
    problems = [task.sample(chance, size) for size in range(1, (task.check_size or 20) + 1)]
    assert check_abstraction(task, reach(task), problems=problems).num_problems == len(problems)


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("addition", ["-3", "x"], "negative"),
        ("addition", ["3"], "got 1"),
        ("addition", ["3", "²"], "is none"),
        ("subtraction", ["3", "4"], "the second is larger"),
        ("multiplication", [], "nothing"),
        ("bubble-sort", ["3", "b"], "'b' is none"),
        ("quicksort", [], "nothing"),
        ("topological-sort", ["a:b", "b:a"], "cycle"),
        ("topological-sort", [":b"], "names no node"),
        ("hanoi", ["25"], "up to 24"),
        ("hanoi", ["-1"], "up to 24"),
    ],
)
def test_what_is_no_problem_is_refused_in_one_line(name: str, words: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        TASKS[name]().parse(words)
    assert "codling npi solve" in str(caught.value) and "\n" not in str(caught.value)


def test_numbers_have_as_many_digits_as_one_likes() -> None:
    task = TASKS["addition"]()
    words = ["9" * 10_000, "1"]
    problem = task.parse(words)
    assert task.words(problem) == words
    assert task.answer(problem) == "1" + "0" * 10_000


def test_unknown_names_are_answered_with_the_nearest() -> None:
    assert issubclass(find_task("bubble_sort"), Task)
    with pytest.raises(TaskError, match="did you mean 'addition'"):
        find_task("adition")
    with pytest.raises(TaskError, match="full, partial, none"):
        TASKS["bubble-sort"]("half")
