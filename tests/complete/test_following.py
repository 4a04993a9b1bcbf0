"""What follows decides between lines: against adding up whole texts, read cold."""

# V vocabulary

from __future__ import annotations

import inspect
import json
import math

import numpy as np
import pytest

from codling.complete import Completer
from codling.complete.following import NUM_CHARS, NUM_TOKENS, Following
from codling.engine import load_model
from codling.engine.decoding import Clock
from codling.engine.model import Model
from codling.engine.pieces import Pieces
from codling.engine.positions import Position
from codling.engine.prefix import PrefixReader
from codling.engine.search import Beam, Hypothesis, beam_search
from codling.vocab import DOC, BpeVocab, CharVocab, Vocab
from ngram_model import NgramModel
from tiny_bundle import tiny_bundle

WORDS = BpeVocab.train([inspect.getsource(json.decoder)] * 3, 500)
PREFIX = "def f(x):\n    y = x\n    ret"
BELOW = "\n    return y\n\n\ndef g(x):\n    pass\n"


def line_end(text: str) -> int | None:
    return text.find("\n") if "\n" in text else None


@pytest.fixture(scope="module", params=["characters", "sub-words"])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PrefixReader:
    vocab: Vocab = CharVocab() if request.param == "characters" else WORDS
    return PrefixReader(load_model(tiny_bundle(tmp_path_factory.mktemp("following"), vocab=vocab, seed=3)))


def search(reader: PrefixReader, prefix: str, *, num: int = 6) -> tuple[Position, list[Hypothesis]]:
    position = reader.read(prefix)
    beam = Beam(width=num, num=num, max_tokens=12, to_line_end=True)
    return position, beam_search(reader, Pieces(reader.model.vocab), position, line_end, beam, clock=Clock())


def cold(model: Model, text: str, num_bytes: int, num_tokens: int) -> float:
    """Log-probability of the first tokens that end beyond so many bytes of a text, which is read from its start."""
    before, tokens = [*model.vocab.encode("\n"), DOC], model.vocab.encode(text)
    log_probs_TV = model.run([[*before, *tokens]], model.initial_state(1))[0][0]
    ends = np.cumsum([len(model.vocab.pieces()[token]) for token in tokens])
    counted = np.flatnonzero(ends > num_bytes)[:num_tokens]
    return float(sum(log_probs_TV[len(before) + place - 1, tokens[place]] for place in counted))


def number(vocab: Vocab) -> int:
    return NUM_CHARS if vocab.unit == "character" else NUM_TOKENS


def test_lines_have_the_odds_of_whole_texts(reader: PrefixReader) -> None:
    """P(line and what is below) against P(line' and what is below), each by a cold read."""
    model, vocab = reader.model, reader.model.vocab
    position, found = search(reader, PREFIX)
    lines = [each for each in found if each.finished]
    assert len(lines) >= 3
    ends = [token for token, piece in enumerate(vocab.pieces()) if piece.startswith(b"\n") or token == DOC]
    joint = {}
    for line in lines:
        written = PREFIX + line.text
        tokens = [*vocab.encode("\n"), DOC, *vocab.encode(written)]
        last_V = model.run([tokens], model.initial_state(1))[0][0, -1].astype(np.float64)
        below = cold(model, written + BELOW, len(written.encode()), number(vocab))
        joint[line.text] = line.log_prob - np.logaddexp.reduce(last_V[ends]) + below
    weighed = Following(reader, Pieces(vocab)).weigh(found, position, BELOW)
    total = sum(math.exp(each.log_prob) for each in lines)
    normaliser = np.logaddexp.reduce(list(joint.values()))
    assert [each.text for each in weighed if each.finished] == sorted(joint, key=lambda text: -joint[text])
    for each in weighed:
        if each.finished:
            assert each.log_prob == pytest.approx(joint[each.text] - normaliser + math.log(total), abs=2e-3)


@pytest.mark.parametrize("rest", [")", ") + x", "y", "=1)"])
def test_within_a_line_too(reader: PrefixReader, rest: str) -> None:
    """The text before and behind the cursor is read as the vocabulary cuts the whole of it."""
    model, vocab = reader.model, reader.model.vocab
    prefix, following = "def f(x):\n    y = g(x", rest + BELOW
    position, found = search(reader, prefix)
    weigher = Following(reader, Pieces(vocab))
    weighed = [each for each in weigher.weigh(found, position, following) if each.finished]
    assert len(weighed) >= 2
    below = [
        cold(model, prefix + each.text + following, len((prefix + each.text).encode()), number(vocab))
        for each in weighed
    ]
    before = [cold(model, prefix + each.text, len(prefix.encode()) - len(position.owed), 99) for each in weighed]
    if vocab.unit == "character":  # nothing is owed and no text has two spellings, so that the odds are those of texts
        gap = np.array(below) + before - [each.log_prob for each in weighed]
        np.testing.assert_allclose(gap, gap[0], atol=2e-3)
    ways = [weigher._way(each, position, following, whole=False) for each in weighed]
    np.testing.assert_allclose(weigher._fits(ways), below, atol=2e-3)


