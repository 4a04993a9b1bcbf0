"""Schedules and plans: valid, as short as they can be, kept by structure and forgotten by size."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from codling import fold
from codling.fold.kind import Kind
from codling.fold.plan import Plan, PlanCache
from codling.fold.schedule import by_agenda, by_depth


def kind(name: str) -> Kind:
    return Kind(name, lambda: None, (), {}, True, False, None, None, None)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_both_schedules_run_everything_once_and_after_what_it_needs(data: st.DataObject) -> None:
    kinds = [kind(name) for name in "abc"]
    num = data.draw(st.integers(1, 30))
    nodes = [data.draw(st.sampled_from(kinds)) for _ in range(num)]
    inputs = [data.draw(st.lists(st.integers(0, i - 1), max_size=3)) if i else [] for i in range(num)]
    depths: list[int] = []
    for needed in inputs:
        depths.append(1 + max((depths[each] for each in needed), default=-1))
    edges = np.array([(each, i) for i, needed in enumerate(inputs) for each in needed], np.int64).reshape(-1, 2).T
    for schedule in (by_depth(nodes, depths), by_agenda(nodes, *edges, depths)):
        done: set[int] = set()
        for each, members in schedule:
            members = members.tolist()
            assert all(nodes[node] is each for node in members)
            assert all(needed in done for node in members for needed in inputs[node])
            assert not done & set(members) and len(members) == len(set(members))
            done |= set(members)
        assert done == set(range(num))


@fold.batchable
def grow(x: Tensor) -> Tensor:
    return torch.tanh(x + 1)


def test_the_agenda_waits_for_what_ends_at_different_depths() -> None:
    score = fold.batchable(nn.Linear(2, 1))
    ones = torch.ones(2)

    def program(length: int) -> object:
        state = grow(ones)
        for _ in range(length):
            state = grow(state)
        return score(state)

    with fold.batching():
        program(1)
    with fold.batching() as tape:
        fold.stack([program(length) for length in range(6)])
    (report,) = tape.reports
    assert report.schedule == "agenda"
    assert len(report.batches) == 1 + 5 + 1  # first steps, which take a tensor; five further; all scores at once
    assert report.other_batches == 1 + 5 + 6


def test_plans_are_forgotten_when_there_are_too_many() -> None:
    cache = PlanCache(max_nodes=25)
    plans = [Plan([], [], "depth", 0) for _ in range(4)]
    for i, plan in enumerate(plans):
        plan.nodes = torch.arange(10).numpy()
        cache.put(bytes([i]), plan)
        assert cache.get(bytes([i])) is plan
    assert [cache.get(bytes([i])) is not None for i in range(4)] == [False, False, True, True]
    assert cache.num_nodes == 20 and cache.misses == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_cached_plan_takes_new_values(seed: int) -> None:
    rng = random.Random(seed)
    embed = fold.batchable(nn.Embedding(50, 3))
    cell = fold.TreeLSTMCell(3)
    leaf = fold.batchable(lambda x: fold.TreeState(x, x), name="leaf")
    words = [[rng.randrange(50) for _ in range(4)] for _ in range(4)]

    def program(words: list[int]) -> object:
        a, b, c, d = (leaf(embed(word)) for word in words)
        return cell(cell(a, b), cell(c, d)).h

    for one in words:
        with fold.batching():
            batched = fold.stack([program(one)])
        with fold.eager():
            torch.testing.assert_close(batched, fold.stack([program(one)]), rtol=1e-5, atol=1e-6)
