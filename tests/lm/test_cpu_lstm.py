"""The LSTM layer that is written out for the CPU, against torch.nn.LSTM."""

import pytest
import torch

from codling.lm.cpu_lstm import cpu_lstm


def _layer_and_input():
    torch.manual_seed(3)
    layer = torch.nn.LSTM(5, 7, batch_first=True)
    x = torch.randn(4, 6, 5, requires_grad=True)
    h, c = torch.randn(4, 7, requires_grad=True), torch.randn(4, 7, requires_grad=True)
    return layer, x, h, c


def _run(layer, x, h, c, dtype):
    weight_ih, weight_hh, bias_ih, bias_hh = layer.parameters()
    return cpu_lstm(x, h, c, weight_ih, weight_hh, bias_ih + bias_hh, dtype)


def test_outputs_and_gradients_are_those_of_pytorchs_lstm():
    layer, x, h, c = _layer_and_input()
    leaves = [x, h, c, *layer.parameters()]
    weights = [torch.randn(4, 6, 7), torch.randn(4, 7), torch.randn(4, 7)]

    y, (h_after, c_after) = layer(x, (h[None], c[None]))
    expected = [y, h_after[0], c_after[0]]
    expected_grads = torch.autograd.grad(sum((w * o).sum() for w, o in zip(weights, expected, strict=True)), leaves)
    found = _run(layer, x, h, c, torch.float32)
    found_grads = torch.autograd.grad(sum((w * o).sum() for w, o in zip(weights, found, strict=True)), leaves)

    for ours, theirs in zip([*found, *found_grads], [*expected, *expected_grads], strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=1e-5)


def test_bfloat16_stays_near_float32_and_keeps_the_state_in_float32():
    layer, x, h, c = _layer_and_input()
    exact = _run(layer, x, h, c, torch.float32)
    rough = _run(layer, x, h, c, torch.bfloat16)
    assert rough[0].dtype is torch.bfloat16 and rough[1].dtype is rough[2].dtype is torch.float32
    for ours, theirs in zip(rough, exact, strict=True):
        torch.testing.assert_close(ours.float(), theirs, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_two_windows_are_one(cut):
    layer, x, h, c = _layer_and_input()
    whole, h_whole, c_whole = _run(layer, x, h, c, torch.float32)
    first, h_first, c_first = _run(layer, x[:, :cut], h, c, torch.float32)
    second, h_second, c_second = _run(layer, x[:, cut:], h_first, c_first, torch.float32)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(h_second, h_whole)
    torch.testing.assert_close(c_second, c_whole)
