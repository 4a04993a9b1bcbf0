"""What is wrong, in which node, and where in the user's code that node was made."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest
import torch
from torch import Tensor, nn

from codling import fold


def line_of(text: str, function: object) -> int:
    lines, first = inspect.getsourcelines(function)  # type: ignore[arg-type]
    return first + next(i for i, line in enumerate(lines) if text in line)


def test_an_operation_that_fails_names_the_node_and_its_line() -> None:
    embed = fold.batchable(nn.Embedding(10, 2))

    def program() -> list[object]:
        words = [embed(word) for word in range(10)]
        words.append(embed(77))  # the culprit
        return [*words, *(embed(word) for word in range(9))]

    with fold.batching():
        embed(0).value  # noqa: B018
        nodes = program()
        line = line_of("the culprit", program)
        with pytest.raises(
            fold.FoldError, match=rf"Embedding.*test_errors.py:{line} in program.*index out of range"
        ) as e:
            fold.stack(nodes)
        assert "node 11," in str(e.value)
        assert isinstance(e.value.__cause__, IndexError)
    with fold.eager(), pytest.raises(IndexError):
        program()


def test_a_result_without_a_row_for_each_example() -> None:
    @fold.batchable
    def total(x: Tensor) -> Tensor:
        return x.sum(0)

    with (
        fold.batching(),
        pytest.raises(fold.FoldError, match=r"total.*result of shape \[3\] for 1 examples.*one row for"),
    ):
        total(torch.ones(3))


def test_a_result_that_changes_its_form() -> None:
    width = 2

    @fold.batchable
    def drifting(x: Tensor) -> Tensor:
        return torch.zeros(len(x), width)

    with fold.batching():
        drifting(1)
        width = 3
        node = drifting(2)
        with pytest.raises(fold.FoldError, match=r"float32\[3\].*float32\[2\].*keyword argument"):
            node.value  # noqa: B018


def test_asking_inside_an_operation() -> None:
    @fold.batchable
    def plain(x: Tensor) -> Tensor:
        return x

    with fold.batching():
        other = plain(1)

        @fold.batchable
        def curious(x: Tensor) -> Tensor:
            return x + plain(other).value

        with pytest.raises(fold.FoldError, match="inside a batchable operation"):
            curious(3)


def test_mistakes_at_the_door() -> None:
    @fold.batchable(ragged=True)
    def total(items: fold.Ragged) -> Tensor:
        return items.sum(items.value)

    with fold.batching():
        one, other = total([torch.ones(2)]), torch.ones(3)
        with pytest.raises(fold.FoldError, match=r"list of both float32\[2\] and float32\[3\]"):
            total([one, other])
        with pytest.raises(fold.FoldError, match="pass it by position"):
            total([one], scale=torch.ones(2))
        with pytest.raises(fold.FoldError, match="in place"):
            one.add_(1)
        with pytest.raises(fold.FoldError, match="takes nodes of one form"):
            fold.stack([one, total([other])])
        with pytest.raises(AttributeError, match="has no 'colour'"):
            one.colour  # noqa: B018
    with pytest.raises(fold.FoldError, match="got no nodes"):
        fold.stack([])
    with pytest.raises(fold.FoldError, match=r"function or an nn\.Module"):
        fold.batchable(3)
    door = fold.Fold()
    node = door.add("nothing", 1)
    with pytest.raises(fold.FoldError, match="Linear has no operation 'nothing'"):
        door.apply(nn.Linear(1, 1), [[node]])


def test_after_an_error_what_had_run_can_still_be_asked_for() -> None:
    @fold.batchable
    def half(x: Tensor) -> Tensor:
        if (x % 2 == 1).any():
            raise ValueError("odd")
        return x // 2

    with fold.batching():
        good = half(8)
        assert good.item() == 4
        bad = half(3)
        for _ in range(2):
            with pytest.raises(fold.FoldError, match="odd"):
                bad.item()
        assert good.item() == 4


@pytest.mark.parametrize("form", [torch.ones(2), torch.ones(3)])
def test_a_call_of_a_new_form_that_fails_is_no_part_of_the_program(form: Tensor) -> None:
    linear = fold.batchable(nn.Linear(2, 2))
    with fold.batching() as tape:
        node = linear(torch.ones(2))
        recorded = len(tape.kinds)
        with pytest.raises(fold.FoldError, match=r"Linear.*failed for node 1"):
            linear(torch.ones(5))
        assert len(tape.kinds) == len(tape.starts) == len(tape.places or ()) == recorded
        node = linear(node)  # and so the rest runs
        other = fold.batchable(lambda x: 2 * x)(form)
        assert node.value.shape == (2,) and torch.equal(other.value, 2 * form)


def test_a_run_that_failed_can_be_tried_again() -> None:
    memory_left = True
    linear = fold.batchable(nn.Linear(3, 3))

    @fold.batchable
    def hungry(x: Tensor) -> Tensor:
        if not memory_left:
            raise MemoryError
        return torch.tanh(linear.forward(x))

    def program() -> list[object]:
        return [hungry(hungry(linear(torch.full((3,), float(i))))) for i in range(4)]

    gradients = []
    for fails in (False, False, True):  # first the forms are learnt, then the plan; the third time it is known
        linear.zero_grad()
        with fold.batching() as tape:
            nodes = program()
        if fails:
            memory_left = False
            with pytest.raises(fold.FoldError, match="MemoryError"):
                fold.stack(nodes)
            memory_left = True
        fold.stack(nodes).sum().backward()
        gradients.append(linear.weight.grad.clone())
    assert tape.reports[-1].cached
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(gradients[1], gradients[0])
    torch.testing.assert_close(gradients[2], gradients[0])


def test_a_tensor_that_is_changed_after_it_was_passed() -> None:
    double = fold.batchable(lambda x: 2 * x, name="double")
    with fold.batching():
        double(torch.ones(2)).value  # noqa: B018
        x = torch.ones(2)
        nodes = [double(x), double(x)]
        x += 1
        with pytest.raises(fold.FoldError, match=r"float32\[2\] was changed in place after .* to double.*pass a clone"):
            fold.stack(nodes)
    with fold.batching():
        x = torch.ones(2)
        early, x = double(x), x + 1
        assert (early.value, double(x).value)[0].tolist() == [2, 2]
    with torch.inference_mode(), fold.batching():  # where nobody counts changes
        assert double(torch.ones(2)).value.tolist() == [2, 2]


@pytest.mark.parametrize("kernel", [True, False])
def test_weights_that_are_changed_before_the_backward_pass(kernel: bool) -> None:
    cell = fold.TreeLSTMCell(2)
    leaf = fold.batchable(lambda x: fold.TreeState(x, x), name="leaf")
    if not kernel:
        cell.register_forward_hook(lambda *_: None)
    for _ in range(2):
        with fold.batching():
            x = leaf(torch.ones(2))
            loss = fold.stack([cell(cell(x, x), x).h]).sum()
    with torch.no_grad():
        cell.weight *= 2
    with pytest.raises((fold.FoldError, RuntimeError), match=r"in ?place"):
        loss.backward()


def test_nodes_do_not_travel() -> None:
    with fold.batching():
        node = fold.batchable(lambda x: x, name="same")(torch.ones(2))
    assert copy.copy(node) is node
    for travel in (copy.deepcopy, pickle.dumps):
        with pytest.raises(fold.FoldError, match="ask for its value first"):
            travel(node)


def test_gradients_of_gradients_are_refused() -> None:
    linear, cell = fold.batchable(nn.Linear(2, 2)), fold.TreeLSTMCell(2)
    leaf = fold.batchable(lambda x: fold.TreeState(x, x), name="leaf")
    for _ in range(2):  # with the kernel, the second time
        x = torch.ones(2, requires_grad=True)
        for result in (linear, lambda x: cell(leaf(x), leaf(x)).h):
            with fold.batching():
                loss = fold.stack([result(x)]).sum()
            with pytest.raises(fold.FoldError, match=r"gradients of gradients.*eager"):
                torch.autograd.grad(loss, x, create_graph=True)
        with fold.eager():
            loss = linear(x).square().sum()
        (slope,) = torch.autograd.grad(loss, x, create_graph=True)
        assert slope.requires_grad


def test_settings_that_calls_cannot_be_grouped_by() -> None:
    @fold.batchable
    def scaled(x: Tensor, **settings: object) -> Tensor:
        (factor,) = settings["by"]  # type: ignore[misc]
        return x * (2 if factor is True else factor)

    with fold.batching():
        assert [scaled(3, by=by).item() for by in ([1], (1,), (True,), [True])] == [3, 3, 6, 6]
        with pytest.raises(fold.FoldError, match=r"scaled got a setting.*shared"):
            scaled(3, by={1})
        assert scaled(3, by=fold.shared({4})).item() == 12
