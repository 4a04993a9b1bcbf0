"""The two front doors, control flow by values, sharing, what explain says."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import random
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from codling import fold


class Encoder(nn.Module):
    """A TreeLSTM over nested pairs of words."""

    def __init__(self, hidden: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, hidden)
        self.drop = nn.Dropout(dropout)
        self.project = nn.Linear(hidden, 2 * hidden)
        self.cell = fold.TreeLSTMCell(hidden)
        self.score = fold.batchable(nn.Linear(hidden, 1))

    @fold.batchable
    def leaf(self, word: Tensor) -> fold.TreeState:
        return fold.TreeState(*self.project(self.drop(self.embed(word))).chunk(2, 1))

    def encode(self, tree: Any) -> Any:
        return self.leaf(tree) if isinstance(tree, int) else self.cell(self.encode(tree[0]), self.encode(tree[1]))


def random_tree(rng: random.Random, leaves: int) -> Any:
    if leaves == 1:
        return rng.randrange(10)
    left = rng.randint(1, leaves - 1)
    return random_tree(rng, left), random_tree(rng, leaves - left)


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder().double()


@pytest.fixture
def trees() -> list[Any]:
    rng = random.Random(3)
    return [random_tree(rng, rng.randint(1, 12)) for _ in range(20)]


def depth(tree: Any) -> int:
    return 0 if isinstance(tree, int) else 1 + max(map(depth, tree))


def test_trees_run_in_as_many_batches_as_the_deepest_has_levels(encoder: Encoder, trees: list[Any]) -> None:
    fold.stack([encoder.encode(tree) for tree in trees])  # eagerly: nothing is recorded
    with fold.batching():
        encoder.encode((1, ((2, 3), 4)))  # forms of results are learnt
    with fold.batching() as tape:
        roots = [encoder.encode(tree) for tree in trees]
    states = fold.stack(roots)
    assert isinstance(states, fold.TreeState) and states.h.shape == (20, 4)
    explanation = fold.explain(tape)
    assert explanation.num_batches == 1 + max(map(depth, trees))
    assert f"{explanation.num_nodes:,} operations became {explanation.num_batches} batches" in str(explanation)
    assert "test_doors.py:" in str(explanation) and "in encode" in str(explanation)
    svg = explanation.svg()
    assert svg.startswith("<svg") and svg.count("<circle") == explanation.num_nodes


class Named(nn.Module):
    """As TorchFold has it: methods by name, tensors with a first dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.merge = nn.Linear(8, 8)
        self.logits = nn.Linear(4, 3)

    def leaf(self, word: Tensor) -> tuple[Tensor, Tensor]:
        assert word.dtype == torch.int64
        return self.embed(word), torch.zeros(len(word), 4)

    def children(self, lh: Tensor, lc: Tensor, rh: Tensor, rc: Tensor) -> tuple[Tensor, Tensor]:
        h, c = self.merge(torch.cat([lh, rh], 1)).chunk(2, 1)
        return torch.tanh(h), c + lc + rc

    def attend(self, query: Tensor, table: Tensor) -> Tensor:
        assert table.shape == (1, 4)
        return query * table

    def start(self) -> Tensor:
        return self.embed.weight[:1]


def add_tree(door: Any, tree: Any) -> Any:
    if isinstance(tree, int):
        return door.add("leaf", tree).split(2)
    (lh, lc), (rh, rc) = add_tree(door, tree[0]), add_tree(door, tree[1])
    return door.add("children", lh, lc, rh, rc).split(2)


def test_the_explicit_door_equals_its_twin_that_runs_at_once(trees: list[Any]) -> None:
    torch.manual_seed(0)
    network = Named()
    results = []
    for door in (fold.Fold(), fold.Unfold(network)):
        network.zero_grad()
        table = door.add("start").nobatch()
        logits = [door.add("logits", door.add("attend", add_tree(door, tree)[0], table)) for tree in trees]
        given = door.add("logits", torch.ones(1, 4))
        scores, labels, constant = door.apply(network, [logits, list(range(len(trees))), [given]])
        assert scores.shape == (20, 3) and constant.shape == (1, 3) and labels.tolist() == list(range(20))
        scores.logsumexp(1).sum().backward()
        results.append([scores, *(p.grad for p in network.parameters())])
        if isinstance(door, fold.Fold):
            assert "in add_tree" in str(fold.explain(door))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_what_is_added_leaves_the_garbage_collector_nothing_to_look_at() -> None:
    door = fold.Fold()
    gc.collect()
    before = len(gc.get_objects())
    root = functools.reduce(
        lambda left, _: door.add("children", *left, *left).split(2), range(5_000), door.add("leaf", 1).split(2)
    )
    assert len(gc.get_objects()) - before < 50
    assert len(root) == 2


