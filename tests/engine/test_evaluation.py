"""The score is what reading one text after another, one token after another, gives."""

from __future__ import annotations

import inspect
import itertools
import math
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.engine import load_model
from codling.engine.evaluation import evaluate, score_texts
from codling.engine.model import Model
from codling.errors import InputError
from codling.vocab import DOC
from ngram_model import NgramModel

SOURCE = inspect.getsource(textwrap)


@pytest.fixture(scope="module")
def model(tiny: Path) -> Model:
    return load_model(tiny)


def one_by_one(model: Model, text: str) -> tuple[float, int]:
    ids, state = [DOC, *model.vocab.encode(text)], model.initial_state(1)
    nats, right = 0.0, 0
    for token, target in itertools.pairwise(ids):
        log_probs_BTV, state = model.run([[token]], state)
        nats -= float(log_probs_BTV[0, 0, target])
        right += int(log_probs_BTV[0, 0].argmax() == target)
    return nats, right


texts = st.lists(
    st.one_of(
        st.integers(0, len(SOURCE) - 200).flatmap(
            lambda at: st.integers(0, 200).map(lambda size: SOURCE[at : at + size])
        ),
        st.text(max_size=20),
    ),
    min_size=1,
    max_size=6,
).filter(any)


@given(texts, st.integers(1, 4), st.integers(1, 90))
@settings(max_examples=30, deadline=None)
def test_exact_whatever_the_batch_and_the_window(model: Model, texts: list[str], batch: int, window: int) -> None:
    score = evaluate(model, texts, batch=batch, window=window)
    expected = [one_by_one(model, text) for text in texts]
    num_units = sum(len(model.vocab.encode(text)) for text in texts)
    num_chars = sum(map(len, texts))
    assert score.num_units == num_units
    assert score.num_chars == num_chars
    assert score.num_files == len(texts)
    nats = sum(row[0] for row in expected)
    assert score.loss_nats == pytest.approx(nats / num_units, rel=1e-5)
    assert score.bits_per_char == pytest.approx(nats / math.log(2) / num_chars, rel=1e-5)
    assert abs(score.accuracy * num_units - sum(row[1] for row in expected)) <= 1  # a tie may fall either way


def test_each_text_keeps_its_place(model: Model) -> None:
    texts = [SOURCE[:50], SOURCE[:300], SOURCE[100:120], SOURCE[:200]]
    rows = score_texts(model, texts, batch=3, window=64)
    assert [row.num_chars for row in rows] == [50, 300, 20, 200]
    for text, row in zip(texts, rows, strict=True):
        assert row.nats == pytest.approx(one_by_one(model, text)[0], rel=1e-5)


def test_what_it_remembers_it_predicts() -> None:
    score = evaluate(NgramModel(SOURCE, order=16), [SOURCE[:1_500]])  # type: ignore[arg-type]
    assert score.accuracy > 0.95
    assert score.loss_nats < 0.2


def test_rare_characters_cost_several_units(model: Model) -> None:
    score = evaluate(model, ["a🐟"])
    assert (score.num_units, score.num_chars) == (5, 2)
    assert score.bits_per_char == pytest.approx(score.loss_nats * 5 / 2 / math.log(2))


def test_int8_loses_little(model: Model, tiny_int8: Path) -> None:
    texts = [SOURCE[:2_000], SOURCE[2_000:3_000]]
    assert evaluate(load_model(tiny_int8), texts).loss_nats == pytest.approx(evaluate(model, texts).loss_nats, rel=0.02)


def test_progress_counts_every_character(model: Model) -> None:
    done: list[int] = []
    texts = [SOURCE[i : i + 100] for i in range(0, 1_000, 100)]
    evaluate(model, texts, batch=3, progress=done.append)
    assert sum(done) == 1_000
    assert len(done) == 4


@pytest.mark.parametrize("nothing", [[], [""], ["", ""]])
def test_nothing_to_evaluate(model: Model, nothing: list[str]) -> None:
    with pytest.raises(InputError, match="no text"):
        evaluate(model, nothing)


def test_scores_are_finite(model: Model) -> None:
    assert np.isfinite([row.nats for row in score_texts(model, ["\x00\ud800", "a"])]).all()
