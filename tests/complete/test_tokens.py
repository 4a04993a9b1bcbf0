"""Next tokens against counting every text that the model may write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codling.complete.lexical import token_end
from codling.complete.tokens import TokenFinder
from codling.engine import load_model
from codling.engine.decoding import Clock
from codling.engine.pieces import Pieces
from codling.engine.prefix import PrefixReader
from ngram_model import NgramModel
from tiny_bundle import tiny_bundle


def brute_force(model, position, pieces: Pieces, length: int) -> dict[str, float]:
    """Probability of each first token that is over within some characters, by following every character."""
    found: dict[str, float] = {}
    characters = range(1, 1 + len(model.vocab.characters))

    def follow(text: str, log_prob: float, log_probs_V, state) -> None:
        ends = 0.0
        going_on = []
        for token in range(model.vocab.size):
            p = float(np.exp(log_probs_V[token]))
            if token in characters:
                following = text + pieces.push(b"", token)[0]
                blank = not following.strip(" ")
                if "\n" not in following and (blank or token_end(following) is None):
                    going_on.append((following, log_prob + float(log_probs_V[token]), token))
                    continue
            ends += p
        if text.strip():
            found[text] = float(np.exp(log_prob)) * ends
        if len(text) < length:
            for following, total, token in going_on:
                if following.strip(" ") or len(following) < 3:
                    log_probs_BTV, after = model.run([[token]], state)
                    follow(following, total, log_probs_BTV[0, 0], after)

    follow("", 0.0, position.log_probs_V, position.state)
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_against_brute_force(tmp_path: Path, seed: int) -> None:
    model = load_model(tiny_bundle(tmp_path, characters="ab= \n(", seed=seed))
    pieces = Pieces(model.vocab)
    reader = PrefixReader(model)
    position = reader.read("a = b\n")
    expected = brute_force(model, position, pieces, length=5)
    best = sorted(expected.values(), reverse=True)
    got = TokenFinder(reader, pieces).find(position, 4, clock=Clock())
    assert len(got) == 4
    assert len({row.text for row in got}) == 4
    for row, value in zip(got, best, strict=False):
        if len(row.text) <= 5:
            assert np.exp(row.log_prob) == pytest.approx(expected[row.text], rel=1e-3)
            assert np.exp(row.log_prob) == pytest.approx(value, rel=1e-3)


def test_what_was_read_most_often_comes_first() -> None:
    model = NgramModel("x.mean()\n" * 6 + "x.median()\n" * 3 + "x.min()\n", order=2)
    reader = PrefixReader(model)
    position = reader.read("x.")
    rows = TokenFinder(reader, Pieces(model.vocab)).find(position, 3, clock=Clock())
    assert [row.text for row in rows] == ["mean", "median", "min"]
    np.testing.assert_allclose(np.exp([row.log_prob for row in rows]), [0.6, 0.3, 0.1], rtol=0.1)


def test_one_name_that_begins_another() -> None:
    model = NgramModel("a.set(1)\n" * 5 + "a.setdefault(1)\n" * 3, order=3)
    reader = PrefixReader(model)
    position = reader.read("\na.")
    rows = TokenFinder(reader, Pieces(model.vocab)).find(position, 2, clock=Clock())
    assert [row.text for row in rows] == ["set", "setdefault"]
    np.testing.assert_allclose(np.exp([row.log_prob for row in rows]), [5 / 8, 3 / 8], rtol=0.1)


def test_one_call_of_the_model_per_character() -> None:
    model = NgramModel("x.mean()\nx.media()\nx.merge()\n")
    reader = PrefixReader(model)
    position = reader.read("x.")
    before = model.num_calls
    TokenFinder(reader, Pieces(model.vocab)).find(position, 3, clock=Clock())
    assert model.num_calls - before <= len("merge") + 1
