"""Programmer-interpreters: how soon are they proved, how fast do they run, how far do they carry, why recursion?

    python benchmarks/npi.py train      [--seeds 10]  seconds to a proved addition, beside training on traces alone
    python benchmarks/npi.py paper                    the same with a core of the paper's size, 2 layers of 256
    python benchmarks/npi.py speed                    steps per second of the bundle that ships, beside plain PyTorch
    python benchmarks/npi.py accuracy   [--quick]     the bundle that ships on inputs far larger than it learned on
    python benchmarks/npi.py recursion  [--seeds 1]   recursive against not recursive, accuracy by length

All on one core; seconds are the processor's, so that other work on the machine counts for less. ``--json`` for data.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import dataclasses
import json
import platform
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "baselines"))

import numpy as np
import torch
from context import commit, cpu
from npi_torch import run_plainly

from codling.npi import load_interpreter
from codling.npi.decider import Evaluate, Remember
from codling.npi.examine import examine
from codling.npi.frames import Frames
from codling.npi.interpreter import interpret
from codling.npi.library import Library, Shelf
from codling.npi.network import Network
from codling.npi.reach import reach
from codling.npi.record import record
from codling.npi.tasks import find_task
from codling.npi.train import CoreConfig, NPIConfig, TrainConfig, preset, train_tasks
from codling.npi.train.extend import restore
from codling.npi.train.graph import build_graph
from codling.npi.train.lessons import Lessons
from codling.npi.train.loop import Round, loss_of
from codling.npi.train.net import Core

Row = dict[str, Any]


def time_training(config: NPIConfig, seeds: int, peer: bool) -> list[Row]:
    """Seconds until addition is proved, analysis and proof included; and what as many steps on traces leave wrong."""
    rows = []
    for seed in range(seeds):
        task = find_task("addition")()
        seeded = dataclasses.replace(config, train=dataclasses.replace(config.train, seed=seed))
        began = time.process_time()
        result = train_tasks([task], seeded, on_round=show_round)
        seconds = time.process_time() - began
        certificate = result.verdicts["addition"].certificate
        row = {
            "seed": seed,
            "proved": certificate is not None,
            "cpu_s": round(seconds, 1),
            "steps": result.rounds[-1].step,
            "lessons": result.rounds[-1].num_lessons,
            "frames": certificate.num_frames if certificate else None,
        }
        if peer:
            row["wrong_by_traces_alone"] = train_on_traces(seeded, row["steps"])
        rows.append(row)
        print(row, file=sys.stderr)
    return rows


def show_round(row: Round) -> None:
    print(f"round {row.number}  step {row.step}  wrong {sum(row.num_wrong.values()):,}", file=sys.stderr)


def train_on_traces(config: NPIConfig, steps: int) -> int:
    """The usual way: frames as they occur in traces of random problems of up to 20 digits; decisions left wrong."""
    task = find_task("addition")()
    torch.manual_seed(config.train.seed)
    library = Library()
    library.add(task)
    shelf = Shelf(library, task)
    core = Core(config.core, library)
    optimizer = torch.optim.Adam(core.parameters(), lr=config.train.lr / 3, betas=(0.9, 0.98))
    frames = reach(task)
    chance = random.Random(config.train.seed)
    problems = [task.sample(chance, 1 + index % 20) for index in range(1000)]
    ends = np.array([node for trace in record(task, problems, frames) for node in trace], np.int64)
    lessons = Lessons(shelf, frames)
    drawn = np.random.default_rng(config.train.seed)
    for _ in range(steps):
        loss = loss_of(core, lessons.batch(drawn.choice(ends, config.train.batch_size)))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(core.parameters(), config.train.clip_norm)
        optimizer.step()
    return len(examine(Network(build_graph(core), library), shelf, frames).wrong())


def measure_speed(model: str) -> list[Row]:
    """Steps per second on batches of additions: the network evaluated at each, remembered, and plain PyTorch."""
    interpreter = load_interpreter(model)
    task = find_task("addition")()
    shelf = Shelf(interpreter.network.library, task)
    core = restore(interpreter).eval()
    chance = random.Random(0)
    rows = []
    for num_problems, digits in ((1, 200), (100, 50), (1000, 20)):
        problems = [task.sample(chance, digits) for _ in range(num_problems)]
        expected = [task.answer(problem) for problem in problems]
        row: Row = {"problems": num_problems, "digits": digits}
        for name, kind in (("evaluated", Evaluate), ("remembered", Remember)):
            best = 0.0
            for _ in range(3):
                decider = kind(interpreter.network, shelf)
                began = time.process_time()
                outcomes = interpret(interpreter.network, task, problems, decider=decider)
                best = max(best, sum(each.num_steps for each in outcomes) / (time.process_time() - began))
            assert [each.result for each in outcomes] == expected
            row[f"{name}_per_s"] = round(best)
        began = time.process_time()
        few = problems[:20]
        plain = [run_plainly(core, task, shelf, problem) for problem in few]
        row["pytorch_per_s"] = round(sum(steps for _, steps in plain) / (time.process_time() - began))
        assert [result for result, _ in plain] == expected[: len(few)]
        assert [steps for _, steps in plain] == [each.num_steps for each in outcomes[: len(few)]]
        row["ratio"] = round(row["evaluated_per_s"] / row["pytorch_per_s"], 1)
        rows.append(row)
        print(row, file=sys.stderr)
    return rows


SIZES = {
    "addition": (100, 10_000),
    "subtraction": (100, 1_000),
    "multiplication": (20, 30),
    "bubble-sort": (100, 100),
    "merge-sort": (100, 200),
    "quicksort": (100, 200),
    "topological-sort": (100, 120),
    "hanoi": (1, 20),
    "maximum": (100, 50),
}
"Problems and their size; ten times the practice problems' at the least."


def measure_accuracy(model: str, quick: bool) -> list[Row]:
    """Share of random problems that come out right."""
    interpreter = load_interpreter(model)
    rows = []
    for name, (count, size) in SIZES.items():
        task = find_task(name)()
        if quick:
            count, size = min(count, 10), min(size, 12 if name == "hanoi" else 100)
        chance = random.Random(7)
        problems = [task.sample(chance, size) for _ in range(count)]
        began = time.process_time()
        outcomes = interpreter.solve(task, problems, max_steps=50_000_000)
        seconds = time.process_time() - began
        right = sum(each.result == task.answer(problem) for each, problem in zip(outcomes, problems, strict=True))
        known = interpreter.known[name]
        rows.append(
            {
                "task": name,
                "proved": interpreter.is_verified(task),
                "frames": known.certificate.num_frames if known.certificate else None,
                "practice_size": task.train_size,
                "size": size,
                "problems": count,
                "right": right,
                "steps": sum(each.num_steps for each in outcomes),
                "cpu_s": round(seconds, 1),
            }
        )
        print(rows[-1], file=sys.stderr)
    return rows


LENGTHS = {
    "addition": (3, 10, 30, 100, 300),
    "bubble-sort": (2, 3, 4, 8, 20, 90),
    "quicksort": (3, 5, 7, 11, 15, 20, 22, 25, 30, 70),
    "topological-sort": (5, 6, 7, 8, 70),
}
"The recursion paper's, as far as it has them."
PRACTICE = {"addition": 3, "bubble-sort": 2, "quicksort": 5, "topological-sort": 5}


def measure_recursion(seeds: int, count: int = 30) -> list[Row]:
    """Accuracy by length of cores that were trained until all their practice traces were right and well apart."""
    rows = []
    for name, lengths in LENGTHS.items():
        for recursion in ("none", "partial", "full"):
            kind = find_task(name)
            if recursion != "full" and recursion not in kind.variants:
                continue
            for seed in range(seeds):
                task = kind(recursion)
                task.train_size = PRACTICE[name]
                train = TrainConfig(seed=seed, margin=0.05 if recursion == "full" else 3.0, max_rounds=60)
                result = train_tasks([task], NPIConfig(core=CoreConfig(), train=train))
                network = Network(build_graph(result.core), result.library)
                chance = random.Random(seed)
                right = {}
                for length in lengths:
                    problems = [task.sample(chance, length) for _ in range(count)]
                    limit = longest_teacher(kind, problems)
                    outcomes = interpret(network, task, problems, max_steps=limit)
                    right[length] = sum(
                        each.result == task.answer(problem) for each, problem in zip(outcomes, problems, strict=True)
                    )
                shares = {length: round(100 * each / count, 1) for length, each in right.items()}
                proved = result.verdicts[name].certificate is not None
                rows.append({"task": name, "recursion": recursion, "seed": seed, "proved": proved, "right_%": shares})
                print(rows[-1], file=sys.stderr)
    return rows


def longest_teacher(kind: Any, problems: list[Any]) -> int:
    """Ten times the steps that the teacher with recursion needs, which no variant comes near."""
    task = kind("full")
    steps: list[int] = []
    for problem in problems[:3]:
        count = [0]
        record(
            task, [problem], Frames(task.repertoire), watch=lambda *_, count=count: count.__setitem__(0, count[0] + 1)
        )
        steps.append(count[0])
    return 10 * max(steps) + 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "paper", "speed", "accuracy", "recursion"])
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--model", default="npi", help="the bundle of speed and accuracy")
    parser.add_argument("--quick", action="store_true", help="accuracy on smaller inputs")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row]
    if arguments.what == "train":
        rows = time_training(preset("small"), arguments.seeds or 10, peer=True)
    elif arguments.what == "paper":
        rows = time_training(preset("paper"), arguments.seeds or 1, peer=False)
    elif arguments.what == "speed":
        rows = measure_speed(arguments.model)
    elif arguments.what == "accuracy":
        rows = measure_accuracy(arguments.model, arguments.quick)
    else:
        rows = measure_recursion(arguments.seeds or 1)
    report = {
        "command": " ".join(["python", *sys.argv]),
        "commit": commit(),
        "machine": f"{cpu()}, one core, {platform.platform()}, Python {platform.python_version()}",
        "rows": rows,
    }
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    for key in ("command", "commit", "machine"):
        print(f"{key}: {report[key]}")
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
