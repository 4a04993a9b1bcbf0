"""Batched and one by one: the same values, the same gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from codling import fold
from fold_programs import CELLS, OPS, Instruction, Network, programs, run

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def outcome(network: Network, batch: list[list[Instruction]], dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    """All values that the programs make, and the gradients of a mixture of them."""
    generator = torch.Generator().manual_seed(5)
    tensors = [torch.randn(5, generator=generator, dtype=dtype).requires_grad_() for _ in range(3)]
    network.zero_grad()
    results = [thing for program in batch for thing in run(network, program, tensors)]
    values = [fold.value(thing) for thing in results]
    assert all(isinstance(value, Tensor) for value in values)
    # Means, so that gradients are of the size of values and one tolerance fits both.
    loss = sum((value * torch.randn(value.shape, generator=generator, dtype=dtype)).mean() for value in values)
    (loss / len(values)).backward()
    leaves = [*network.parameters(), *tensors]
    return [value.detach() for value in values], [
        torch.zeros_like(leaf) if leaf.grad is None else leaf.grad.clone() for leaf in leaves
    ]


@pytest.mark.parametrize("ops", [OPS, CELLS], ids=["everything", "cells"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_random_programs_equal_the_unbatched_run(dtype: torch.dtype, ops: list[str]) -> None:
    network = Network(dtype)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(programs(ops=ops), min_size=1, max_size=4))
    def check(batch: list[list[Instruction]]) -> None:
        with fold.eager():
            values, grads = outcome(network, batch, dtype)
        with fold.batching():
            batched_values, batched_grads = outcome(network, batch, dtype)
        for one, other in zip(values, batched_values, strict=True):
            assert one.shape == other.shape and one.dtype == other.dtype
        for one, other in zip([*values, *grads], [*batched_values, *batched_grads], strict=True):
            close = (one - other).abs().max() <= TOLERANCE[dtype] * max(1.0, one.abs().max())
            assert close, (one, other)

    check()


@settings(max_examples=12, deadline=None)
@given(st.lists(programs(), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_examples_does_not_matter(batch: list[list[Instruction]], random: object) -> None:
    network = Network(torch.float64)
    order = list(range(len(batch)))
    random.shuffle(order)  # type: ignore[attr-defined]

    def values(order: list[int]) -> dict[int, list[Tensor]]:
        given_tensors = [torch.ones(5, dtype=torch.float64)]
        with fold.batching(), torch.no_grad():
            made = {i: run(network, batch[i], given_tensors) for i in order}
            return {i: [fold.value(thing) for thing in things] for i, things in made.items()}

    straight, shuffled = values(sorted(order)), values(order)
    for i in order:
        for one, other in zip(straight[i], shuffled[i], strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_program_of_known_structure_is_planned_once() -> None:
    from codling.fold.tape import plan_cache

    network = Network(torch.float64)
    program = [Instruction("cell", (i, i + 1, 0), 1) for i in range(12)]
    results = []
    for _ in range(3):
        before = plan_cache.hits
        with fold.batching() as tape:
            states = run(network, program, [torch.ones(5, dtype=torch.float64)])
            results.append(fold.stack(states))
        hit = plan_cache.hits - before
    assert hit == 1 and tape.reports[0].cached
    assert torch.equal(results[1], results[2])
