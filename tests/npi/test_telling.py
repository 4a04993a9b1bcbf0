"""Telling a task: what is recorded is what Python would do, and what cannot be learned is said so."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import pytest

from codling.errors import TaskError
from codling.npi import Environment, Problem, Task, action, feature, program
from codling.npi.abstraction import check_abstraction
from codling.npi.frames import Frames
from codling.npi.reach import reach
from codling.npi.record import record
from codling.npi.repertoire import Repertoire
from codling.npi.task import load_tasks
from codling.npi.tasks import TASKS


class Lamp(Environment):
    """A row of lamps to be switched off, one after the other."""

    def __init__(self, *lamps: bool) -> None:
        self.lamps = list(lamps)
        self.at = 0

    @feature
    def lit(self) -> bool:
        return self.at < len(self.lamps) and self.lamps[self.at]

    @feature
    def end(self) -> bool:
        return self.at >= len(self.lamps)

    @action(changes=lambda state: {"lit": [state == "on"]})
    def switch(self, state: Literal["on", "off"]) -> None:
        self.lamps[self.at] = state == "on"

    @action(changes=["lit", "end"])
    def step(self) -> None:
        self.at += 1

    @classmethod
    def possible(cls, **seen: bool) -> bool:
        return not (seen["lit"] and seen["end"])

    def result(self) -> str:
        return "".join("x" if lamp else "." for lamp in self.lamps)


@program
def darken(lamp: Lamp) -> None:
    if lamp.end:
        return
    if lamp.lit:
        lamp.switch("off")
    lamp.step()
    darken(lamp)


class Darkness(Task):
    """Switch off all lamps."""

    name = "darkness"
    environment = Lamp
    programs = (darken,)
    usage = "lamps"

    def parse(self, words: Sequence[str]) -> Problem:
        return tuple(letter == "x" for letter in words[0])

    def sample(self, chance: random.Random, size: int) -> Problem:
        return tuple(chance.random() < 0.5 for _ in range(size))

    def answer(self, problem: Problem) -> str:
        return "." * len(problem)


def test_a_program_also_runs_as_plain_python() -> None:
    lamp = Lamp(True, False, True)
    darken(lamp)
    assert lamp.result() == "..."


@pytest.mark.parametrize("name", ["addition", "bubble-sort", "quicksort", "merge-sort", "hanoi"])
def test_recording_does_what_python_does(name: str) -> None:
    """The oracle: the very functions, run by Python on a real environment."""
    task = TASKS[name]()
    chance = random.Random(3)
    for size in range(1, 6):
        problem = task.sample(chance, size)
        by_python = task.start(problem)
        task.programs[0](by_python, *task.arguments)
        recorded: list[Any] = []
        keep: Callable[[Any, Any], None] = lambda _, teacher, to=recorded: to.append(teacher.environment)  # noqa: E731
        record(task, [problem], Frames(task.repertoire), watch=keep)
        assert by_python.__dict__ == recorded[-1].__dict__


def test_frames_are_all_that_can_be_seen() -> None:
    frames = reach(Darkness())
    words = {frames.describe(node) for node in frames.returns()}
    # First the end; or a lamp that is lit or not, then (after what is done) another, an end, and the rest of the run.
    assert "darken() → lit=False end=True" in words
    assert len(words) == frames.num_frames
    assert not any("lit=True end=True" in each for each in words)
    assert frames.longest == 3


def test_every_frame_of_real_runs_is_among_those_found() -> None:
    task = Darkness()
    frames = reach(task)
    before = len(frames)
    chance = random.Random(1)
    record(task, [task.sample(chance, size) for size in range(1, 40)], frames)
    assert len(frames) == before


def test_a_digest_is_of_what_is_in_the_frames_and_not_of_their_order() -> None:
    one = reach(Darkness())
    other = Frames(Darkness().repertoire)
    chance = random.Random(1)
    record(Darkness(), [Darkness().sample(chance, size) for size in range(1, 40)], other)
    seen = {one.describe(node) for node in range(len(one))}
    if seen == {other.describe(node) for node in range(len(other))}:
        assert one.digest() == other.digest()
    else:
        assert one.digest() != other.digest()
    assert one.digest() == reach(Darkness()).digest()


def test_a_loop_has_frames_without_end() -> None:
    @program
    def loop(lamp: Lamp) -> None:
        while not lamp.end:
            lamp.step()

    class Looping(Darkness):
        name = "looping"
        programs = (loop,)

    with pytest.raises(TaskError, match=r"program loop may make more than 64 calls.*let it call itself"):
        reach(Looping())


def make(told: Any, **members: Any) -> Task:
    kind = type("Told", (Darkness,), {"name": "told", "programs": (told,), **members})
    return kind()


def test_a_program_may_not_look_at_what_the_network_cannot_see() -> None:
    @program
    def peek(lamp: Lamp) -> None:
        if lamp.lamps:
            lamp.step()

    with pytest.raises(TaskError, match="program peek asks for 'lamps', neither a feature nor an action"):
        reach(make(peek))


def test_a_program_sees_only_what_it_says() -> None:
    @program(sees=["end"])
    def narrow(lamp: Lamp) -> None:
        if lamp.lit:
            lamp.step()

    with pytest.raises(TaskError, match="looks at 'lit', which it does not see"):
        reach(make(narrow))


def test_a_called_program_must_be_listed() -> None:
    @program
    def calls(lamp: Lamp) -> None:
        darken(lamp)

    with pytest.raises(TaskError, match="darken is called, but the task does not list it"):
        reach(make(calls))


def test_arguments_are_those_of_the_annotation() -> None:
    @program
    def wrong(lamp: Lamp) -> None:
        lamp.switch("dim")  # type: ignore[arg-type]

    with pytest.raises(TaskError, match=r"switch is called with \('dim',\)"):
        reach(make(wrong))


def test_a_program_that_fails_is_named() -> None:
    @program
    def fails(lamp: Lamp) -> None:
        raise RuntimeError("no bulb")

    with pytest.raises(TaskError, match="program fails fails: RuntimeError: no bulb"):
        reach(make(fails))


def test_a_wrong_teacher_is_found() -> None:
    @program
    def lazy(lamp: Lamp) -> None:
        lamp.step()

    with pytest.raises(TaskError, match="the programs of told are wrong"):
        record(make(lazy), [(True,)], Frames(make(lazy).repertoire))


def test_an_action_that_changes_more_than_it_declares_is_found() -> None:
    class Dishonest(Lamp):
        @action(changes=["lit"])
        def step(self) -> None:
            self.at += 1

    task = make(darken, environment=Dishonest)
    with pytest.raises(
        TaskError, match=r"Dishonest breaks its word on .*step\(\) changes end, which it does not declare"
    ):
        check_abstraction(task, reach(task), problems=[(True, False)])


def test_an_action_that_sets_another_value_is_found() -> None:
    class Dishonest(Lamp):
        @action(changes=lambda state: {"lit": [True]})
        def switch(self, state: Literal["on", "off"]) -> None:
            self.lamps[self.at] = state == "on"

    task = make(darken, environment=Dishonest)
    with pytest.raises(TaskError, match=r"switch\(off\) sets lit to False; declared is True"):
        check_abstraction(task, reach(task), problems=[(True, False)])


def test_observations_that_were_ruled_out_are_found() -> None:
    class Dishonest(Lamp):
        @classmethod
        def possible(cls, **seen: bool) -> bool:
            return not seen["lit"]

    task = make(darken, environment=Dishonest)
    with pytest.raises(TaskError, match="lit=True end=False is seen, which `possible` rules out"):
        check_abstraction(task, reach(task), problems=[(False, True)])


def test_starts_that_were_ruled_out_are_found() -> None:
    task = make(darken, starts=lambda self, **seen: not seen["end"])
    with pytest.raises(TaskError, match="is seen at the start, which `starts` rules out"):
        check_abstraction(task, reach(task), problems=[()])


class Wide(Environment):
    @feature
    def many(self) -> Annotated[int, range(300)]:
        return 0

    @action
    def wait(self) -> None: ...


class Bare(Environment):
    @feature
    def some(self) -> int:
        return 0

    @action
    def wait(self) -> None: ...


class Undecided(Environment):
    @feature
    def digit(self) -> Annotated[int, range(3)]:
        return 7

    @action
    def wait(self) -> None: ...


@program
def idle(_: Any) -> None: ...


def test_features_need_few_values() -> None:
    with pytest.raises(TaskError, match="has 300 values"):
        reach(make(idle, environment=Wide))
    with pytest.raises(TaskError, match=r"feature Bare\.some needs an annotation that names its values"):
        reach(make(idle, environment=Bare))
    with pytest.raises(TaskError, match="feature digit of Undecided gave 7"):
        Repertoire(Undecided, (idle,)).observe(Undecided())


def test_ghosts_sharpen_the_proof_and_are_not_seen() -> None:
    class Marked(Lamp):
        """It knows whether the lamp before is lit, which `back` needs to be exact."""

        @feature(ghost=True)
        def first(self) -> bool:
            return self.at == 0

        @action(changes=["lit", "end", "first"])
        def step(self) -> None:
            self.at += 1

    @program
    def peek(lamp: Marked) -> None:
        if lamp.first:
            lamp.step()

    assert len(reach(make(darken, environment=Marked))) == len(reach(Darkness()))
    with pytest.raises(TaskError, match=r"looks at 'first'"):
        reach(make(peek, environment=Marked))


def test_a_file_without_a_task_says_so(tmp_path: Any) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "broken.py").write_text("x = 1 / 0\n", encoding="utf-8")
    with pytest.raises(TaskError, match="has no task"):
        load_tasks(tmp_path / "empty.py")
    with pytest.raises(TaskError, match="fails when it is loaded: ZeroDivisionError"):
        load_tasks(tmp_path / "broken.py")
    with pytest.raises(TaskError, match="no file"):
        load_tasks(tmp_path / "gone.py")


def test_a_program_that_depends_on_more_than_it_sees_is_found() -> None:
    chance, runs = random.Random(1), []

    @program(name="darken")
    def whimsical(lamp: Lamp) -> None:
        if lamp.end:
            return
        lamp.switch("on" if chance.random() < 0.5 else "off")
        lamp.step()
        whimsical(lamp)

    @program(name="darken")
    def counting(lamp: Lamp) -> None:
        runs.append(1)
        if lamp.end:
            return
        if len(runs) % 2:
            lamp.switch("off")
        lamp.step()
        counting(lamp)

    for each in (whimsical, counting):

        class Hidden(Darkness):
            programs = (each,)

        with pytest.raises(TaskError, match="did otherwise when it was run again"):
            reach(Hidden())


@pytest.mark.parametrize("what", ["sample", "start", "answer", "result"])
def test_a_task_that_fails_says_where(what: str) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    broken = type("Broken", (Darkness,), {what: fail})()
    frames = reach(broken)
    with pytest.raises(TaskError, match=f"`{what}` of task darkness fails: ZeroDivisionError"):
        check_abstraction(broken, frames)
    if what in ("answer", "result"):
        number = type("Number", (Darkness,), {what: lambda *_: 5})()
        with pytest.raises(TaskError, match="`result` and `answer` of task darkness must be texts"):
            check_abstraction(number, reach(number))


def test_a_program_that_does_not_end_is_given_up() -> None:
    @program
    def again(lamp: Lamp) -> None:
        again(lamp)

    class Endless(Darkness):
        programs = (again,)

    task = Endless()
    with pytest.raises(TaskError, match="are not done after 1,000 steps on"):
        record(task, [(True,)], reach(task), max_steps=1_000)


@pytest.mark.parametrize(
    ("line", "message"), [("import sys; sys.exit(3)", "SystemExit: 3"), ("Flip.name = 5", "name is 5")]
)
def test_a_file_that_ends_python_or_names_nothing(tmp_path: Any, line: str, message: str) -> None:
    path = tmp_path / "flip.py"
    path.write_text(f"from codling.npi import Task\nclass Flip(Task):\n    name = 'flip'\n{line}\n")
    with pytest.raises(TaskError, match=message):
        load_tasks(path)