def test_1_and_true_are_different_constants() -> None:
    @fold.batchable(share=True)
    def form(x: Tensor) -> Tensor:
        return torch.full((len(x),), {torch.int64: 1, torch.bool: 2, torch.float32: 3}[x.dtype])

    with fold.batching():
        nodes = [form(1), form(True), form(1.0), form(1), form(True)]
        assert [node.item() for node in nodes] == [1, 2, 3, 1, 2]

    @fold.batchable(share=True)
    def reciprocal(x: Tensor) -> Tensor:
        return 1 / x

    with fold.batching():
        fold.stack([reciprocal(1.0)])
        assert fold.stack([reciprocal(0.0), reciprocal(-0.0)]).tolist() == [float("inf"), float("-inf")]


def test_two_widths_under_one_name() -> None:
    @fold.batchable
    def double(x: Tensor) -> Tensor:
        return 2 * x

    with fold.batching() as tape:
        nodes = [double(torch.ones(1 + i % 2)) for i in range(10)]
        assert [node.value.tolist() for node in nodes] == [[2.0] * (1 + i % 2) for i in range(10)]
    assert fold.explain(tape).num_batches <= 4  # the two that were learnt, and one of each


@pytest.mark.parametrize("share", [None, True, False])
def test_equal_calls_are_one_only_where_that_is_sound(share: bool | None) -> None:
    calls = []

    @fold.batchable(share=share)
    def noisy(x: Tensor) -> Tensor:
        calls.append(len(x))
        return torch.rand(len(x))

    with fold.batching():
        fold.stack([noisy(3)])
        calls.clear()
        fold.stack([noisy(3) for _ in range(6)])
    assert sum(calls) == 6

    @fold.batchable(share=share)
    def plain(x: Tensor) -> Tensor:
        calls.append(len(x))
        return x * 2

    calls.clear()
    with fold.batching():
        fold.stack([plain(3)])
        assert fold.stack([plain(4) for _ in range(6)]).tolist() == [8] * 6
    assert sum(calls) == (2 if share else 7)

    table = fold.batchable(nn.Embedding(5, 2))
    with fold.batching():
        fold.stack([table(1)])
        again = [table(word) for word in (1, 2, 1, 1, 2)]
        assert len({node.ref for node in again}) == 2
        assert torch.equal(fold.stack(again), table.weight[torch.tensor([1, 2, 1, 1, 2])])


def test_dropout_is_never_shared() -> None:
    drop = fold.batchable(nn.Dropout(0.5), share=True)
    ones = torch.ones(64)
    with fold.batching():
        fold.stack([drop(ones)])
        one, other = drop(ones), drop(ones)
        assert not torch.equal(one.value, other.value)
        arithmetic = [torch.dropout(one, 0.5, True) for _ in range(3)]
        assert len({tuple(row) for row in fold.stack(arithmetic).tolist()}) == 3
    drop.eval()
    with fold.batching():
        fold.stack([drop(ones)])
        assert drop(ones).ref == drop(ones).ref


def descend(encoder: Encoder, tree: Any) -> Any:
    """Walk down, at each fork to the side with the better score: what comes next depends on values."""
    path, state = [], encoder.encode(tree)
    while not isinstance(tree, int):
        left, right = encoder.encode(tree[0]), encoder.encode(tree[1])
        goes_left = bool(encoder.score(left.h) > encoder.score(right.h))
        path.append(goes_left)
        tree = tree[0] if goes_left else tree[1]
        state = encoder.cell(state, left if goes_left else right)
    return path, encoder.score(state.h)


