"""codling npi, as its user types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command import call_codling, run_codling
from npi_models import damaged, trained

Call = tuple[int, str, str]


@pytest.fixture
def model() -> str:
    return str(trained().bundle.path)


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> Call:
    return call_codling(["npi", *words], b"", monkeypatch, capsys)


def test_solve(model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(monkeypatch, capsys, "solve", "quicksort", 3, -1, 2, "--model", model)
    assert (code, out) == (0, "-1 2 3\n")
    code, out, _ = call(monkeypatch, capsys, "solve", "quicksort", 3, -1, 2, "--model", model, "--json")
    answer = json.loads(out)
    assert code == 0 and answer.keys() == {"result", "steps", "verified"}
    assert answer["result"] == "-1 2 3" and answer["verified"] is True and answer["steps"] > 10


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["solve", "addition", "-3", "x"], "addition takes two whole numbers"),
        (["solve", "adition", "3", "4"], "did you mean 'addition'?"),
        (["solve", "quicksort"], "not 'nothing'"),
        (["solve", "hanoi", "9", "--max-steps", "50"], "not done after 50 steps"),
        (["solve", "hanoi", "9", "--max-steps", "0"], "--max-steps"),
        (["solve", "missing.py", "9"], "no file missing.py"),
        (["solve", "bubble-sort", "2", "1"], "has not learned 'bubble-sort'"),
        (["run", "hanoi", "x"], "hanoi takes a number of disks"),
        (["verify", "nothing"], "no task 'nothing'"),
        (["train", "quicksort", "--preset", "huge"], "no preset 'huge'"),
        (["train", "quicksort", "--recursion", "partial"], "not told with recursion 'partial'"),
        (["train", "quicksort", "--set", "train.lrr=3"], "did you mean 'train.lr'?"),
    ],
)
def test_mistakes_get_one_line(
    words: list[str], says: str, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = [] if words[0] == "train" else ["--model", model]
    code, out, err = call(monkeypatch, capsys, *words, *extra)
    assert code == 2 and out == "" and says in err and len(err.splitlines()) == 1


def test_run_draws_each_step(model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(monkeypatch, capsys, "run", "quicksort", 3, 1, 2, "--model", model)
    assert code == 0
    assert "quicksort() › partition() ×2 → swap()" in out
    assert "1 2 3  (" in out.splitlines()[-1] and "proved" in out.splitlines()[-1]
    code, out, _ = call(monkeypatch, capsys, "run", "quicksort", 3, 1, 2, "--model", model, "--json")
    trace = json.loads(out)
    assert code == 0 and trace["format"] == 1 and trace["num_steps"] == len(trace["steps"])
    code, out, _ = call(monkeypatch, capsys, "run", "hanoi", 24, "--model", model, "--max-steps", 60)
    lines = out.splitlines()
    assert code == 0 and lines[-1] == "stopped: it was not done after 60 steps (see --max-steps)"
    assert [int(line.split()[0]) for line in lines if " → " in line] == list(range(1, 61))


def test_verify(model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(monkeypatch, capsys, "verify", "hanoi", "--model", model)
    assert code == 0 and "hanoi: proved for inputs of all sizes; 18 frames" in out
    code, out, _ = call(monkeypatch, capsys, "verify", "hanoi", "--model", model, "--json")
    (verdict,) = json.loads(out)
    assert code == 0 and verdict["certificate"]["num_frames"] == 18


def test_a_damaged_bundle_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its hashes are right, and so are many of its answers; the proof finds an input that goes wrong all the same."""
    bundle = damaged(tmp_path / "npi", "Pivots.swap", "Pivots.place").bundle.path
    code, out, _ = call(monkeypatch, capsys, "solve", "quicksort", 2, 1, "--model", bundle, "--json")
    assert code == 0 and json.loads(out) == {"result": "1 2", "steps": 19, "verified": False}
    code, out, err = call(monkeypatch, capsys, "verify", "quicksort", "--model", bundle)
    assert code == 1 and "not everything is proved" in err
    command, where = (line.strip() for line in out.splitlines()[-2:])
    step, chosen, expected = re.fullmatch(r"at step (\d+) it does (\S+), not (\S+); it comes to .*", where).groups()  # type: ignore[union-attr]
    words = command.removeprefix("for example: codling npi ").split()
    code, out, _ = call(monkeypatch, capsys, *words)
    assert code == 0 and "; wrong, the answer is " in out.splitlines()[-1]
    assert out.splitlines()[-1].endswith(f"; at step {step} it does {chosen}, its teacher {expected}")
    (marked,) = (line for line in out.splitlines() if "← its teacher does" in line)
    assert marked.split()[0] == step and f"→ {chosen} " in marked and marked.endswith(expected)


TASK = '''
from __future__ import annotations
import random
from codling.npi import Environment, Task, action, feature, program

class Pile(Environment):
    def __init__(self, height: int) -> None:
        self.height, self.taken = height, 0
    @feature
    def empty(self) -> bool:
        return self.height == 0
    @action(changes=["empty"])
    def take(self) -> None:
        self.height -= 1
        self.taken += 1
    def result(self) -> str:
        return str(self.taken)

@program
def clear(pile: Pile) -> None:
    if pile.empty:
        return
    pile.take()
    clear(pile)

class Clear(Task):
    """Takes a pile away."""
    name = "clear"
    environment = Pile
    programs = (clear,)
    usage = "a height"
    example = ("3",)
    def parse(self, words):
        if len(words) != 1 or not words[0].isdecimal():
            raise self.refuse(words)
        return (int(words[0]),)
    def sample(self, chance: random.Random, size: int):
        return (size,)
    def answer(self, problem) -> str:
        return str(problem[0])
'''


def test_a_task_of_ones_own_is_learned_and_proved(tmp_path: Path) -> None:
    """As a user does it, in processes of their own."""
    file, bundle = tmp_path / "pile.py", tmp_path / "mine"
    file.write_text(TASK, encoding="utf-8")
    done = run_codling("npi", "train", file, "--run", tmp_path / "run", "--bundle", bundle, "--seed", 2)
    assert done.returncode == 0 and "clear: proved for inputs of all sizes" in done.stdout, done.stderr
    done = run_codling("npi", "solve", file, "250", "--model", bundle, "--json")
    assert json.loads(done.stdout) == {"result": "250", "steps": 751, "verified": True}, done.stderr
    done = run_codling("npi", "solve", file, "many", "--model", bundle)
    assert done.returncode == 2 and "clear takes a height" in done.stderr
