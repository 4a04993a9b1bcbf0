"""A cursor within a token: what is read stays the same while someone types, and nothing of what may follow is lost."""

# V vocabulary

from __future__ import annotations

import inspect
import textwrap
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.complete.lexical import token_end
from codling.complete.tokens import TokenFinder
from codling.engine import load_model
from codling.engine.decoding import Clock
from codling.engine.pieces import Pieces
from codling.engine.positions import Position
from codling.engine.prefix import PrefixReader
from codling.engine.search import Beam, beam_search
from codling.vocab import DOC, BpeVocab
from ngram_model import NgramModel
from tiny_bundle import tiny_bundle

SOURCE = inspect.getsource(textwrap)
CODE = BpeVocab.train([SOURCE] * 4, 600)

# Merges that spell "abab" in six ways, and operators that grow.
SMALL = BpeVocab([(3 + ord(left), 3 + ord(right)) for left, right in ("ab", "ba", " a", "\n ", "==")] + [(259, 259)])

code = st.lists(
    st.sampled_from(["a", "b1", " ", "  ", "\t", "\n", "\n    ", ".", "'", '"', "=", "<", "*", "é", "\u0301"])
).map("".join)


def read_ids(vocab: BpeVocab, text: str) -> list[int]:
    """Ids of a text up to its seam."""
    ids, pieces = vocab.encode(text), vocab.pieces()
    left = len(text[vocab.seam(text) :].encode())
    while left > 0:
        left -= len(pieces[ids.pop()])
    assert left == 0, "the seam is within a token"
    return ids


@given(code, code)
@settings(max_examples=400)
def test_what_is_read_never_changes_when_more_is_typed(text: str, more: str) -> None:
    ids = read_ids(CODE, text)
    assert CODE.encode(text + more)[: len(ids)] == ids
    later = read_ids(CODE, text + more)
    assert later[: len(ids)] == ids


@given(st.integers(0, len(SOURCE)), st.integers(0, 12))
def test_in_real_code_too(end: int, num: int) -> None:
    ids = read_ids(CODE, SOURCE[:end])
    assert CODE.encode(SOURCE[: end + num])[: len(ids)] == ids
    assert end - CODE.seam(SOURCE[:end]) <= 40  # a word, an indentation


@pytest.mark.parametrize(
    ("text", "owed"),
    [
        ("x = np.arr", "arr"),
        ("return x", " x"),
        ("f(", ""),
        ("a ==", " =="),
        ("a ..", " .."),
        ("if x:\n   ", "\n   "),
        ("a   ", "   "),
        ("1234", "4"),
        ("", ""),
    ],
)
def test_where_the_seam_is(text: str, owed: str) -> None:
    assert text[CODE.seam(text) :] == owed


@pytest.fixture(scope="module", params=[0, 1])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PrefixReader:
    folder = tmp_path_factory.mktemp("small")
    return PrefixReader(load_model(tiny_bundle(folder, vocab=SMALL, seed=request.param)))


class Oracle:
    """Probabilities by following every sequence of tokens."""

    def __init__(self, reader: PrefixReader) -> None:
        self.reader, self.pieces = reader, reader.model.vocab.pieces()
        self.step = lru_cache(None)(self._step)
        self.start: Position | None = None

    def _step(self, tokens: tuple[int, ...]):
        if not tokens:
            return self.start.log_probs_V, self.start.state
        _, state = self.step(tokens[:-1])
        log_probs_BTV, state = self.reader.model.run([[tokens[-1]]], state)
        return log_probs_BTV[0, 0], state

    def spellings(self, data: bytes, tokens: tuple[int, ...] = ()):
        """All sequences of tokens that spell some bytes or more, the last of them beginning before their end."""
        for token, piece in enumerate(self.pieces):
            if piece and data.startswith(piece) and len(piece) < len(data):
                yield from self.spellings(data[len(piece) :], (*tokens, token))
            elif piece and piece.startswith(data):
                yield (*tokens, token)

    def probability(self, tokens: tuple[int, ...]) -> float:
        return float(np.exp(sum(float(self.step(tokens[:i])[0][token]) for i, token in enumerate(tokens))))


