"""The interpreter: the network runs programs on real environments, many problems in step.

Each tick evaluates one decision of every problem that is not done, in one batch. Stacks, states and choices are arrays;
only observing and acting is done one environment at a time. There is no recursion in Python: a stack may be as deep as
the input is long.
"""

# N problems, B problems that are not done, K observed values, A arguments

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codling.errors import InputError
from codling.npi.decider import Decider, Evaluate
from codling.npi.environment import Environment
from codling.npi.library import Shelf
from codling.npi.network import Network
from codling.npi.repertoire import Call
from codling.npi.task import Problem, Task

__all__ = ["MAX_STEPS", "Outcome", "Tick", "interpret"]

MAX_STEPS = 10_000_000
"A problem that takes more is given up."

MAX_DEPTH = 2_000_000
"So is one whose stack gets deeper."


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How one problem ended."""

    result: str | None
    "What stands in the environment; None where the run did not end of itself."
    num_steps: int
    "Decisions taken, returns included."
    failure: str | None = None
    "Why it did not end of itself: the step limit, the depth limit, or an action that the environment refused."
    stopped: bool = False
    "It was given up at the step or depth limit, and might have gone on."


@dataclass(frozen=True, slots=True)
class Tick:
    """One decision of one problem, for who watches."""

    problem: int
    stack: tuple[Call, ...]
    "The calls that run, the first one outermost; the last one decides."
    decided: Call | None
    environment: Environment
    "As it was before the decision is carried out."
    row: int
    "The problem's row in the decider's last scores."


def interpret(
    network: Network,
    task: Task,
    problems: Sequence[Problem],
    *,
    max_steps: int = MAX_STEPS,
    decider: Decider | None = None,
    watch: Callable[[Tick], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outcome]:
    """Run a task on problems.

    Args:
        max_steps: decisions that each problem may take.
        decider: how decisions are come by; by default the network is evaluated for every one.
        watch: called before each decision is carried out.
        progress: told from time to time the number of problems done, and of all.

    Returns:
        How each ended, in order. A wrong decision of the network is no error here but an outcome.

    Raises:
        TaskError: the network does not know the task.
    """
    if max_steps < 1:
        raise InputError(f"a run needs at least one step, not {max_steps}")
    decider = decider or Evaluate(network, Shelf(network.library, task))
    run = _Run(task, problems, decider, max_steps, watch)
    while run.active:
        run.tick()
        if progress is not None and run.ticks % 256 == 0:
            progress(len(problems) - run.active, len(problems))
    return [outcome for outcome in run.outcomes if outcome is not None]


class _Run:
    def __init__(
        self,
        task: Task,
        problems: Sequence[Problem],
        decider: Decider,
        max_steps: int,
        watch: Callable[[Tick], None] | None,
    ) -> None:
        self.task, self.repertoire = task, task.repertoire
        self.decider, self.max_steps, self.watch = decider, max_steps, watch
        self.outcomes: list[Outcome | None] = [None] * len(problems)
        self.environments = [task.start(problem) for problem in problems]
        self.observed = [self.repertoire.observe(environment) for environment in self.environments]
        self.calls: list[list[Call]] = [[task.main] for _ in problems]
        self.todo = list(range(len(problems)))
        "Problems that are not done, in the order of the batch's rows."
        self.num_steps = [0] * len(problems)
        self.ticks = 0
        decider.start(len(problems), task.main)

    @property
    def active(self) -> int:
        return len(self.todo)

    def tick(self) -> None:
        """One decision of every problem that is not done."""
        self.ticks += 1
        todo, calls, observed = self.todo, self.calls, self.observed
        decisions = self.decider.decide(todo, [calls[each][-1] for each in todo], [observed[each] for each in todo])
        if self.watch is not None:
            for row, (problem, decided) in enumerate(zip(todo, decisions, strict=True)):
                self.watch(Tick(problem, tuple(calls[problem]), decided, self.environments[problem], row))
        pushed: list[int] = []
        entered: list[Call] = []
        popped: list[int] = []
        num_programs, num_steps, max_steps = len(self.repertoire.programs), self.num_steps, self.max_steps
        finished = False
        for problem, decided in zip(todo, decisions, strict=True):
            num_steps[problem] += 1
            if decided is None:
                stack = calls[problem]
                stack.pop()
                popped.append(problem)
                if not stack:
                    self._end(problem, None)
                    finished = True
                    continue
            elif decided.callee < num_programs:
                stack = calls[problem]
                stack.append(decided)
                pushed.append(problem)
                entered.append(decided)
                if len(stack) > MAX_DEPTH:
                    self._end(problem, f"its stack got deeper than {MAX_DEPTH:,} calls", stopped=True)
                    finished = True
                    continue
            else:
                environment = self.environments[problem]
                try:
                    self.repertoire.act(environment, decided)
                    observed[problem] = self.repertoire.observe(environment)
                except Exception as error:  # a wrong decision can ask an environment for anything
                    why = f"{type(error).__name__}: {error}"
                    self._end(problem, f"{self.repertoire.text(decided)} is not possible there ({why})")
                    finished = True
                    continue
            if num_steps[problem] >= max_steps:
                self._end(problem, f"it was not done after {max_steps:,} steps", stopped=True)
                finished = True
        if pushed:
            self.decider.push(pushed, entered)
        if popped:
            self.decider.pop(popped)
        if finished:
            self.todo = [problem for problem in todo if self.outcomes[problem] is None]

    def _end(self, problem: int, failure: str | None, *, stopped: bool = False) -> None:
        """Note how a problem ended."""
        result = None
        if failure is None:
            try:
                result = self.task.result(self.environments[problem])
            except Exception as error:
                failure = f"its environment shows no result ({type(error).__name__}: {error})"
        num_steps = self.num_steps[problem]
        self.outcomes[problem] = Outcome(result=result, num_steps=num_steps, failure=failure, stopped=stopped)
        self.calls[problem] = []
