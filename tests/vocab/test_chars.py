from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.errors import BundleError
from codling.vocab import DOC, CharVocab, read_vocab

VOCAB = CharVocab()


@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_survives_the_round_trip(text: str) -> None:
    ids = VOCAB.encode(text)
    assert VOCAB.decode(ids) == text
    assert all(DOC < i < VOCAB.size for i in ids)
    assert b"".join(VOCAB.pieces()[i] for i in ids) == text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("text", ["", "x = '🐟'\r\n", "naïve\x00\x7f", "\ud83d", "\U0010ffff"])
def test_awkward_text(text: str) -> None:
    assert VOCAB.decode(VOCAB.encode(text)) == text


def test_ascii_costs_one_token_a_character_and_the_rest_its_bytes() -> None:
    assert len(VOCAB.encode("def f(x):\n\treturn x")) == 19
    assert len(VOCAB.encode("é🐟")) == 2 + 4


def test_doc_stands_for_nothing_and_half_a_character_for_a_replacement() -> None:
    fish = VOCAB.encode("🐟")
    assert VOCAB.decode([DOC, *VOCAB.encode("a"), DOC]) == "a"
    assert VOCAB.decode(fish[:2]) == "\ufffd"


def test_frequent_characters_get_an_id_of_their_own() -> None:
    source = inspect.getsource(inspect) + "α β α" * 10
    vocab = CharVocab.train([source], min_count=15)
    assert len(vocab.encode("α")) == 1
    assert len(vocab.encode("β")) == 2
    assert vocab.decode(vocab.encode(source)) == source
    assert CharVocab.train(["αβ" * 20, source]).characters == CharVocab.train([source, "αβ" * 20]).characters


def test_a_vocabulary_survives_its_file(tmp_path: Path) -> None:
    vocab = CharVocab.train(["λ" * 2_000])
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(vocab.to_json()), encoding="utf-8")
    assert read_vocab(path).encode("λ🐟") == vocab.encode("λ🐟")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"kind": "bpe-of-tomorrow"}',
        b'{"kind": "characters"}',
        b'{"kind": "characters", "characters": "aa"}',
        b"\xff",
    ],
)
def test_a_damaged_vocabulary_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vocab.json"
    path.write_bytes(content)
    with pytest.raises(BundleError) as error:
        read_vocab(path)
    assert "\n" not in str(error.value)
    with pytest.raises(BundleError):
        read_vocab(tmp_path / "missing.json")
