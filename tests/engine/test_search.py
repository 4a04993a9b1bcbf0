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
from codling.engine.search import Beam, beam_search
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
    reader = PrefixReader(model)
    return reader, pieces, reader.read("ab\nba")


def brute_force(model, position) -> dict[str, float]:
    """Every line of up to MAX_TOKENS tokens, the line end or DOC included, with its log-probability by all its ends."""
    found: dict[str, float] = {}
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
            text = model.vocab.decode(tokens[:-1])
            found[text] = float(np.logaddexp(found.get(text, -np.inf), total))
    return found


def test_a_wide_beam_finds_what_trying_everything_finds(setting) -> None:
    reader, pieces, position = setting
    model = reader.model
    expected = sorted(brute_force(model, position).items(), key=lambda row: -row[1])
    got = beam_search(reader, pieces, position, line_end, Beam(width=64, num=4 * len(expected), max_tokens=MAX_TOKENS))
    got = [row for row in got if row.finished]
    assert [row.text for row in got] == [text for text, _ in expected]
    np.testing.assert_allclose([row.log_prob for row in got], [total for _, total in expected], atol=1e-4)


def test_pruning_loses_nothing(setting) -> None:
    reader, pieces, position = setting
    model = reader.model
    expected = sorted(brute_force(model, position).values(), reverse=True)
    for num in (1, 2, 5):
        beam = Beam(width=64, num=num, max_tokens=MAX_TOKENS, to_line_end=True)
        got = beam_search(reader, pieces, position, line_end, beam)
        np.testing.assert_allclose([row.log_prob for row in got], expected[:num], atol=1e-4)


def test_what_is_far_behind_the_best_is_left_out_and_nothing_else(setting) -> None:
    reader, pieces, position = setting
    expected = sorted(brute_force(reader.model, position).values(), reverse=True)
    near = [total for total in expected if total > expected[0] + np.log(0.3)]
    beam = Beam(width=64, num=len(expected), max_tokens=MAX_TOKENS, to_line_end=True, least_ratio=0.3)
    got = [row for row in beam_search(reader, pieces, position, line_end, beam) if row.finished]
    assert len(near) <= len(got) <= len(expected)
    np.testing.assert_allclose([row.log_prob for row in got][: len(near)], near, atol=1e-4)


def test_a_beam_never_does_worse_than_greedy() -> None:
    model = NgramModel("ab c\nab d\nab d\nax\nax\nay\nay\naz\n" * 3)
    pieces = Pieces(model.vocab)
    reader = PrefixReader(model)
    position = reader.read("\n")
    greedy, *_ = beam_search(reader, pieces, position, line_end, Beam(width=1, max_tokens=20))
    beam, *_ = beam_search(reader, pieces, position, line_end, Beam(width=8, max_tokens=20))
    assert greedy.text == "ab d"
    assert beam.text in ("ax", "ay", "ab d")
    assert beam.log_prob >= greedy.log_prob


def test_one_call_of_the_model_per_step() -> None:
    model = NgramModel("alpha = 1\nalbum = 2\nbeta = 3\n")
    reader = PrefixReader(model)
    position = reader.read("\n")
    before = model.num_calls
    beam_search(reader, Pieces(model.vocab), position, line_end, Beam(width=6, num=3, max_tokens=5))
    assert model.num_calls - before == 4


def test_cut_off_hypotheses_say_so(tiny: Path) -> None:
    model = load_model(tiny)
    reader = PrefixReader(model)
    position = reader.read("x")
    rows = beam_search(reader, Pieces(model.vocab), position, lambda text: None, Beam(width=4, num=4, max_tokens=6))
    unfinished = [row for row in rows if not row.finished]
    assert unfinished
    assert all(len(row.tokens) == 6 for row in unfinished)


def test_an_empty_budget_gives_the_first_step(tiny: Path) -> None:
    model = load_model(tiny)
    reader = PrefixReader(model)
    position = reader.read("x")
    clock = Clock(budget_ms=0.0)
    time.sleep(0.001)
    beam = Beam(width=4, max_tokens=50)
    rows = beam_search(reader, Pieces(model.vocab), position, lambda text: None, beam, clock=clock)
    assert len(rows[0].tokens) == 1


def test_cancelled(tiny: Path) -> None:
    model = load_model(tiny)
    reader = PrefixReader(model)
    position = reader.read("x")
    with pytest.raises(CancelledError):
        clock = Clock(cancelled=lambda: True)
        beam = Beam(width=4, max_tokens=50)
        beam_search(reader, Pieces(model.vocab), position, lambda text: None, beam, clock=clock)
