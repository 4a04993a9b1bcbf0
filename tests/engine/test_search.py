"""Beam search against trying everything."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from codling.engine import load_model
from codling.engine.decoding import Clock
from codling.engine.pieces import Pieces
from codling.engine.prefix import PrefixReader
from codling.engine.search import beam_search
from codling.errors import CancelledError
from codling.vocab import DOC
from ngram_model import NgramModel
from tiny_bundle import tiny_bundle

CHARACTERS = "ab\n"
MAX_TOKENS = 3


def line_end(text: str) -> int | None:
    return text.find("\n") if "\n" in text else None


@pytest.fixture(scope="module", params=[0, 1, 2])
def setting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    model = load_model(tiny_bundle(tmp_path_factory.mktemp("small"), characters=CHARACTERS, seed=request.param))
    pieces = Pieces(model.vocab)
    mask = pieces.mask()
    mask[len(CHARACTERS) + 1 :] = -np.inf  # characters only, so that everything can be tried
    return model, pieces, PrefixReader(model).read("ab\nba")


def brute_force(model, position) -> dict[tuple[int, ...], tuple[str, float]]:
    """Every line of up to MAX_TOKENS tokens, the line end or DOC included, with its log-probability."""
    found = {}
    ids = [DOC, *range(1, len(CHARACTERS) + 1)]
    newline = model.vocab.encode("\n")[0]
    for size in range(1, MAX_TOKENS + 1):
        for tokens in itertools.product(ids, repeat=size):
            ends = [token in (DOC, newline) for token in tokens]
            if not ends[-1] or any(ends[:-1]):
                continue
            log_probs_V, state, total = position.log_probs_V, position.state, 0.0
            for token in tokens:
                total += float(log_probs_V[token])
                log_probs_BTV, state = model.run([[token]], state)
                log_probs_V = log_probs_BTV[0, 0]
            found[tokens] = (model.vocab.decode(tokens[:-1]), total)
    return found


def test_a_wide_beam_finds_what_trying_everything_finds(setting) -> None:
    model, pieces, position = setting
    expected = sorted(brute_force(model, position).items(), key=lambda row: -row[1][1])
    got = beam_search(model, pieces, position, line_end, width=64, num=len(expected), max_tokens=MAX_TOKENS)
    got = [row for row in got if row.finished]
    assert [row.tokens for row in got] == [tokens for tokens, _ in expected]
    assert [row.text for row in got] == [text for _, (text, _) in expected]
    np.testing.assert_allclose([row.log_prob for row in got], [total for _, (_, total) in expected], atol=1e-4)


def test_pruning_loses_nothing(setting) -> None:
    model, pieces, position = setting
    expected = sorted((total for _, total in brute_force(model, position).values()), reverse=True)
    for num in (1, 2, 5):
        got = beam_search(model, pieces, position, line_end, width=64, num=num, max_tokens=MAX_TOKENS)
        np.testing.assert_allclose([row.log_prob for row in got], expected[:num], atol=1e-4)


def test_a_beam_never_does_worse_than_greedy() -> None:
    model = NgramModel("ab c\nab d\nab d\nax\nax\nay\nay\naz\n" * 3)
    pieces = Pieces(model.vocab)
    position = PrefixReader(model).read("\n")
    greedy, *_ = beam_search(model, pieces, position, line_end, width=1, max_tokens=20)
    beam, *_ = beam_search(model, pieces, position, line_end, width=8, max_tokens=20)
    assert greedy.text == "ab d"
    assert beam.text in ("ax", "ay", "ab d")
    assert beam.log_prob >= greedy.log_prob


def test_one_call_of_the_model_per_step() -> None:
    model = NgramModel("alpha = 1\nalbum = 2\nbeta = 3\n")
    position = PrefixReader(model).read("\n")
    before = model.num_calls
    beam_search(model, Pieces(model.vocab), position, line_end, width=6, num=3, max_tokens=5)
    assert model.num_calls - before == 4


def test_cut_off_hypotheses_say_so(tiny: Path) -> None:
    model = load_model(tiny)
    position = PrefixReader(model).read("x")
    rows = beam_search(model, Pieces(model.vocab), position, lambda text: None, width=4, num=4, max_tokens=6)
    unfinished = [row for row in rows if not row.finished]
    assert unfinished
    assert all(len(row.tokens) == 6 for row in unfinished)


def test_an_empty_budget_gives_the_first_step(tiny: Path) -> None:
    model = load_model(tiny)
    position = PrefixReader(model).read("x")
    clock = Clock(budget_ms=0.0)
    time.sleep(0.001)
    rows = beam_search(model, Pieces(model.vocab), position, lambda text: None, width=4, max_tokens=50, clock=clock)
    assert len(rows[0].tokens) == 1


def test_cancelled(tiny: Path) -> None:
    model = load_model(tiny)
    position = PrefixReader(model).read("x")
    with pytest.raises(CancelledError):
        clock = Clock(cancelled=lambda: True)
        beam_search(model, Pieces(model.vocab), position, lambda text: None, width=4, max_tokens=50, clock=clock)
