"""How many trees a second does a TreeLSTM train on: codling.fold, its peers, and the machine's ceiling.

    python benchmarks/fold.py [--columns 150:1,150:16,150:64,150:256,512:256] [--turns 5] [--memory] [--json]
        [--torchfold DIR] [--dynet PYTHON] [--dgl PYTHON] [--skip NAME,…]

Binary TreeLSTM (Tai et al. 2015) over random trees of 10–50 leaves, mean 30; forward and backward, graph building
included, no optimizer; float32, one thread. Every step of every turn has trees of new shapes, so no plan is ever
reused. A turn gives all contestants the same trees, one contestant after another; a figure is a contestant's best turn.
Seconds are those of the processor (all contestants compute in one thread), so that other work on the machine counts for
less.

unbatched   PyTorch, node by node
torchfold   TorchFold 0.1 from PyPI: pip install --no-deps --target DIR torchfold (two lines patched to run, in memory)
dynet       DyNet 2.1 with autobatching: an interpreter that has dynet38
dgl         DGL 1.1.3: an interpreter that has dgl==1.1.3 and setuptools<70; it borrows this one's PyTorch
by hand     baselines/tree_by_hand.py: level by level, in the PyTorch of somebody who takes the trouble
explicit    codling.fold, by Fold.add and Fold.apply
fold        codling.fold, by the natural door: a recursive function, batched
ceiling     the same matrix products alone, each in one piece, by the faster of PyTorch's two libraries for them

In-process contestants share their weights, and their losses are compared before anything is timed.
"""

# N nodes, E embedding, H hidden

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent / "baselines"))

from context import commit, cpu
from tree_by_hand import encode_by_hand

from codling import fold
from codling.fold.tape import plan_cache
from trees import Tree, forest

WORDS = 1_000  # as in TorchFold's own example; larger tables would time the clearing of their gradient
_POOL = 32  # trees per turn, at least


