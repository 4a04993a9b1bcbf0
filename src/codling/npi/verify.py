"""The proof: every reachable frame past the network, and a certificate or a counterexample.

A run of the network is a tree of calls. If in every reachable frame the network decides as the teacher's program does,
then, by induction over the steps of a run, it does so in the whole run, on any input of any size.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codling.npi.abstraction import Checked, check_abstraction
from codling.npi.decider import Evaluate
from codling.npi.examine import MIN_MARGIN, examine, wrong_choice
from codling.npi.frames import Frames
from codling.npi.interpreter import Tick, interpret
from codling.npi.library import Shelf
from codling.npi.network import Network
from codling.npi.reach import UnboundedError, reach
from codling.npi.record import Move, Teacher, record
from codling.npi.repertoire import Call
from codling.npi.task import Problem, Task, drawn, telling

__all__ = ["Certificate", "Counterexample", "Verdict", "verify"]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What was proved, and what the proof rests on."""

    task: str
    sizes: str
    "For inputs of which sizes it speaks."
    num_frames: int
    "Paths from a call to a return."
    num_decisions: int
    "Decisions in them, each checked once."
    longest_frame: int
    "Calls in the longest frame."
    margin_nats: float
    "By how much the closest decision beats the next best."
    assumes: tuple[str, ...]
    num_problems: int
    "Problems on which the assumptions were checked."
    num_transitions: int
    "Actions in them, each held against its declaration."
    frames_sha256: str
    "Of all frames with the teacher's decisions."
    model_sha256: str
    "Of the graph that was checked, which is the one that runs."
    signature_sha256: str
    "Of the names and values of the task's features, programs and arguments."
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Counterexample:
    """An input on which the network goes wrong, and where."""

    words: tuple[str, ...]
    step: int
    "The first step, from 0, at which it decides otherwise than the teacher."
    frame: str
    expected: str
    "What the teacher decides."
    chosen: str
    "What the network decides."
    result: str | None
    answer: str
    failure: str | None
    "Why the run did not end, where it did not."

    @property
    def ends_wrong(self) -> bool:
        """Whether the answer is wrong as well as the way."""
        return self.result != self.answer


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What verify found: a certificate, or what is wrong."""

    task: str
    certificate: Certificate | None
    num_wrong: int = 0
    "Decisions that are wrong, or too close."
    num_decisions: int = 0
    wrong: tuple[str, ...] = ()
    "Some of them in words."
    counterexample: Counterexample | None = None
    reason: str = ""
    "Why there is no certificate."


def verify(
    network: Network,
    task: Task,
    *,
    model_sha256: str,
    frames: Frames | None = None,
    search_s: float = 30.0,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verdict:
    """Prove that a network runs a task as its teacher does, or find where it does not.

    Args:
        model_sha256: of the graph, for the certificate.
        frames: all frames of the task where they are known already.
        search_s: seconds to look for an input that goes wrong, where a frame does.

    Raises:
        TaskError: the task is not as it must be: its teacher is wrong, or an action does what it does not declare.
    """
    began = time.monotonic()
    try:
        frames = frames or reach(task)
    except UnboundedError as error:
        return Verdict(task=task.name, certificate=None, reason=str(error))
    shelf = Shelf(network.library, task)
    checked = check_abstraction(task, frames)
    examination = examine(network, shelf, frames, progress=progress)
    wrong = examination.wrong()
    if not len(wrong):
        certificate = _certify(task, frames, checked, examination.margin, model_sha256, time.monotonic() - began)
        return Verdict(task=task.name, certificate=certificate, num_decisions=len(frames))
    nodes = [int(node) for node in wrong]
    shown = tuple(
        f"{frames.describe(node)} → {wrong_choice(network, shelf, frames, node)}, "
        f"not {_decision(frames, node)} (margin {examination.margin_N[node]:.3f})"
        for node in nodes[:5]
    )
    failing = {node for node in nodes if examination.margin_N[node] < 0}
    found = find_counterexample(network, task, frames, failing, search_s)
    reason = f"{len(failing):,} decisions are wrong, {len(nodes) - len(failing):,} too close to be sure of"
    if failing and found is None:
        reason += f"; no input that goes wrong was found in {search_s:g} s"
    return Verdict(
        task=task.name,
        certificate=None,
        num_wrong=len(wrong),
        num_decisions=len(frames),
        wrong=shown,
        counterexample=found,
        reason=reason,
    )


def find_counterexample(
    network: Network, task: Task, frames: Frames, wrong: set[int], search_s: float
) -> Counterexample | None:
    """Look for an input whose trace leads to one of these nodes, and run the network on it.

    Inputs that end with a wrong answer are preferred over such as go another way to the right one.
    """
    ends = time.monotonic() + search_s
    second_best: Counterexample | None = None
    for problem in _problems(task):
        if time.monotonic() > ends or not wrong:
            break
        if not _leads_to(task, problem, frames, wrong):
            continue
        found = run_against_teacher(network, task, problem, frames)
        if found is not None and found.ends_wrong:
            return found
        second_best = second_best or found
    return second_best


def run_against_teacher(network: Network, task: Task, problem: Problem, frames: Frames) -> Counterexample | None:
    """Run the network on a problem; None when it decides all along as the teacher does."""
    moves: list[int] = []
    record(task, [problem], frames, watch=lambda move, _: moves.append(move.node))
    at, expected, chosen = -1, "", ""
    limit = 10 * len(moves) + 1000

    steps = 0

    def watch(tick: Tick) -> None:
        nonlocal at, expected, chosen, steps
        if at < 0:
            wanted = frames.decisions[frames.decision[moves[steps]]] if steps < len(moves) else None
            if wanted != tick.decided:
                at, expected, chosen = steps, _text(frames, wanted), _text(frames, tick.decided)
        steps += 1

    shelf = Shelf(network.library, task)
    (outcome,) = interpret(network, task, [problem], max_steps=limit, decider=Evaluate(network, shelf), watch=watch)
    if at < 0:
        return None
    return Counterexample(
        words=tuple(task.words(problem)),
        step=at,
        frame=frames.describe(moves[at]),
        expected=expected,
        chosen=chosen,
        result=outcome.result,
        answer=task.answer(problem),
        failure=outcome.failure,
    )


def _leads_to(task: Task, problem: Problem, frames: Frames, wrong: set[int]) -> bool:
    met = False

    def watch(move: Move, _teacher: Teacher) -> None:
        nonlocal met
        met = met or move.node in wrong

    record(task, [problem], frames, watch=watch)
    return met


def _problems(task: Task) -> Iterator[Problem]:
    """Small problems first, then ever larger ones at random, without end."""
    with telling(task, "`small`"):
        yield from task.small()
    chance = random.Random(1)
    size = 1
    while True:
        for _ in range(50):
            yield drawn(task, chance, size)
        size = size % (4 * task.train_size) + 1


def _certify(
    task: Task, frames: Frames, checked: Checked, margin: float, model_sha256: str, seconds: float
) -> Certificate:
    return Certificate(
        task=task.name,
        sizes="all",
        num_frames=frames.num_frames,
        num_decisions=len(frames),
        longest_frame=frames.longest,
        margin_nats=round(margin, 4),
        assumes=_assumptions(task, checked),
        num_problems=checked.num_problems,
        num_transitions=checked.num_transitions,
        frames_sha256=frames.digest(),
        model_sha256=model_sha256,
        signature_sha256=task.repertoire.fingerprint(),
        seconds=round(seconds, 2),
    )


def _assumptions(task: Task, checked: Checked) -> tuple[str, ...]:
    declared = (
        f"actions change no more than {task.environment.__name__} declares, and observations are as it says possible: "
        f"held against {checked.num_transitions:,} actions on {checked.num_problems:,} problems"
    )
    taught = f"the teacher's programs are right: compared with the answers to {checked.num_problems:,} problems"
    summed = f"float32 sums in another order differ by less than {MIN_MARGIN} nats"
    return declared, taught, summed


def _decision(frames: Frames, node: int) -> str:
    return _text(frames, frames.decisions[frames.decision[node]])


def _text(frames: Frames, decided: Call | None) -> str:
    return "return" if decided is None else frames.repertoire.text(decided)
