"""Does reading code as trees pay? Functions' names from their bodies, beside a bag of tokens, and batched beside one by
one.

    python benchmarks/function_names.py TEXTS [--train 20000] [--test 4000] [--epochs 4] [--seeds 1] [--json]

TEXTS is a folder with train, valid and test.parquet, as ``codling corpus build`` leaves them: split by project, so
names are of packages that training hasn't seen. All namers get the same functions, labels, width, steps, schedule and
threshold choice; "tree and bag" has the encoders of both side by side.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from context import commit, cpu

from codling.trees import (
    BagEncoder,
    Function,
    Labels,
    Namer,
    NamingConfig,
    TreeEncoder,
    bag_namer,
    choose_threshold,
    evaluate,
    functions,
    one_by_one,
    sub_tokens,
    train_namer,
    tree_namer,
)

_MAX_NODES = 200  # of a tree: nine functions of ten
_MIN_NODES = 15  # below, there's little but a pass
_PER_FILE = 8  # so that a file of generated look-alikes doesn't fill the sample


def read(path: Path, limit: int, seed: int) -> list[Function]:
    """A sample of functions, from files in random order; names that mark protocols (``__init__``) are left out."""
    rng = random.Random(seed)
    table = pq.read_table(path, columns=["language", "text"])
    found: list[Function] = []
    for row in rng.sample(range(table.num_rows), table.num_rows):
        if table["language"][row].as_py() != "python":
            continue
        here = [
            function
            for function in functions(table["text"][row].as_py(), max_nodes=_MAX_NODES)
            if not function.name.startswith("__") and function.tree.num_nodes >= _MIN_NODES
        ]
        found += rng.sample(here, min(_PER_FILE, len(here)))
        if len(found) >= limit:
            break
    return found[:limit]


def speed(namer: Namer, sample: list[Function], batch: int) -> dict[str, float]:
    """Functions per second of training steps, batched and one by one, in turns; best of three each."""
    rates: dict[str, float] = {"batched": 0.0, "one by one": 0.0}
    for turn in range(3):
        for name, step, num in (("batched", namer.loss, batch), ("one by one", lambda f: one_by_one(namer, f), 16)):
            part = sample[turn * batch : turn * batch + num]
            started = time.process_time()
            namer.zero_grad()
            step(part).backward()
            rates[name] = max(rates[name], len(part) / (time.process_time() - started))
    return rates


def both(labels: Labels, words: Labels, config: NamingConfig) -> Namer:
    """Tree and bag side by side."""
    return Namer([TreeEncoder(labels, config.hidden), BagEncoder(labels, config.hidden)], words, config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--train", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=4_000)
    parser.add_argument("--epochs", type=int, default=NamingConfig.epochs)
    parser.add_argument("--batch", type=int, default=NamingConfig.batch)
    parser.add_argument("--learning-rate", type=float, default=NamingConfig.learning_rate)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sys.setrecursionlimit(10_000)
    gc.disable()  # millions of nodes of trees, and no cycles among them
    train = read(args.texts / "train.parquet", args.train, 1)
    valid, test = (read(args.texts / f"{part}.parquet", args.test, 2) for part in ("valid", "test"))
    gc.freeze()
    gc.enable()
    labels = Labels.of((label for function in train for label in function.tree.labels()), min_count=5)
    words = Labels.of((word for function in train for word in sub_tokens(function.name)), min_count=5, max_size=4_000)
    result: dict[str, Any] = {
        "functions": {"train": len(train), "valid": len(valid), "test": len(test)},
        "labels": len(labels),
        "words": len(words),
        "namers": {},
    }
    for seed in range(1, args.seeds + 1):
        config = NamingConfig(epochs=args.epochs, batch=args.batch, learning_rate=args.learning_rate, seed=seed)
        for name, kind in (("bag", bag_namer), ("tree", tree_namer), ("tree and bag", both)):
            torch.manual_seed(seed)
            namer = kind(labels, words, config)

            def report(epoch: int, loss: float, rate: float, name: str = name) -> None:
                print(f"{name}: epoch {epoch}, {loss:.2f} nats, {rate:,.0f} functions/s", file=sys.stderr, flush=True)

            if name == "tree" and seed == 1:
                result["functions_per_s"] = speed(namer, train, config.batch)
            train_namer(namer, train, config, report)
            choose_threshold(namer, valid)
            scores = {"threshold": namer.threshold, **dataclasses.asdict(evaluate(namer, test))}
            result["namers"].setdefault(name, []).append(scores)
            print(f"{name}: {scores}", file=sys.stderr, flush=True)
    if args.json:
        about = {"command": " ".join(sys.argv), "commit": commit(), "machine": cpu(), "torch": torch.__version__}
        print(json.dumps({**about, **result}, indent=1))
        return
    print(f"functions {result['functions']}, labels {len(labels):,}, words {len(words):,}")
    for name, runs in result["namers"].items():
        for run in runs:
            print(f"  {name:<13}" + "  ".join(f"{key} {value:.3f}" for key, value in run.items()))
    rates = result["functions_per_s"]
    print(
        f"  training steps, functions/s: batched {rates['batched']:,.0f}, one by one {rates['one by one']:,.0f}:",
        end=" ",
    )
    print(f"{rates['batched'] / rates['one by one']:.1f} ×")


if __name__ == "__main__":
    main()
