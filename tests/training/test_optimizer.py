"""The learning rate over time, and what AdamW decays."""

from __future__ import annotations

import itertools

import pytest
import torch

from codling.errors import ConfigError
from codling.training.config import OptimConfig
from codling.training.optimizer import learning_rate, make_optimizer


@pytest.mark.parametrize("schedule", ["constant", "cosine", "linear"])
def test_it_warms_up_peaks_and_ends_where_it_should(schedule):
    config = OptimConfig(lr=0.1, schedule=schedule, warmup_steps=10, min_lr_ratio=0.2)
    rates = [learning_rate(config, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[9] == rates[10] == max(rates) == 0.1
    assert rates[-1] == pytest.approx(0.1 if schedule == "constant" else 0.02)
    assert all(before >= after for before, after in itertools.pairwise(rates[9:]))


def test_cosine_is_that_of_pytorch():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=49, eta_min=0.03)
    config = OptimConfig(lr=0.3, schedule="cosine", min_lr_ratio=0.1)
    for step in range(50):
        assert learning_rate(config, step, 50) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_a_falling_schedule_needs_an_end():
    with pytest.raises(ConfigError, match=r"needs an end: set loop.max_steps"):
        learning_rate(OptimConfig(schedule="linear"), 0, None)


def test_only_matrices_are_decayed():
    module = torch.nn.LSTM(3, 5)
    optimizer = make_optimizer(module, OptimConfig(weight_decay=0.1))
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {name: decay[id(p)] for name, p in module.named_parameters()} == {
        "weight_ih_l0": 0.1,
        "weight_hh_l0": 0.1,
        "bias_ih_l0": 0.0,
        "bias_hh_l0": 0.0,
    }


@pytest.mark.parametrize(
    "wrong", [{"lr": 0}, {"lr": float("nan")}, {"beta1": 1.0}, {"clip_norm": 0.0}, {"min_lr_ratio": 2.0}]
)
def test_a_value_out_of_range_names_its_key(wrong):
    with pytest.raises(ConfigError, match=f"optim.{next(iter(wrong))} must be"):
        OptimConfig(**wrong)
