"""Random programs over a small network with operations of many kinds, and what it takes to run them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from codling import fold

WIDTHS = (3, 5)
WORDS = 7


class Network(nn.Module):
    """Operations over vectors of two widths and states of a TreeLSTM."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.embed = nn.ModuleDict({str(w): fold.batchable(nn.Embedding(WORDS, w)) for w in WIDTHS})
        self.turn = nn.ModuleDict({f"{a}{b}": fold.batchable(nn.Linear(a, b)) for a in WIDTHS for b in WIDTHS})
        self.leaves = fold.batchable(nn.Linear(5, 6))
        self.cell = fold.TreeLSTMCell(3)
        self.gates = nn.Linear(5, 15)
        self.sums = fold.ChildSumTreeLSTM(5, 3)
        self.table = nn.Parameter(torch.randn(4, 3))
        self.start = nn.Parameter(torch.randn(5))
        self.to(dtype)

    @fold.batchable
    def mix(self, one: Tensor, other: Tensor) -> Tensor:
        return torch.tanh(one * other + one.sum(1, keepdim=True))

    @fold.batchable
    def state(self, x: Tensor) -> fold.TreeState:
        h, c = torch.tanh(self.leaves.forward(x)).chunk(2, 1)
        return fold.TreeState(h, c)

    @fold.batchable
    def node_gates(self, x: Tensor) -> Tensor:
        return self.gates(x)

    @fold.batchable
    def look_up(self, x: Tensor, table: Tensor) -> Tensor:
        return torch.softmax(x @ table.t(), 1) @ table

    @fold.batchable
    def scaled(self, x: Tensor, by: Tensor, *, sign: str = "+") -> Tensor:
        return x * by.to(x.dtype)[:, None] * (1 if sign == "+" else -1)

    @fold.batchable
    def unit(self) -> Tensor:
        return torch.tanh(self.start)[None]

    @fold.batchable(ragged=True)
    def total(self, items: fold.Ragged, first: Tensor) -> Tensor:
        return first if items.value is None else first + torch.tanh(items.sum(items.value))

    @fold.batchable
    def pair(self, both: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return both[0].flip(1), (both[1], both[0] + 1)


@dataclass(frozen=True)
class Instruction:
    op: str
    picks: tuple[int, ...]
    number: int


OPS = [
    *("embed3", "embed5", "unit", "given", "turn", "turn", "mix", "state", "cell", "cell", "gated", "sums", "sums"),
    *("look_up", "scaled", "total", "pair", "arithmetic", "vmapped", "ask", "part"),
]


CELLS = ["state", "cell", "cell", "cell", "sums", "gated"]
"What kernels run, batch upon batch."


@st.composite
def programs(draw: st.DrawFn, max_size: int = 25, ops: Sequence[str] = OPS) -> list[Instruction]:
    """Straight-line programs: each instruction picks its arguments among what is there, so there are trees, chains and
    graphs with shared nodes."""
    pick = st.integers(0, 30)
    one = st.builds(Instruction, st.sampled_from(ops), st.tuples(pick, pick, pick), st.integers(0, WORDS - 1))
    return draw(st.lists(one, min_size=1, max_size=max_size))


def run(network: Network, program: list[Instruction], given: list[Tensor]) -> list[Any]:
    """Run a program and give all vectors and states that it made, in order."""
    vectors: dict[int, list[Any]] = {w: [network.embed[str(w)](0)] for w in WIDTHS}
    states: list[Any] = [network.state(vectors[5][0])]

    def vector(width: int, pick: int) -> Any:
        return vectors[width][pick % len(vectors[width])]

    made: list[Any] = []

    def put(width: int, thing: Any) -> None:
        vectors[width].append(thing)
        made.append(thing)

    for step in program:
        a, b, c = step.picks
        width = WIDTHS[step.number % 2]
        other = WIDTHS[c % 2]
        match step.op:
            case "embed3" | "embed5":
                put(int(step.op[-1]), network.embed[step.op[-1]](step.number))
            case "unit":
                put(5, network.unit())
            case "given":
                put(5, given[step.number % len(given)] if c % 3 else network.turn["55"](given[b % len(given)]))
            case "turn":
                put(other, network.turn[f"{width}{other}"](vector(width, a)))
            case "mix":
                put(width, network.mix(vector(width, a), vector(width, b)))
            case "state":
                states.append(network.state(vector(5, a)))
            case "cell":
                states.append(network.cell(states[a % len(states)], states[b % len(states)]))
            case "gated":
                gates = network.node_gates(vector(5, c))
                states.append(network.cell(states[a % len(states)], states[b % len(states)], gates))
            case "sums":
                states.append(network.sums(vector(5, a), [states[i % len(states)] for i in step.picks[: b % 4]]))
            case "look_up":
                put(3, network.look_up(vector(3, a), fold.shared(network.table)))
            case "scaled":
                by = (step.number, step.number / 2, bool(step.number % 2))[a % 3]
                put(width, network.scaled(vector(width, b), by, sign="+-"[c % 2]))
            case "total":
                put(width, network.total([vector(width, i) for i in step.picks[: c % 4]], vector(width, a)))
            case "pair":
                left, (right, third) = network.pair((vector(width, a), vector(other, b)))
                put(width, left)
                put(other, right)
                put(width, third)
            case "arithmetic":
                put(width, 2 - vector(width, a) * vector(width, b) / 3)
            case "vmapped":
                put(width, torch.softmax(vector(width, a), 0) @ torch.outer(vector(width, b), vector(width, a)))
            case "ask":
                if vector(width, a).sum() > 0:
                    put(width, network.mix(vector(width, a), vector(width, b)))
            case "part":
                put(3, states[a % len(states)][b % 2])
    return [*made, *(part for state in states for part in state)]
