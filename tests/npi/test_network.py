"""The core: its graph against PyTorch, the interpreter against itself in other batches, proofs of broken weights."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from codling.bundle import load_bundle, write_bundle
from codling.errors import BundleError, TaskError
from codling.npi import Interpreter, load_interpreter
from codling.npi.decider import Evaluate, Remember
from codling.npi.examine import examine
from codling.npi.frames import RETURN
from codling.npi.interpreter import interpret
from codling.npi.library import Library, Shelf
from codling.npi.network import Network
from codling.npi.program import Program
from codling.npi.reach import reach
from codling.npi.tasks import TASKS, find_task
from codling.npi.trace import trace
from codling.npi.train.config import CoreConfig, NPIConfig, TrainConfig
from codling.npi.train.extend import restore
from codling.npi.train.graph import build_graph
from codling.npi.train.lessons import Lessons
from codling.npi.train.loop import Trainer, loss_of, make_pupils
from codling.npi.train.net import Core
from codling.npi.train.run import train_tasks
from codling.npi.verify import verify
from codling.npi.view import Row, View, changes_between
from npi_models import QUICK, damaged, trained

SMALL_CORE = CoreConfig(hidden_size=16, encoder_size=16, state_size=16, program_size=8, key_size=8)


def untrained(name: str, layers: int = 1) -> tuple[Core, Library, Shelf]:
    torch.manual_seed(1)
    task = find_task(name)()
    library = Library()
    library.add(task)
    core = Core(dataclasses.replace(SMALL_CORE, num_layers=layers), library)
    return core, library, Shelf(library, task)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_graph_computes_what_pytorch_does(layers: int) -> None:
    core, library, shelf = untrained("quicksort", layers)
    frames = reach(shelf.task)
    network = Network(build_graph(core), library)
    lessons = Lessons(shelf, frames)
    leaves = np.array([node for node in frames.returns() if frames.depth[node] == frames.longest][:7], np.int64)
    batch = lessons.batch(leaves)
    with torch.no_grad():
        stop, scores, arguments = core(batch.program_B, batch.arguments_BA, batch.observations_BTK)
    state = network.initial_state(len(leaves))
    for step in range(frames.longest + 1):
        found, state = network.step(
            batch.program_B.numpy(), batch.arguments_BA.numpy(), batch.observations_BTK[:, step].numpy(), state
        )
        np.testing.assert_allclose(found.stop_B, torch.sigmoid(stop[:, step]), atol=1e-5)
        np.testing.assert_allclose(found.programs_BP, scores[:, step], atol=1e-4)
        np.testing.assert_allclose(found.arguments_BAV, arguments[:, step], atol=1e-4)


def test_the_margin_says_how_close_each_decision_is() -> None:
    """The oracle: one frame after the other, in PyTorch."""
    core, library, shelf = untrained("hanoi")
    frames = reach(shelf.task)
    margin = examine(Network(build_graph(core), library), shelf, frames).margin_N
    assert np.isfinite(margin).all()
    lessons = Lessons(shelf, frames)
    for leaf in frames.returns():
        batch = lessons.batch(np.array([leaf]))
        with torch.no_grad():
            stop, scores, arguments = core(batch.program_B, batch.arguments_BA, batch.observations_BTK)
        for step, node in enumerate(frames.path(leaf)):
            decided = frames.decisions[frames.decision[node]]
            stop_logit = float(stop[0, step])
            if decided is None:
                assert margin[node] == pytest.approx(stop_logit, abs=1e-3)
                continue
            gaps = [-stop_logit, gap(scores[0, step][shelf.rows_C], decided.callee)]
            for index, value in enumerate(decided.arguments):
                size = len(shelf.repertoire.arguments[decided.callee][index].values)
                gaps.append(gap(arguments[0, step, index, :size], value))
            assert margin[node] == pytest.approx(min(gaps), abs=1e-3)


def test_what_is_no_number_is_not_proved() -> None:
    core, library, shelf = untrained("hanoi")
    with torch.no_grad():
        core.query.weight.fill_(float("nan"))
    network = Network(build_graph(core), library)
    frames = reach(shelf.task)
    examination = examine(network, shelf, frames)
    calls = [node for node in range(len(frames)) if frames.decision[node] != RETURN]
    assert set(calls) <= set(examination.wrong().tolist())
    assert verify(network, shelf.task, model_sha256="", search_s=0.0).certificate is None


def gap(scores: torch.Tensor, wanted: int) -> float:
    others = torch.cat([scores[:wanted], scores[wanted + 1 :]])
    return float(scores[wanted] - others.max()) if len(others) else float("inf")


def test_part_of_the_frames_can_be_examined_alone() -> None:
    core, library, shelf = untrained("quicksort")
    frames = reach(shelf.task)
    network = Network(build_graph(core), library)
    whole = examine(network, shelf, frames).margin_N
    leaves = np.array(list(frames.returns())[::7], np.int64)
    part = examine(network, shelf, frames, leaves=leaves).margin_N
    looked_at = {node for leaf in leaves for node in frames.path(int(leaf))}
    assert set(np.flatnonzero(np.isfinite(part))) == looked_at
    np.testing.assert_allclose(part[sorted(looked_at)], whole[sorted(looked_at)], atol=1e-5)


@pytest.mark.parametrize("name", QUICK)
def test_it_is_proved_and_right_on_inputs_far_larger_than_it_learned_on(name: str) -> None:
    model = trained()
    task = find_task(name)()
    assert model.is_verified(task)
    chance = random.Random(0)
    problems = [task.sample(chance, size) for size in ((8, 10) if name == "hanoi" else (50, 50, 120))]
    for problem, outcome in zip(problems, model.solve(task, problems), strict=True):
        assert outcome.failure is None and outcome.result == task.answer(problem)


def test_batches_and_memory_do_not_matter() -> None:
    """The invariance: alone or with others, evaluated or remembered, every problem takes the same steps."""
    model = trained()
    task = find_task("quicksort")()
    shelf = Shelf(model.network.library, task)
    chance = random.Random(4)
    problems = [task.sample(chance, size) for size in (1, 2, 9, 3, 17, 1, 6)]
    alone = [interpret(model.network, task, [problem])[0] for problem in problems]
    for decider in (Evaluate(model.network, shelf), Remember(model.network, shelf)):
        assert interpret(model.network, task, problems, decider=decider) == alone
        assert interpret(model.network, task, problems[::-1], decider=decider) == alone[::-1]
    remembered = Remember(model.network, shelf)
    interpret(model.network, task, problems, decider=remembered)
    evaluated = remembered.num_evaluated
    interpret(model.network, task, problems, decider=remembered)
    assert remembered.num_evaluated == evaluated < sum(outcome.num_steps for outcome in alone)


def test_a_run_that_does_not_end_is_given_up() -> None:
    model = trained()
    task = find_task("hanoi")()
    short, long = model.solve(task, [(1,), (9,)], max_steps=40)
    assert short.failure is None and short.result == "a>c"
    assert long.result is None and long.num_steps == 40 and long.failure == "it was not done after 40 steps"
    assert long.stopped and not short.stopped


def test_an_untrained_network_ends_in_a_failure_and_not_in_an_error() -> None:
    for seed in range(8):
        torch.manual_seed(seed)
        core, library, shelf = untrained("quicksort")
        with torch.no_grad():
            core.stop.bias.fill_(-9)  # it never returns
            core.keys.weight.normal_()
        network = Network(build_graph(core), library)
        (outcome,) = interpret(network, shelf.task, [((3, 1, 2),)], max_steps=500)
        assert outcome.result is None and outcome.failure
        assert outcome.stopped == ("not done after 500 steps" in outcome.failure)
        assert outcome.stopped or "is not possible there" in outcome.failure


def broken(model: Interpreter, task_name: str, folder: Path) -> Interpreter:
    """The bundle with one frame of a task turned wrong on purpose, by training, its other lessons kept."""
    task = find_task(task_name)()
    core = restore(model)
    library = model.network.library
    frames = reach(task)
    lessons = Lessons(Shelf(library, task), frames)
    leaves = np.array(list(frames.returns()), np.int64)
    # The scanned number is less than the pivot, but it is left where it is.
    (victim,) = [
        node
        for node in range(len(frames))
        if frames.describe(node) == "partition() → short=False scanned=False less=True"
    ]
    (advance,) = [
        index
        for index, each in enumerate(frames.decisions)
        if each is not None and frames.repertoire.text(each) == "advance()"
    ]
    lessons.decision[victim] = advance
    below = [leaf for leaf in leaves if victim in frames.path(int(leaf))]
    batch = lessons.batch(np.concatenate([leaves, np.repeat(below, 3)]))
    optimizer = torch.optim.Adam(core.parameters(), lr=2e-3)
    for _ in range(400):
        optimizer.zero_grad()
        loss = loss_of(core, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    graph = build_graph(core)
    card = load_bundle(model.bundle.path).card
    files = {"model.onnx": graph, "npi.json": (model.bundle.path / "npi.json").read_bytes()}
    return load_interpreter(write_bundle(folder / "broken", card, files).path)


def test_one_frame_broken_on_purpose_is_found_with_an_input_that_goes_wrong(tmp_path: Path) -> None:
    model = broken(trained(), "quicksort", tmp_path)
    task = find_task("quicksort")()
    assert not model.is_verified(task)  # the certificate is of another graph
    frames = reach(task)
    wrong = examine(model.network, Shelf(model.network.library, task), frames).wrong()
    assert [frames.describe(int(node)) for node in wrong] == ["partition() → short=False scanned=False less=True"]
    verdict = verify(model.network, task, model_sha256=model.model_sha256)
    assert verdict.certificate is None and verdict.num_wrong == 1
    assert "partition() → short=False scanned=False less=True → advance(), not swap()" in verdict.wrong[0]
    found = verdict.counterexample
    assert found is not None and found.ends_wrong and (found.expected, found.chosen) == ("swap()", "advance()")
    problem = task.parse(found.words)
    (outcome,) = model.solve(task, [problem])
    assert outcome.result == found.result != task.answer(problem)
    shown = trace(model, task, problem)
    assert shown.divergence is not None and shown.divergence.step == found.step
    assert not shown.correct and not shown.verified
    hanoi = find_task("hanoi")()
    assert verify(model.network, hanoi, model_sha256=model.model_sha256).num_decisions == len(reach(hanoi))


def test_a_certificate_says_what_it_rests_on() -> None:
    model = trained()
    certificate = model.known["quicksort"].certificate
    frames = reach(find_task("quicksort")())
    assert certificate is not None
    assert (certificate.num_frames, certificate.num_decisions) == (frames.num_frames, len(frames))
    assert certificate.frames_sha256 == frames.digest() and certificate.sizes == "all"
    graph = (model.bundle.path / "model.onnx").read_bytes()
    assert certificate.model_sha256 == hashlib.sha256(graph).hexdigest()
    assert certificate.margin_nats > 0.01 and certificate.num_transitions > 10_000 and len(certificate.assumes) == 3


def test_a_trace_tells_the_whole_run() -> None:
    model = trained()
    task = find_task("quicksort")()
    shown = trace(model, task, ((3, 1, 2),))
    data = json.loads(json.dumps(shown.to_json()))
    assert data["result"] == data["answer"] == "1 2 3" and data["correct"] and data["verified"]
    assert data["num_steps"] == len(data["steps"]) and data["divergence"] is None
    stack = [data["main"]]
    view = data["start"]
    for step, expected in zip(data["steps"], shown.views, strict=True):
        assert step["running"] == stack[-1] and step["depth"] == len(stack)
        assert step["teacher"] == step["text"]
        assert 0.5 <= step["probability"] <= 1 and (step["stop"] >= 0.5) == (step["does"] == "return")
        if step["does"] == "call":
            stack.append(step["text"])
        elif step["does"] == "return":
            stack.pop()
        apply(view, step["changes"])
        assert view == json.loads(json.dumps(expected.to_json()))
    assert not stack


def apply(view: dict[str, Any], changes: list[list[Any]]) -> None:
    """What docs/npi-trace.md says that a reader does."""
    for kind, *rest in changes:
        if kind == "rows":
            del view["rows"][rest[0] :]
        elif kind == "row":
            view["rows"][rest[0] : rest[0] + 1] = [rest[1]]
        elif kind == "cell":
            view["rows"][rest[0]]["cells"][rest[1]] = rest[2]
        elif kind == "cursors":
            view["rows"][rest[0]]["cursors"] = rest[1]
        elif kind == "fact":
            view["facts"][rest[0]] = rest[1]
        else:
            raise AssertionError(kind)


def test_a_trace_ends_where_an_action_leaves_nothing_to_draw(tmp_path: Path) -> None:
    """The last part is popped from quicksort's stack: there is no cursor left."""
    model = damaged(tmp_path / "npi", "Pivots.swap", "Pivots.leave")
    shown = trace(model, find_task("quicksort")(), ((1, 2),))
    assert shown.outcome is not None and shown.outcome.failure is not None and not shown.outcome.stopped
    assert shown.steps[-1].text == "leave()" and "leave() is not possible there" in shown.outcome.failure
    assert shown.views[-1] == shown.views[-2] and shown.steps[-1].changes == []
    assert shown.divergence is not None and shown.divergence.step == len(shown.steps) - 1
    assert (shown.answer, shown.correct) == (None, False)


