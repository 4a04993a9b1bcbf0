"""The loss that looks at a window's own tokens, against the full softmax."""

import math

import torch
from torch.nn import functional

from codling.lm.sampled import candidates_of, linear_cross_entropy


def _data(num=1_200, vocab=50, width=8):
    torch.manual_seed(5)
    x = torch.randn(num, width, requires_grad=True)
    weight = torch.randn(vocab, width, requires_grad=True)
    bias = torch.randn(vocab, requires_grad=True)
    return x, weight, bias, torch.randint(0, 30, (num,))


def test_over_all_tokens_it_is_cross_entropy_with_its_gradients():
    x, weight, bias, targets = _data()  # more rows than one block
    logits = functional.linear(x, weight, bias)
    expected = functional.cross_entropy(logits, targets)
    expected_grads = torch.autograd.grad(expected * 3, [x, weight, bias])
    loss, num_right = linear_cross_entropy(x, weight, bias, targets, torch.float32)
    found_grads = torch.autograd.grad(loss * 3, [x, weight, bias])
    torch.testing.assert_close(loss, expected)
    assert num_right == (logits.argmax(-1) == targets).sum()
    for ours, theirs in zip(found_grads, expected_grads, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_as_part_of_a_mixture_it_is_the_mixtures_cross_entropy():
    x, weight, bias, targets = _data()
    raw = torch.randn(len(targets), 2, requires_grad=True)
    share, other = functional.logsigmoid(raw[:, 0]), functional.logsigmoid(raw[:, 1]) - 3
    own = functional.linear(x, weight, bias).log_softmax(-1).gather(1, targets[:, None])[:, 0]
    expected = -torch.logaddexp(share + own, other).mean()
    expected_grads = torch.autograd.grad(expected, [x, weight, bias, raw], retain_graph=True)
    loss, _ = linear_cross_entropy(x, weight, bias, targets, torch.float32, torch.stack([share, other], dim=1))
    found_grads = torch.autograd.grad(loss, [x, weight, bias, raw])
    torch.testing.assert_close(loss, expected)
    for ours, theirs in zip(found_grads, expected_grads, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_candidates_are_the_targets_and_some_others_that_stand_for_the_rest():
    targets = torch.tensor([7, 3, 7, 9])
    ids, log_weights, places = candidates_of(targets, vocab_size=100, num_others=10)
    assert ids[:3].tolist() == [3, 7, 9]
    assert ids[places].tolist() == targets.tolist()
    assert len(set(ids.tolist())) == 13
    assert log_weights[:3].tolist() == [0, 0, 0]
    assert torch.allclose(log_weights[3:], torch.tensor(math.log(97 / 10)))


def test_without_a_number_all_tokens_are_candidates():
    ids, log_weights, _ = candidates_of(torch.tensor([4, 4]), vocab_size=6, num_others=0)
    assert sorted(ids.tolist()) == list(range(6)) and log_weights.abs().sum() == 0


def test_the_sampled_normaliser_is_right_on_average():
    x, weight, bias, targets = _data(num=40)
    full = functional.linear(x, weight, bias).exp().sum(dim=1)
    estimates = []
    for _ in range(2_000):
        ids, log_weights, _ = candidates_of(targets, vocab_size=50, num_others=8)
        estimates.append((functional.linear(x, weight[ids], bias[ids]) + log_weights).exp().sum(dim=1))
    torch.testing.assert_close(torch.stack(estimates).mean(0), full, rtol=0.1, atol=0)