def asking(encoder: Encoder, tree: Any) -> Any:
    path, state = [], encoder.encode(tree)
    while not isinstance(tree, int):
        left, right = encoder.encode(tree[0]), encoder.encode(tree[1])
        goes_left = bool((yield encoder.score(left.h) > encoder.score(right.h)))
        path.append(goes_left)
        tree = tree[0] if goes_left else tree[1]
        state = encoder.cell(state, left if goes_left else right)
    return path, encoder.score(state.h)


def test_programs_that_look_at_values_run_together(encoder: Encoder, trees: list[Any]) -> None:
    with fold.eager():
        expected = [descend(encoder, tree) for tree in trees]
        grads = torch.autograd.grad(fold.stack([score for _, score in expected]).sum(), encoder.cell.weight)
    for program in (descend, asking):

        def one(tree: Any, program: Any = program) -> Any:
            return program(encoder, tree)

        def generator(tree: Any) -> Any:
            return (yield from asking(encoder, tree))

        with fold.batching() as tape:
            got = fold.together(generator if program is asking else one, trees)
        assert [path for path, _ in got] == [path for path, _ in expected]
        scores = fold.stack([score for _, score in got])
        torch.testing.assert_close(scores, fold.stack([score for _, score in expected]))
        assert torch.allclose(torch.autograd.grad(scores.sum(), encoder.cell.weight)[0], grads[0], rtol=1e-10)
        steps = max(len(path) for path, _ in got)
        assert len(tape.reports) <= steps + 12  # one run per step for all, and what was learnt; not one per example
    with fold.eager():
        assert [path for path, _ in fold.together(generator, trees)] == [path for path, _ in expected]


def test_an_error_in_one_program_stops_all(encoder: Encoder, trees: list[Any]) -> None:
    def program(tree: Any) -> Any:
        score = encoder.score(encoder.encode(tree).h).item()
        if tree is trees[7]:
            raise KeyError("seven")
        return score

    with pytest.raises(KeyError, match="seven"), fold.batching():
        fold.together(program, trees)


def test_values_can_be_asked_for_at_any_time(encoder: Encoder) -> None:
    with fold.batching() as tape:
        first = encoder.score(encoder.encode((1, 2)).h)
        assert isinstance(first.item(), float) and first.shape == (1,)
        runs = len(tape.reports)
        assert first.value.shape == (1,) and len(tape.reports) == runs  # it is there already
        later = encoder.score(encoder.encode((1, 2)).h) + first * 2 - 1
    torch.testing.assert_close(later.value, 3 * first.value - 1)
    after = encoder.score(encoder.leaf(3).h)  # outside: at once
    assert isinstance(after, Tensor) and after.shape == (1,)
    mixed = encoder.cell(encoder.leaf(3), encoder.leaf(4))
    with fold.batching():
        inner = encoder.cell(mixed, encoder.leaf(1))
        assert torch.equal(inner.value.h, encoder.cell(mixed, encoder.leaf(1)).value.h)


def test_no_grad_and_frozen_parts(encoder: Encoder, trees: list[Any]) -> None:
    with torch.no_grad(), fold.batching():
        assert not fold.stack([encoder.encode(tree).h for tree in trees]).requires_grad
    with fold.batching():
        with torch.no_grad():
            fixed = [encoder.encode(tree) for tree in trees]
        trained = [encoder.score(state.h) for state in fixed]
        fold.stack(trained).sum().backward()
    assert encoder.score.weight.grad is not None and encoder.cell.weight.grad is None


def test_what_a_loss_does_not_reach_gets_no_gradient(encoder: Encoder) -> None:
    with fold.batching():
        scored, unscored = encoder.leaf(1), encoder.score(encoder.cell(encoder.leaf(2), encoder.leaf(3)).h)
        assert unscored.value.shape == (1,)
        scored.value.h.sum().backward()
    assert encoder.embed.weight.grad is not None
    assert encoder.cell.weight.grad is None and encoder.score.weight.grad is None


def test_backward_twice_adds_up(encoder: Encoder, trees: list[Any]) -> None:
    with fold.batching():
        loss = fold.stack([encoder.encode(tree).h for tree in trees]).sum()
    loss.backward(retain_graph=True)
    once = encoder.cell.weight.grad.clone()
    loss.backward()
    torch.testing.assert_close(encoder.cell.weight.grad, 2 * once)


