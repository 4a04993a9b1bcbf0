"""The pointer to the recent past: windows, documents, and the mixture it makes."""

import pytest
import torch

from codling.lm.config import ModelConfig
from codling.lm.nets import RecurrentLM
from codling.lm.pointer import Pointer, PointerState

VOCAB = 12


def _pointer(window=5):
    torch.manual_seed(1)
    pointer = Pointer(6, 4, window)
    torch.nn.init.normal_(pointer.heads.weight)  # far from uniform
    return pointer


def _empty(batch, pointer):
    return PointerState(
        torch.zeros(batch, pointer.window * pointer.size),
        torch.zeros(batch, pointer.window),
        torch.zeros(batch, pointer.size),
    )


def test_a_position_looks_at_the_last_tokens_of_its_own_document_only():
    pointer = _pointer(window=3)
    tokens = torch.tensor([[5, 6, 7, 8, 0, 9, 4]])
    pointing, _ = pointer(torch.randn(1, 7, 6), tokens, _empty(1, pointer))
    seen = [sorted(pointing.tokens_BS[0, pointing.weights_BTS[0, t] > 0].tolist()) for t in range(7)]
    assert seen == [[5], [5, 6], [5, 6, 7], [6, 7, 8], [], [9], [4, 9]]
    sums = pointing.weights_BTS.sum(-1)[0]
    torch.testing.assert_close(sums, torch.tensor([1.0, 1, 1, 1, 0, 1, 1]))
    assert pointing.log_gate_BT[0, 4] < -100  # nothing to point at: all is left to the softmax


@pytest.mark.parametrize("cuts", [(1,), (4,), (2, 3, 9), (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)])
def test_windows_do_not_matter(cuts):
    pointer = _pointer()
    tokens = torch.randint(1, VOCAB, (2, 11))
    tokens[1, 6] = 0
    x = torch.randn(2, 11, 6)
    uniform = torch.full((2, 11, VOCAB), 1 / VOCAB).log()
    whole, _ = pointer(x, tokens, _empty(2, pointer))
    state, parts = _empty(2, pointer), []
    for start, end in zip((0, *cuts), (*cuts, 11), strict=True):
        pointing, state = pointer(x[:, start:end], tokens[:, start:end], state)
        parts.append(pointing.mixed(uniform[:, start:end]))
    torch.testing.assert_close(torch.cat(parts, dim=1), whole.mixed(uniform))


def test_the_mixture_is_a_distribution_and_agrees_with_the_targets_own_probability():
    pointer = _pointer()
    tokens = torch.randint(1, VOCAB, (3, 9))
    pointing, _ = pointer(torch.randn(3, 9, 6), tokens, _empty(3, pointer))
    log_probs = torch.randn(3, 9, VOCAB).log_softmax(-1)
    mixed = pointing.mixed(log_probs)
    torch.testing.assert_close(mixed.exp().sum(-1), torch.ones(3, 9))
    targets = torch.randint(1, VOCAB, (3, 9))
    own = log_probs.gather(2, targets[..., None])[..., 0] + pointing.log_rest_BT
    both = torch.logaddexp(own, pointing.log_prob_of(targets))
    torch.testing.assert_close(both, mixed.gather(2, targets[..., None])[..., 0])


def test_a_network_with_a_pointer_learns_to_copy():
    """Each document repeats eight random tokens: nothing but the past tells what comes next."""
    torch.manual_seed(0)
    config = ModelConfig(num_layers=1, hidden_size=24, embedding_size=12, tied=True, pointer_size=16, pointer_window=16)
    model = RecurrentLM(config, 40)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(250):
        tokens = torch.randint(1, 40, (16, 8)).repeat(1, 3)
        log_probs, _ = model(tokens[:, :-1], model.initial_state(16))
        log_probs = log_probs.log_softmax(-1)
        loss = torch.nn.functional.nll_loss(log_probs[:, 8:].flatten(0, 1), tokens[:, 9:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 1.5  # chance is 3.7 nats
