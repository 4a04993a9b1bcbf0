"""The TreeLSTM cells: the backward pass written out against numerical gradients and against autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from codling import fold
from codling.fold.cell_kernels import ChildSumKernel, NaryKernel


def shapes(arity: int) -> list[Any]:
    """Trees of numbers: what stands at the leaves."""
    return [
        0,
        (1,) * arity,
        ((2,) * arity, *(3,) * (arity - 1)),
        (*(4,) * (arity - 1), ((0,) * arity,) * arity)[:arity],
    ]


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("arity", [1, 2, 3])
def test_nary_gradients(arity: int, gated: bool) -> None:
    torch.manual_seed(arity)
    cell = fold.TreeLSTMCell(3, arity).double()
    leaves_h, leaves_c = (torch.randn(5, 3, dtype=torch.float64) for _ in range(2))
    gates = torch.randn((3 + arity) * 3, dtype=torch.float64)
    leaf = fold.batchable(lambda h, c: fold.TreeState(h.clone(), c.clone()), name="leaf")
    same = fold.batchable(lambda x: x.clone(), name="same")

    def run(weight: Tensor, bias: Tensor, h: Tensor, c: Tensor, gates: Tensor) -> Tensor:
        def encode(tree: Any) -> Any:
            if isinstance(tree, int):
                return leaf(h[tree], c[tree])
            states = [encode(child) for child in tree]
            return cell(*states, same(gates)) if gated else cell(*states)

        parameters = {"weight": weight, "bias": bias}
        for name, value in parameters.items():
            delattr(cell, name)
            setattr(cell, name, value)
        with fold.batching():
            roots = [encode(tree) for tree in shapes(arity)]
            state = fold.stack(roots)
        return torch.cat([state.h, state.c], 1)

    weight, bias = cell.weight.detach().clone(), cell.bias.detach().clone()
    inputs = [t.requires_grad_() for t in (weight, bias, leaves_h, leaves_c, gates)]
    run(*inputs)  # forms of results are learnt: from here on the kernel runs
    assert torch.autograd.gradcheck(run, inputs)


def test_child_sum_gradients() -> None:
    torch.manual_seed(0)
    network = fold.ChildSumTreeLSTM(2, 3).double()
    trees = [(0, []), (1, [(2, []), (3, [(0, []), (1, []), (4, [])])]), (4, [(3, [])])]

    def run(x: Tensor, *weights: Tensor) -> Tensor:
        def encode(tree: Any) -> Any:
            number, children = tree
            return network(x[number], [encode(child) for child in children])

        for (owner, name), value in zip(places, weights, strict=True):
            owner.__dict__.pop(name, None)
            owner._parameters.pop(name, None)
            setattr(owner, name, value)
        with fold.batching():
            return torch.cat(fold.stack([encode(tree) for tree in trees]), 1)

    places = [(module, name) for module in network.modules() for name in list(module._parameters)]
    weights = [getattr(owner, name).detach().clone().requires_grad_() for owner, name in places]
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    run(x, *weights)
    assert torch.autograd.gradcheck(run, (x, *weights))


class Plain(nn.Module):
    """Hides a cell's kernel: what autograd makes of its forward pass."""


@pytest.mark.parametrize("kind", ["nary", "child-sum"])
def test_the_kernel_runs_and_equals_autograd(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    kernel: Any = NaryKernel if kind == "nary" else ChildSumKernel
    forward = kernel.forward
    monkeypatch.setattr(kernel, "forward", lambda self, step, keep: (steps.append(step.num), forward(self, step, keep)))
    torch.manual_seed(0)
    embed = fold.batchable(nn.Embedding(6, 4))
    network: Any = fold.TreeLSTM(4, 5) if kind == "nary" else fold.ChildSumTreeLSTM(4, 5)
    trees = [(i, [(i + 1, []), (i + 2, [(i, []), (i + 3, [(1, []), (2, [])])])]) for i in range(3)]

    def encode(tree: Any) -> Any:
        word, children = tree
        if kind == "nary":
            states = [encode(child) for child in children]
            return network(*states) if states else network.leaf(embed(word))
        return network(embed(word), [encode(child) for child in children])

    def outcome() -> list[Tensor]:
        network.zero_grad()
        embed.zero_grad()
        with fold.batching():
            state = fold.stack([encode(tree) for tree in trees])
        (state.h.sum() + (state.c**2).sum()).backward()
        return [state.h, state.c, *(p.grad.clone() for m in (embed, network) for p in m.parameters())]

    outcome()
    with_kernel = outcome()
    assert steps
    steps.clear()
    hook = network.cell.register_forward_hook(lambda *_: None)  # what a hook watches, autograd runs
    network.cell.__dict__.pop("_fold", None)
    plain = outcome()
    hook.remove()
    assert not steps
    for one, other in zip(with_kernel, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_a_subclass_that_computes_something_else_is_believed() -> None:
    class Doubled(fold.TreeLSTMCell):
        def forward(self, *args: Any) -> fold.TreeState:
            h, c = super().forward(*args)
            return fold.TreeState(2 * h, c)

    cell, leaf = Doubled(2), fold.batchable(lambda x: fold.TreeState(x, x), name="leaf")
    for _ in range(2):
        with fold.batching():
            batched = cell(leaf(torch.ones(2)), leaf(torch.ones(2))).value
        with fold.eager():
            torch.testing.assert_close(batched, cell(leaf(torch.ones(2)), leaf(torch.ones(2))))