def test_an_environment_that_cannot_be_drawn_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    task = find_task("quicksort")()
    monkeypatch.setattr(task.environment, "view", lambda self: View((Row("x", (str(1 // (self.part.scan - 1)),)),)))
    with pytest.raises(TaskError, match=r"Pivots.view, by which quicksort is drawn, fails after advance\(\) \(Zero"):
        trace(trained(), task, ((3, 1, 2),))


def test_traces_of_rows_that_come_and_go_can_be_replayed(tmp_path: Path) -> None:
    views = [
        View((Row("a", ("1", "2"), (("x", 0),)), Row("b", ()))),
        View((Row("a", ("1", "3"), (("x", 1),)), Row("b", ("7",)), Row("c", ("9",))), {"moves": "1"}),
        View((Row("a", ("1", "3")),), {"moves": "2"}),
    ]
    view = views[0].to_json()
    for before, after in itertools.pairwise(views):
        apply(view, changes_between(before, after))
        assert view == after.to_json()


def test_weights_come_back_out_of_a_bundle() -> None:
    model = trained()
    core = restore(model)
    assert build_graph(core) == (model.bundle.path / "model.onnx").read_bytes()


def test_a_run_goes_on_from_its_checkpoint_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    tasks = [find_task("quicksort")()]
    config = NPIConfig(core=SMALL_CORE, train=TrainConfig(steps_per_round=30, steps_per_check=10, max_rounds=4))
    straight = train_tasks(tasks, config)
    once = dataclasses.replace(config, train=dataclasses.replace(config.train, max_rounds=2))
    train_tasks(tasks, once, folder=tmp_path)
    resumed = train_tasks(tasks, config, folder=tmp_path)
    for (name, one), other in zip(straight.core.state_dict().items(), resumed.core.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert [row.num_wrong for row in straight.rounds[2:]] == [row.num_wrong for row in resumed.rounds]
    assert resumed.num_rounds == straight.num_rounds > len(resumed.rounds)
    assert resumed.seconds >= resumed.rounds[-1].seconds > 0


def test_the_loss_falls() -> None:
    task = find_task("merge-sort")()
    config = NPIConfig(core=SMALL_CORE, train=TrainConfig(batch_size=64, steps_per_round=25))
    library = Library()
    library.add(task)
    torch.manual_seed(0)
    trainer = Trainer(Core(config.core, library), make_pupils([task], library, config), library, config)
    losses = [trainer.round().loss_nats for _ in range(3)]
    assert losses[-1] < losses[0] / 2


def test_damaged_bundles_are_refused_in_one_line(tmp_path: Path) -> None:
    model = trained()
    files = {name: (model.bundle.path / name).read_bytes() for name in ("model.onnx", "npi.json")}
    card = model.bundle.card

    def opened(**changed: bytes) -> Interpreter:
        folder = tmp_path / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        names = {"graph": "model.onnx", "known": "npi.json"}
        return load_interpreter(
            write_bundle(folder, card, files | {names[key]: each for key, each in changed.items()}).path
        )

    assert opened().name == card.name
    for known in (b"", b"{", b"[]", b'{"library": 3, "tasks": {}}', b'{"library": {}, "tasks": {"a": {"x": 1}}}'):
        with pytest.raises(BundleError) as caught:
            opened(known=known)
        assert "\n" not in str(caught.value)
    for graph in (b"", b"no graph", resized(files["model.onnx"])):
        with pytest.raises(BundleError) as caught:
            opened(graph=graph)
        assert "\n" not in str(caught.value)
    with pytest.raises(BundleError, match="holds no learned programs"):
        load_interpreter("python-char")


def resized(graph: bytes) -> bytes:
    """A graph whose table of keys has lost a row."""
    model = onnx.load_from_string(graph)
    for each in model.graph.initializer:
        if each.name == "keys":
            each.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(each)[:, :-1]), "keys"))
    for output in model.graph.output:
        if output.name == "scores":
            output.type.tensor_type.shape.dim[1].dim_value -= 1
    return bytes(model.SerializeToString())


def test_a_certificate_does_not_speak_of_programs_that_were_edited_since(tmp_path: Path) -> None:
    interpreter = load_interpreter()
    shipped = TASKS["maximum"]
    first, *others = shipped.programs

    def nothing(_row: Any) -> None:
        pass

    nothing.__annotations__ = first.function.__annotations__
    idle = Program(nothing, sees=first.sees, name=first.name)

    class Own(shipped):  # type: ignore[misc, valid-type]
        file = tmp_path / "maximum.py"

    class Edited(Own):
        programs = (idle, *others)

    assert interpreter.is_verified(shipped()) and interpreter.is_verified(Own())
    assert interpreter.check(Edited()).certificate is not None  # names and values are the same
    assert not interpreter.is_verified(Edited())


def test_a_task_that_was_not_learned_or_has_changed_is_refused() -> None:
    model = trained()
    with pytest.raises(TaskError, match="has not learned 'addition'"):
        model.solve(find_task("addition")(), [(1, 2)])
    with pytest.raises(TaskError, match="learned quicksort with recursion 'full'"):
        model.check(find_task("quicksort")("none"))

    class Changed(find_task("quicksort")):  # type: ignore[misc]
        programs = find_task("quicksort").programs[::-1]

    with pytest.raises(TaskError, match="learned another version of quicksort"):
        model.check(Changed())
