"""Sub-words: lossless, never over a seam, stable from keystroke to keystroke."""

from __future__ import annotations

import inspect
import json
import pickle
import random
import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.errors import BundleError, ConfigError
from codling.vocab import DOC, BpeVocab, read_vocab

TEXTS = [inspect.getsource(module) for module in (random, json.decoder, textwrap, inspect, re)]
VOCAB = BpeVocab.train(TEXTS, 900)
JAVA = "import java.util.*;\n\nclass A {\n\tint[] xs = new int[100_000];\n\tvoid f() { i++; a >>>= 2; b -> c; }\n}\n"


@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_survives_the_round_trip(text: str) -> None:
    ids = VOCAB.encode(text)
    assert VOCAB.decode(ids) == text
    assert all(2 < i < VOCAB.size for i in ids)
    assert b"".join(VOCAB.pieces()[i] for i in ids) == text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    "text", ["", "x = '🐟'\r\n", "naïve\x00\x7f", "\ud83d", "a\ud83db", "\U0010ffff", JAVA, *TEXTS]
)
def test_awkward_and_real_text(text: str) -> None:
    assert VOCAB.decode(VOCAB.encode(text)) == text


def test_many_texts_at_once_are_the_same_as_one_by_one() -> None:
    texts = [*TEXTS, JAVA, "\ud83d", ""]
    assert VOCAB.encode_batch(texts) == [VOCAB.encode(text) for text in texts]


def test_specials_stand_for_nothing() -> None:
    assert [VOCAB.pieces()[i] for i in range(4)] == [b"", b"", b"", b"\0"]
    assert VOCAB.decode([DOC, *VOCAB.encode("a"), 1, 2]) == "a"


def pieces(text: str) -> list[str]:
    return [VOCAB.pieces()[i].decode() for i in VOCAB.encode(text)]


def test_no_token_reaches_over_a_seam() -> None:
    """A newline and its indentation; a word and the space before it; an operator, or a bracket."""
    unit = re.compile(r"\n[ \t]*| ?\w+| ?[^\w\s]{1,4}|\s+")
    for text in (*TEXTS, JAVA):
        for piece in pieces(text):
            assert unit.fullmatch(piece), piece
            assert not (set("()[]{},;") & set(piece)) or len(piece.strip()) == 1, piece


def test_frequent_words_are_whole_and_share_their_parts_with_rare_ones() -> None:
    texts = [f"def f{i}():\n    read_csv(x)\n    return read_json(y{i})\n" for i in range(20)]
    vocab = BpeVocab.train(texts, 330)
    names = [piece.decode("latin-1") for piece in vocab.pieces()]
    assert "read_csv" in names or " read_csv" in names
    rare = [names[i] for i in vocab.encode("to_csv")]
    assert rare[-1] == "_csv"
    assert next(names[i] for i in vocab.encode("\n    return read")) == "\n    "


@given(st.integers(0, 4), st.integers(0, 4_000), st.integers(1, 30))
def test_what_stands_before_the_last_word_keeps_its_tokens_when_more_is_typed(which: int, at: int, more: int) -> None:
    """The state of a prefix can be kept: only tokens behind the last seam may change."""
    text = TEXTS[which]
    at = min(at, len(text) - 1)
    before, after = VOCAB.encode(text[:at]), VOCAB.encode(text[: at + more])
    seam = re.search(r"(\n[ \t]*|[ \t]*\w*|[ \t]*[^\w\s]*)\Z", text[:at])
    assert seam is not None
    safe = len(VOCAB.encode(text[: seam.start()]))
    assert before[:safe] == after[:safe]


def test_learning_is_reproducible_and_survives_json_and_pickle(tmp_path: Path) -> None:
    again = BpeVocab.train(iter(TEXTS), 900)
    assert again.merges == VOCAB.merges
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(VOCAB.to_json()))
    for copy in (read_vocab(path), pickle.loads(pickle.dumps(VOCAB))):
        assert copy.size == VOCAB.size and copy.encode(JAVA) == VOCAB.encode(JAVA)


def test_few_patterns_make_a_smaller_vocabulary() -> None:
    small = BpeVocab.train(["ab ab"], 5_000)
    assert 259 < small.size < 270
    assert BpeVocab.train([], 300).size == 259
    assert small.decode(small.encode(JAVA)) == JAVA


@pytest.mark.parametrize("size", [0, 258, 65_537])
def test_an_impossible_size(size: int) -> None:
    with pytest.raises(ConfigError, match="from 259 to 65,536"):
        BpeVocab.train(TEXTS, size)


@pytest.mark.parametrize(
    "merges",
    [None, {}, [[3]], [[3, "4"]], [[3, 9_999]], [[0, 40]], [[-1, 40]], [[40, 41], [40, 41]], [[True, 40]]],
)
def test_a_damaged_vocabulary(merges: object, tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps({"kind": "bpe", "merges": merges}))
    with pytest.raises(BundleError):
        read_vocab(path)