@pytest.mark.parametrize("typed", ["aba", " a", "=", "b"])
def test_lines_against_all_ways_to_spell_them(small: PrefixReader, typed: str) -> None:
    """Of the lines typed + rest, the probability given that `typed` was typed, over all ways to spell both."""
    oracle = Oracle(small)
    oracle.start = small.read("ab(")
    small_position = small.read("ab(" + typed)
    assert small_position.owed == typed.encode()
    given_typed = sum(oracle.probability(tokens) for tokens in oracle.spellings(typed.encode()))
    newlines = [token for token, piece in enumerate(oracle.pieces) if piece.startswith(b"\n")]
    pieces = Pieces(small.model.vocab)
    beam = Beam(width=3_000, num=3_000, max_tokens=3, to_line_end=True)
    got = {
        row.text: row.log_prob
        for row in beam_search(small, pieces, small_position, lambda text: None, beam)
        if row.finished
    }
    for rest in ("", "b", "ab"):
        expected = 0.0
        whole = (typed + rest).encode()
        for tokens in oracle.spellings(whole):
            if sum(len(oracle.pieces[token]) for token in tokens) == len(whole):
                spelt = np.cumsum([len(oracle.pieces[token]) for token in tokens])
                if (spelt > len(typed)).sum() + (len(typed) in spelt) > 2:
                    continue  # with its end, more tokens than the search was allowed
                ends = sum(np.exp(oracle.step(tokens)[0][[*newlines, DOC]].astype(np.float64)))
                expected += oracle.probability(tokens) * ends
        if rest in got:
            assert np.exp(got[rest]) == pytest.approx(expected / given_typed, rel=5e-3)  # some have no room
    assert "" in got


def test_next_tokens_against_all_ways_to_spell_them(small: PrefixReader) -> None:
    typed = "aba"
    oracle = Oracle(small)
    oracle.start = small.read("ab(")
    given_typed = sum(oracle.probability(tokens) for tokens in oracle.spellings(typed.encode()))
    found = TokenFinder(small, Pieces(small.model.vocab)).find(small.read("ab(" + typed), 40, word=typed, clock=Clock())
    got = {row.text: np.exp(row.log_prob) for row in found}
    assert got
    text = typed + "b"  # the word goes on with one more letter, and is over
    expected = 0.0
    for tokens in oracle.spellings(text.encode()):
        if sum(len(oracle.pieces[token]) for token in tokens) == len(text):
            log_probs_V = oracle.step(tokens)[0]
            over = sum(
                float(np.exp(log_probs_V[token]))
                for token, piece in enumerate(oracle.pieces)
                if not piece or token_end(text + piece.decode("latin-1"), "") is not None or piece[:1] >= b"\x80"
            )
            expected += oracle.probability(tokens) * over
    if "b" in got:
        assert got["b"] == pytest.approx(expected / given_typed, rel=0.05)


def test_typing_through_a_line_calls_no_model() -> None:
    line = "    return fill(text, width=70)\n"
    model = NgramModel(f"def g(text):\n{line}\n\n" * 4, order=8, vocab=CODE)
    reader, pieces = PrefixReader(model), Pieces(CODE)
    beam = Beam(width=5, max_tokens=20, least=0.25, to_line_end=True)
    prefix = "def g(text):\n    "
    first, *_ = beam_search(reader, pieces, reader.read(prefix), lambda text: None, beam)
    assert first.text == line.strip()
    before = model.num_calls
    for size in range(1, len(first.text)):
        position = reader.read(prefix + first.text[:size])
        found, *_ = beam_search(reader, pieces, position, lambda text: None, beam)
        assert found.text == first.text[size:]
        assert found.finished
    assert model.num_calls == before
