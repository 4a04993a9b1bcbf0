"""The gate and the mixture, against the formula written out; and every way its file can be damaged."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codling.bundle import load_bundle, write_bundle
from codling.engine.gate import GATE_FEATURES, GATE_FILE, Gate, default_gate, gate_features, load_gate, mix
from codling.engine.ngram_cache import FEATURES, Candidates, no_candidates
from codling.errors import BundleError
from tiny_bundle import tiny_bundle

VOCAB = 12


def random_gate(seed: int = 0, hidden: int = 3) -> Gate:
    random = np.random.default_rng(seed)
    num = len(GATE_FEATURES)
    return Gate(
        random.normal(size=num),
        random.uniform(0.5, 2, num),
        random.normal(size=(num, hidden)) * 0.3,
        random.normal(size=hidden),
        random.normal(size=hidden),
        float(random.normal()),
    )


def network(num: int, seed: int = 0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(num, VOCAB)) * 2
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def some_candidates(num: int = 5, seed: int = 1) -> Candidates:
    """The middle row has none, and the others have different numbers of them."""
    random = np.random.default_rng(seed)
    ids, probs = np.zeros((num, 4), np.int64), np.zeros((num, 4))
    for row in range(num):
        size = 0 if row == num // 2 else int(random.integers(1, 5))
        ids[row, :size] = random.choice(np.arange(1, VOCAB), size, replace=False)
        probs[row, :size] = sorted(random.dirichlet(np.ones(size)), reverse=True) if size else []
    features = random.uniform(0, 1, (num, len(FEATURES))) * (probs[:, :1] > 0)
    return Candidates(ids, probs, features)


def test_the_mixture_is_the_formula() -> None:
    log_probs, candidates, gate = network(5), some_candidates(), random_gate()
    before = log_probs.copy()
    mixed = mix(log_probs, candidates, gate)
    shares = gate(gate_features(log_probs, candidates))
    for row in range(5):
        cache = np.zeros(VOCAB)
        for token, p in zip(candidates.ids_BC[row], candidates.probs_BC[row], strict=True):
            cache[token] += p
        share = shares[row] if cache.any() else 0
        expected = (1 - share) * np.exp(log_probs[row].astype(np.float64)) + share * cache
        assert np.allclose(np.exp(mixed[row].astype(np.float64)), expected, rtol=1e-5)
        assert np.isclose(np.exp(mixed[row].astype(np.float64)).sum(), 1, atol=1e-5)
    assert (mixed[2] == log_probs[2]).all()
    assert (log_probs == before).all(), "the network's answer belongs to its state; nobody may change it"


def test_rows_do_not_depend_on_each_other() -> None:
    log_probs, candidates, gate = network(5), some_candidates(), random_gate()
    together = mix(log_probs, candidates, gate)
    for row in range(5):
        one = Candidates(*(getattr(candidates, name)[row : row + 1] for name in Candidates.__slots__))
        assert np.allclose(mix(log_probs[row : row + 1], one, gate), together[row : row + 1], rtol=1e-6)


def test_a_cache_that_knows_nothing_changes_nothing() -> None:
    log_probs = network(3)
    assert mix(log_probs, no_candidates(3), random_gate()) is log_probs


def test_what_the_network_rules_out_costs_no_more_than_a_bound() -> None:
    log_probs = network(1)
    log_probs[0, 1] = -np.inf
    candidates = Candidates(np.array([[1]]), np.array([[1.0]]), np.zeros((1, len(FEATURES))))
    assert np.isfinite(gate_features(log_probs, candidates)).all()
    mixed = mix(log_probs, candidates, random_gate())
    assert np.isfinite(mixed[0, 1])
    assert not np.isnan(mixed).any()


def test_the_default_trusts_what_it_should() -> None:
    """Long contexts in the file more than short ones; whom nothing speaks for, hardly at all."""
    names = {name: place for place, name in enumerate(GATE_FEATURES)}
    rows = np.zeros((3, len(GATE_FEATURES)))
    rows[0, names["left over"]] = 1
    for row, order, best in ((1, 0.25, 0.4), (2, 1.0, 0.95)):
        for name in ("file order", "folder order", "project order"):
            rows[row, names[name]] = order
        rows[row, names["best"]], rows[row, names["left over"]] = best, 0.5 - order / 2
    none, short, long = default_gate()(rows)
    assert none < 0.15 < 0.6 < long < 1
    assert none < short < long


def test_a_gate_survives_its_file() -> None:
    gate = random_gate()
    again = Gate.from_json(json.loads(json.dumps(gate.to_json())))
    features = np.random.default_rng(3).normal(size=(9, len(GATE_FEATURES)))
    assert (again(features) == gate(features)).all()


def damaged(**changes: Any) -> Any:
    return random_gate().to_json() | changes


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        damaged(format=2),
        damaged(features=["order"]),
        damaged(mean=[0.0]),
        damaged(mean="zero"),
        damaged(scale=[0.0] * len(GATE_FEATURES)),
        damaged(output=[]),
        damaged(output=3),
        damaged(output=[float("nan")] * 3),
        damaged(output_bias=None),
        damaged(output_bias=float("inf")),
        damaged(hidden=[[1.0, 2.0, 3.0]] * (len(GATE_FEATURES) - 1)),
        damaged(hidden=[[1.0], [2.0, 3.0]]),
        damaged(hidden_bias=[[1.0, 2.0, 3.0]]),
        {key: value for key, value in damaged().items() if key != "hidden"},
    ],
)
def test_a_damaged_gate_is_refused(data: Any) -> None:
    with pytest.raises(BundleError, match="fit the gate again"):
        Gate.from_json(data)


def test_a_bundle_brings_its_gate(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path))
    features = np.zeros((1, len(GATE_FEATURES)))
    assert load_gate(bundle)(features) == default_gate()(features)
    files = {name: bundle.file(name).read_bytes() for name in bundle.card.files}
    for content, problem in ((json.dumps(random_gate().to_json()), None), ("{", "damaged"), ("{}", "format")):
        card = dataclasses.replace(bundle.card)
        bundle = write_bundle(bundle.path, card, files | {GATE_FILE: content.encode()})
        if problem is None:
            assert load_gate(load_bundle(bundle.path))(features) == random_gate()(features)
        else:
            with pytest.raises(BundleError, match=problem):
                load_gate(load_bundle(bundle.path))