class TreeModel(nn.Module):
    """A TreeLSTM over words: the state of a leaf is a projection of its word, as in SPINN."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, hidden)
        self.project = nn.Linear(hidden, 2 * hidden)
        self.cell = fold.TreeLSTMCell(hidden)

    @fold.batchable
    def leaf(self, word: Tensor) -> fold.TreeState:
        return fold.TreeState(*self.project(self.embed(word)).chunk(2, 1))

    def encode(self, trees: list[Tree]) -> list[fold.TreeState]:
        leaf, cell = self.leaf, self.cell  # looking up a module's submodule takes as long as recording a call

        def encode(tree: Tree) -> fold.TreeState:
            return leaf(tree.word) if tree.left is None else cell(encode(tree.left), encode(tree.right))

        return [encode(tree) for tree in trees]

    # The same by the rows of a batch, for those who batch on their own.

    def leaves(self, word: Tensor) -> tuple[Tensor, Tensor]:
        h, c = self.project(self.embed(word)).chunk(2, 1)
        return h, c

    def merge(self, lh: Tensor, lc: Tensor, rh: Tensor, rc: Tensor) -> tuple[Tensor, Tensor]:
        return tuple(self.cell.forward((lh, lc), (rh, rc)))


def natural(model: TreeModel, trees: list[Tree]) -> Tensor:
    with fold.batching():
        roots = model.encode(trees)
    return fold.stack(roots).h.sum()


def explicit(model: TreeModel, trees: list[Tree]) -> Tensor:
    return _by_name(fold.Fold(), model, trees)


def _by_name(door: Any, model: TreeModel, trees: list[Tree]) -> Tensor:
    def encode(tree: Tree) -> Any:
        if tree.left is None:
            return door.add("leaves", tree.word).split(2)
        lh, lc = encode(tree.left)
        rh, rc = encode(tree.right)
        return door.add("merge", lh, lc, rh, rc).split(2)

    return door.apply(model, [[encode(tree)[0] for tree in trees]])[0].sum()


def unbatched(model: TreeModel, trees: list[Tree]) -> Tensor:
    def encode(tree: Tree) -> tuple[Tensor, Tensor]:
        if tree.left is None:
            return model.leaves(torch.tensor([tree.word]))
        return model.merge(*encode(tree.left), *encode(tree.right))

    return torch.cat([encode(tree)[0] for tree in trees]).sum()


def torchfold(folder: Path) -> Callable[[TreeModel, list[Tree]], Tensor]:
    """TorchFold as published, but for names that PyTorch has dropped since."""
    source = (folder / "torchfold" / "torchfold.py").read_text(encoding="utf-8")
    source = source.replace("torch.tensor._TensorBase", "torch.Tensor").replace(", volatile=self.volatile", "")
    space: dict[str, Any] = {}
    exec(compile(source, str(folder / "torchfold.py"), "exec"), space)
    return lambda model, trees: _by_name(space["Fold"](), model, trees)


def by_hand(model: TreeModel, trees: list[Tree]) -> Tensor:
    return encode_by_hand(model.leaves, model.merge, trees).sum()


def ceiling_s(hidden: int, trees: list[Tree]) -> float:
    """Seconds of the matrix products that a step can't do without: forward, to the inputs, to the weights."""
    leaves = sum((tree.size + 1) // 2 for tree in trees)
    inner = sum(tree.size // 2 for tree in trees)
    total = 0.0
    for rows, inputs, outputs in ((leaves, hidden, 2 * hidden), (inner, 2 * hidden, 5 * hidden)):
        x, g, w = torch.randn(rows, inputs), torch.randn(rows, outputs), torch.randn(outputs, inputs)
        total += min(_seconds(products, x, g, w) for products in (_by_mm, _by_onednn))
    return total


def _by_mm(x: Tensor, g: Tensor, w: Tensor) -> None:
    for rows, weight in ((x, w), (g, w.t()), (g.t(), x.t())):
        rows @ weight.t()


def _by_onednn(x: Tensor, g: Tensor, w: Tensor) -> None:
    linear = torch.ops.mkldnn._linear_pointwise
    for rows, weight in ((x, w), (g, w.t()), (g.t(), x.t())):
        linear(rows, weight, None, "none", [], "")


def _seconds(products: Callable[[Tensor, Tensor, Tensor], None], *operands: Tensor) -> float:
    products(*operands)  # oneDNN compiles code for each shape
    started = time.process_time()
    products(*operands)
    return time.process_time() - started


class Worker:
    """A contestant in another interpreter, which is told its trees and says how long it took."""

    def __init__(self, python: str, script: str, hidden: int) -> None:
        path = Path(__file__).parent / "baselines" / script
        site = str(Path(torch.__file__).parents[1])
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "DGLBACKEND": "pytorch"}
        if "dgl" in script:
            environment["PYTHONPATH"] = site
        self._process = subprocess.Popen(
            [python, str(path), str(hidden), str(WORDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def step_s(self, trees: list[Tree]) -> float:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([tree.nested() for tree in trees]) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def step_s(run: Callable[[TreeModel, list[Tree]], Tensor], model: TreeModel, trees: list[Tree]) -> float:
    started = time.process_time()
    model.zero_grad()
    run(model, trees).backward()
    return time.process_time() - started


def column(hidden: int, batch: int, args: argparse.Namespace) -> dict[str, Any]:
    """Trees per second of all contestants for one width and batch."""
    torch.manual_seed(0)
    model = TreeModel(hidden)
    here: dict[str, Any] = {"unbatched": unbatched}
    if args.torchfold:
        here["torchfold"] = torchfold(args.torchfold)
    here |= {"by hand": by_hand, "explicit": explicit, "fold": natural}
    here = {name: run for name, run in here.items() if name not in args.skip}
    workers = {"dynet": (args.dynet, "tree_dynet.py"), "dgl": (args.dgl, "tree_dgl.py")}
    there = {name: Worker(*of, hidden) for name, of in workers.items() if of[0] and name not in args.skip}
    _check(here, model)

    pool = max(batch, _POOL)
    best: dict[str, float] = {}
    turns = args.turns * (4 if batch < _POOL else 1)  # short turns are easily disturbed
    for turn in range(turns + 1):  # the first is to warm up
        rng = random.Random(1_000 * batch + turn)
        trees = forest(rng, pool if turn else 2, WORDS)
        batches = [trees[i : i + batch] for i in range(0, len(trees), batch)]
        # Node by node takes a minute for what the others do in a second, and varies the least: one turn.
        mine = {name: run for name, run in here.items() if name != "unbatched" or turn <= 1}
        taken = {name: sum(step_s(run, model, each) for each in batches) for name, run in mine.items()}
        taken |= {name: sum(worker.step_s(each) for each in batches) for name, worker in there.items()}
        taken["ceiling"] = sum(ceiling_s(hidden, each) for each in batches)
        for name, seconds in taken.items() if turn else ():
            best[name] = max(best.get(name, 0.0), len(trees) / seconds)
    for worker in there.values():
        worker.close()
    order = ("unbatched", "torchfold", "dynet", "dgl", "by hand", "explicit", "fold", "ceiling")
    result: dict[str, Any] = {"hidden": hidden, "batch": batch, "trees_per_s": {n: best[n] for n in order if n in best}}
    if "fold" in best:
        result |= _overhead(model, batch, args.turns)
    return result


def _check(runs: dict[str, Any], model: TreeModel) -> None:
    """All compute the same loss and the same gradients."""
    trees = forest(random.Random(7), 3, WORDS)
    outcomes = {}
    for name, run in runs.items():
        model.zero_grad()
        loss = run(model, trees)
        loss.backward()
        outcomes[name] = [loss.detach(), *(p.grad for p in model.parameters())]
    first = next(iter(outcomes.values()))
    for outcome in outcomes.values():
        for one, other in zip(first, outcome, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def _overhead(model: TreeModel, batch: int, turns: int) -> dict[str, float]:
    """Shares of recording and of scheduling in a step; each the least disturbed of some steps."""
    best = [float("inf")] * 3
    for turn in range(3 * turns):
        trees = forest(random.Random(turn), batch, WORDS)
        started = time.process_time()
        model.zero_grad()
        with fold.batching() as tape:
            roots = model.encode(trees)
        recorded = time.process_time() - started
        fold.stack(roots).h.sum().backward()
        whole = time.process_time() - started
        best = [*map(min, best, (whole, recorded, sum(report.plan_s for report in tape.reports)))]
        plan_cache.clear()
    return {"recording_share": best[1] / best[0], "scheduling_share": best[2] / best[0]}


def memory_mb(name: str, hidden: int, batch: int) -> float:
    """Peak of a step above what was there before it, in a process of its own; Linux only."""
    command = [sys.executable, __file__, "--one-step", name, "--columns", f"{hidden}:{batch}"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024


def _one_step(name: str, hidden: int, batch: int) -> None:
    model, run = TreeModel(hidden), {"fold": natural, "by hand": by_hand, "explicit": explicit}[name]
    step_s(run, model, forest(random.Random(0), 2, WORDS))
    trees = forest(random.Random(1), batch, WORDS)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts over, at what is there now
    before = _resident_kb("VmRSS")
    step_s(run, model, trees)
    print(_resident_kb("VmHWM") - before)


def _resident_kb(line: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(each for each in status.splitlines() if each.startswith(line)).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", default="150:1,150:16,150:64,150:256,512:256", help="hidden:batch, …")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--torchfold", type=Path, help="folder that holds the package torchfold")
    parser.add_argument("--dynet", help="Python interpreter that has dynet38")
    parser.add_argument("--dgl", help="Python interpreter that has dgl 1.1.3")
    parser.add_argument("--skip", type=lambda text: text.split(","), default=[])
    parser.add_argument("--memory", action="store_true", help="compare peak memory with the run batched by hand")
    parser.add_argument("--one-step", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sys.setrecursionlimit(10_000)
    columns = [tuple(map(int, text.split(":"))) for text in args.columns.split(",")]
    if args.one_step:
        _one_step(args.one_step, *columns[0])
        return
    results = []
    for hidden, batch in columns:
        result = column(hidden, batch, args)
        if args.memory:
            result["memory_mb"] = {name: memory_mb(name, hidden, batch) for name in ("by hand", "explicit", "fold")}
        results.append(result)
        if not args.json:
            _show(result)
    assert plan_cache.hits == 0, "trees of new shapes should have been planned anew"
    if args.json:
        about = {"command": " ".join(sys.argv), "commit": commit(), "machine": cpu(), "torch": torch.__version__}
        about["seeds"] = "weights 0; trees 1000 · batch + turn"
        print(json.dumps({**about, "columns": results}, indent=1))


def _show(result: dict[str, Any]) -> None:
    rates = result["trees_per_s"]
    print(f"H {result['hidden']}, batch {result['batch']}: trees/s, and fold's ratio to each")
    for name, rate in rates.items():
        print(f"  {name:<10}{rate:9,.0f}{rates['fold'] / rate if 'fold' in rates else float('nan'):9.2f} ×")
    if "recording_share" in result:
        print(f"  of a step, recording {result['recording_share']:.1%}, scheduling {result['scheduling_share']:.1%}")
    if "memory_mb" in result:
        print("  peak memory MB: " + ", ".join(f"{name} {mb:,.0f}" for name, mb in result["memory_mb"].items()))


if __name__ == "__main__":
    main()