def test_a_program_is_forgotten_with_its_nodes(encoder: Encoder) -> None:
    gc.collect()
    gc.disable()
    try:
        with fold.batching() as tape:
            out = fold.stack([encoder.encode((1, (2, 3))).h])
        segments = [weakref.ref(value) for segment in tape._results.segments for value in segment.values]
        out.sum().backward()
        del out, tape
        assert not any(reference() is not None for reference in segments)
    finally:
        gc.enable()


def test_copies_and_pickles_of_batchable_modules(encoder: Encoder, trees: list[Any]) -> None:
    with fold.batching():
        expected = fold.stack([encoder.score(encoder.encode(tree).h) for tree in trees])
    for twin in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert list(twin.state_dict()) == list(encoder.state_dict())
        with torch.no_grad():
            twin.score.bias += 1
        with fold.batching():
            got = fold.stack([twin.score(twin.encode(tree).h) for tree in trees])
        torch.testing.assert_close(got, expected + 1)
    assert isinstance(encoder.score, nn.Linear)


def test_a_module_moved_to_another_dtype(encoder: Encoder, trees: list[Any]) -> None:
    for dtype in (torch.float64, torch.float32, torch.float64):
        encoder.to(dtype)
        with fold.batching():
            assert fold.stack([encoder.encode(tree).h for tree in trees]).dtype == dtype


def test_a_hook_or_another_forward_is_heeded_from_the_next_program_on(encoder: Encoder) -> None:
    def run() -> Tensor:
        with fold.batching():
            return fold.stack([encoder.cell(encoder.leaf(1), encoder.leaf(2)).h])

    run()
    plain = run()  # by the kernel
    hook = encoder.cell.register_forward_hook(lambda _cell, _args, out: fold.TreeState(out.h + 1, out.c))
    torch.testing.assert_close(run(), plain + 1)
    hook.remove()
    torch.testing.assert_close(run(), plain)
    encoder.cell.forward = lambda *states: states[0]  # type: ignore[method-assign]
    assert torch.equal(run()[0], encoder.leaf(1).h)
    del encoder.cell.forward
    torch.testing.assert_close(run(), plain)


def test_what_is_shared_lives_as_long_as_programs_share_it() -> None:
    attend = fold.batchable(lambda x, table: x @ table, name="attend")
    table, passing = torch.ones(2, 2), list[weakref.ref[Tensor]]()
    for _ in range(20):
        mask = torch.ones(2)
        passing.append(weakref.ref(mask))
        with fold.batching() as tape:
            nodes = [attend(torch.ones(2), fold.shared(table)) * mask for _ in range(3)]
            nodes += [attend(torch.ones(2), fold.shared(torch.diag(mask))) for _ in range(3)]
            assert fold.stack(nodes).sum() == 3 * 4 + 3 * 2
        of_table = tape.kinds[0]
        del nodes, tape, mask
    gc.collect()
    assert sum(reference() is not None for reference in passing) <= 2
    with fold.batching() as tape:  # the table that all programs share is no new one each time
        attend(torch.ones(2), fold.shared(table)).value  # noqa: B018
    assert tape.kinds == [of_table]


@pytest.mark.parametrize("value", [5, -3, True, False, 2.5])
def test_operators_are_those_of_tensors(value: float) -> None:
    tensor, other = torch.tensor(value), torch.tensor(3 if type(value) is int else value)
    same = fold.batchable(lambda x: x, name="same")
    sums = [lambda x: -x, lambda x: +x, abs, lambda x: x % 2, lambda x: 7 % (x + 9), lambda x: 7 // (x + 9)]
    if type(value) is not float:
        bits = (lambda x: ~x, lambda x: x & other, lambda x: x | other, lambda x: x ^ other, lambda x: 1 & x)
        sums = [*bits, *(sums if type(value) is int else ())]
    else:
        sums += [lambda x: x / 0.0, lambda x: x / -0.0]
    for function in sums:
        with fold.batching():
            lazy = function(same(tensor)).value
        assert torch.equal(lazy, function(tensor)) and lazy.dtype == function(tensor).dtype
