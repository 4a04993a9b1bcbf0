"""How candidates are ordered, and how that is fitted."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.bundle import write_bundle
from codling.errors import BundleError, TrainingError
from codling.trees.writing.words import words_of
from codling.write import Writer
from codling.write.beam import grow
from codling.write.fitting import fit_bundle
from codling.write.ranking import RANKING, Judged, Ranking, fit_ranking
from tiny_writer import NUM_HELD_OUT, tiny_writer
from trees.small_pairs import small_pairs

FINITE = st.floats(-1e6, 1e6)


def test_the_balance_is_the_one_whose_first_candidates_are_best() -> None:
    rng = random.Random(0)
    lists = []
    for _ in range(300):
        merit, missed, gap = -rng.expovariate(1), 5 * rng.random(), 4 * rng.random()
        right = Judged(merit - 0.2 * gap, missed, rng.random() < 0.8, 100.0)
        wrong = Judged(merit, missed + gap, False, 0.0)  # likelier, but misses more of the description
        lists.append([wrong, right])
    found = fit_ranking(lists)
    assert 0.2 <= -found.missed / found.merit <= 1
    firsts = [max(each, key=lambda one: found.score(one.merit, one.missed)) for each in lists]
    assert all(each.bleu == 100 for each in firsts)


def test_scores_say_how_likely_a_first_candidate_is_right() -> None:
    rng, truth = random.Random(0), Ranking(bias=1.0, merit=2.0, missed=0.0)
    lists = []
    for _ in range(20_000):
        merit = -rng.expovariate(1)
        lists.append([Judged(merit, 0.0, rng.random() < truth.score(merit, 0.0), 50.0)])
    found = fit_ranking(lists)
    assert found.bias == pytest.approx(truth.bias, abs=0.15)
    assert found.merit == pytest.approx(truth.merit, abs=0.15)


def test_rows_that_can_be_told_apart_have_a_finite_fit() -> None:
    found = fit_ranking([[Judged(-0.1, 1.0, True, 100.0)]] * 5 + [[Judged(-2.0, 4.0, False, 10.0)]] * 5)
    assert 0.01 < found.score(-2.0, 4.0) < 0.4
    assert 0.6 < found.score(-0.1, 1.0) < 0.99


@pytest.mark.parametrize("right", [True, False])
def test_nothing_can_be_fitted_to_rows_of_one_kind(right: bool) -> None:
    with pytest.raises(TrainingError, match="all are right, or none"):
        fit_ranking([[Judged(-1.0, 1.0, right, 50.0)]] * 3)
    with pytest.raises(TrainingError):
        fit_ranking([[]])


@given(FINITE, FINITE, FINITE, FINITE, FINITE)
def test_scores_are_shares_and_follow_the_weights(bias: float, up: float, down: float, x: float, y: float) -> None:
    ranking = Ranking(bias, max(abs(up), 1e-3), -abs(down))
    assert 0 <= ranking.score(x, y) <= 1
    assert ranking.score(x, y) <= ranking.score(x + 1, y)
    assert ranking.score(x, y) >= ranking.score(x, y + 1)
    assert Ranking.from_json(ranking.to_json()) == ranking


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"bias": 1, "merit": 1}', '{"bias": "1", "merit": 1, "missed": -1}'),
        *('{"bias": 1e999, "merit": 1, "missed": -1}', '{"bias": true, "merit": 1, "missed": -1}'),
        *('{"bias": 1, "merit": 0, "missed": -1}', '{"bias": 1, "merit": 1, "missed": 1}'),
    ],
)
def test_a_damaged_ranking_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match="damaged"):
        Ranking.from_json(text)


def test_candidates_come_in_the_order_of_their_scores() -> None:
    _, bundle = tiny_writer()
    writer = Writer(bundle)
    ranking, retelling = writer.model.ranking, writer.model.retelling
    assert ranking is not None
    assert retelling is not None
    assert ranking.missed <= 0 < ranking.merit
    for pair in small_pairs()[:NUM_HELD_OUT]:
        words = words_of(pair.text)
        found = writer.write(pair.text).candidates
        grown = grow(writer.model, writer.model.describe(words))
        assert {each.code for each in found} == {each.code for each in grown}
        assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
        missed = retelling.nats(words, [each.grown.actions for each in found])
        for each, nats in zip(found, missed, strict=True):
            length = len(each.grown.actions)
            assert each.score == pytest.approx(ranking.score(each.grown.score / math.sqrt(length), float(nats)))


def test_a_bundle_without_a_ranking_is_in_the_order_of_the_search(tmp_path: Path) -> None:
    _, bundle = tiny_writer()
    files = {name: bundle.file(name).read_bytes() for name in bundle.card.files if name != RANKING}
    writer = Writer(write_bundle(tmp_path / "plain", bundle.card, files))
    found = writer.write(small_pairs()[0].text).candidates
    assert [each.score for each in found] == [
        pytest.approx(math.exp(each.grown.score / math.sqrt(len(each.grown.actions)))) for each in found
    ]
    bare = {name: data for name, data in files.items() if not name.startswith("reconstruct")}
    without = write_bundle(tmp_path / "bare", dataclasses.replace(bundle.card, name="bare"), bare)
    assert [each.code for each in Writer(without).write(small_pairs()[0].text).candidates] == [e.code for e in found]
    with pytest.raises(TrainingError, match="says descriptions back"):
        fit_bundle(without, small_pairs()[:3], tmp_path / "fitted")