def test_what_was_not_found_keeps_its_share(reader: PrefixReader) -> None:
    position, found = search(reader, PREFIX)
    weighed = Following(reader, Pieces(reader.model.vocab)).weigh(found, position, BELOW)
    for finished in (True, False):
        before = sum(math.exp(each.log_prob) for each in found if each.finished == finished)
        after = sum(math.exp(each.log_prob) for each in weighed if each.finished == finished)
        assert after == pytest.approx(before, rel=1e-6)
    for each in weighed:
        assert len(each.marks) == len(next(other.marks for other in found if other.text == each.text))
        probabilities = [log_prob for _, log_prob in each.marks]
        assert probabilities == sorted(probabilities, reverse=True)
        assert each.log_prob <= probabilities[-1] + 1e-6 if probabilities else True


def test_it_costs_one_call_and_nothing_where_nothing_follows(reader: PrefixReader) -> None:
    position, found = search(reader, PREFIX)
    weigher = Following(reader, Pieces(reader.model.vocab))
    before = reader.num_calls
    for nothing in ("", "\n\n   \n"):
        assert weigher.weigh(found, position, nothing) == found
    assert weigher.weigh(found[:1], position, BELOW) == found[:1]
    assert weigher.weigh([], position, BELOW) == []
    assert reader.num_calls == before
    first = weigher.weigh(found, position, BELOW)
    assert reader.num_calls == before + 1
    again = weigher.weigh(found, position, BELOW)
    assert [(each.text, each.log_prob) for each in again] == [(each.text, each.log_prob) for each in first]
    assert reader.num_calls == before + 1


CODE = "".join(
    f"def {name}(rows):\n    {line}\n    return {result}\n\n\n"
    for name, line, result in [
        ("one", "total = sum(rows)", "total"),
        ("two", "total = sum(rows)", "total"),
        ("three", "largest = max(rows)", "largest"),
    ]
)


class TestCompleter:
    """What follows decides, though lines by themselves are likelier otherwise."""

    @pytest.fixture(params=["characters", "sub-words"])
    def completer(self, request: pytest.FixtureRequest) -> Completer:
        vocab = CharVocab() if request.param == "characters" else BpeVocab.train([CODE * 4], 330)
        return Completer(NgramModel(CODE * 4, vocab=vocab, order=24), sure=0.25)  # type: ignore[arg-type]

    @pytest.mark.parametrize("limit", [1, 3])
    def test_the_line_that_goes_with_the_next(self, completer: Completer, limit: int) -> None:
        prefix = "def four(rows):\n    "

        def first(suffix: str) -> str:
            return completer.complete(prefix, suffix, limit=limit).suggestions[0].text

        assert first("\n    return total\n") == "total = sum(rows)"
        assert first("\n    return largest\n") == "largest = max(rows)"
        assert first("") == "total = sum(rows)"

    def test_scores_stay_probabilities(self, completer: Completer) -> None:
        prefix = "def four(rows):\n    "
        for suffix in ("", "\n    return total\n", "\n    return largest\n", "\n)]}\n"):
            scores = [row.score for row in completer.complete(prefix, suffix, limit=5).suggestions]
            assert scores and sum(scores) <= 1 + 1e-6
            assert max(scores) <= 1.25 * scores[0]  # names in scope come first among those nearly as probable

    def test_nothing_is_typed_twice(self, completer: Completer) -> None:
        for suffix in (")\n    return total\n", "rows)\n    return total\n"):
            for limit in (1, 4):
                for row in completer.complete("def four(rows):\n    total = sum(", suffix, limit=limit).suggestions:
                    assert not row.text.endswith(")") and "rows)" not in row.text

    def test_the_time_is_kept(self, completer: Completer) -> None:
        answer = completer.complete("def four(rows):\n    ", "\n    return largest\n", limit=3, budget_ms=0)
        assert len(answer.suggestions) <= 3
