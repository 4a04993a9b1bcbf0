"""What is wrong, in which node, and where in the user's code that node was made."""

from __future__ import annotations

import inspect

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


def test_after_an_error_the_rest_can_still_be_asked_for() -> None:
    @fold.batchable
    def half(x: Tensor) -> Tensor:
        if (x % 2 == 1).any():
            raise ValueError("odd")
        return x // 2

    with fold.batching():
        assert half(8).item() == 4
        bad = half(3)
        with pytest.raises(fold.FoldError, match="odd"):
            bad.item()


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
