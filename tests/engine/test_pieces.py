"""What comes out of a decoder is always well-formed text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.engine.pieces import Pieces
from codling.vocab import DOC, BpeVocab, CharVocab

VOCAB = CharVocab("\n\tabcdé 🐟(")
PIECES = Pieces(VOCAB)

text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


@given(text)
def test_every_text_can_be_written(text: str) -> None:
    pending, written = b"", ""
    for token in VOCAB.encode(text):
        assert PIECES.mask(pending)[token] == 0
        added, pending = PIECES.push(pending, token)
        written += added
    assert written == text
    assert pending == b""


@given(st.integers(0, 2**32))
def test_whatever_is_allowed_is_utf8(seed: int) -> None:
    random = np.random.default_rng(seed)
    tokens, pending, written = [], b"", ""
    for _ in range(60):
        allowed = np.flatnonzero(PIECES.mask(pending) == 0)
        token = int(random.choice(allowed))
        tokens.append(token)
        added, pending = PIECES.push(pending, token)
        written += added
    joined = b"".join(VOCAB.pieces()[token] for token in tokens)
    assert joined == written.encode() + pending
    assert not any(character < " " and character not in "\n\t" for character in written)


def test_a_document_ends_only_between_characters() -> None:
    assert PIECES.mask()[DOC] == 0
    first_byte = VOCAB.encode("ü")[0]
    _, pending = PIECES.push(b"", first_byte)
    assert pending
    assert PIECES.mask(pending)[DOC] == -np.inf


def test_a_known_character_is_not_spelt_in_bytes() -> None:
    in_bytes = len(VOCAB.characters) + 1 + ord("a")
    assert VOCAB.pieces()[in_bytes] == b"a"
    assert PIECES.mask()[in_bytes] == -np.inf


@pytest.mark.parametrize("bad", [b"\xc0", b"\xff", b"\x80", b"\x00", b"\x1b"])
def test_never_allowed_at_the_start(bad: bytes) -> None:
    assert PIECES.mask()[len(VOCAB.characters) + 1 + bad[0]] == -np.inf


def test_tokens_by_first_character() -> None:
    found = PIECES.starting_with(frozenset("aé"))
    assert {VOCAB.decode([token]) for token in np.flatnonzero(found)} == {"a", "é"}


def test_reserved_ids_are_never_written() -> None:
    """However likely a network thinks them: they were in the texts that some were trained on."""
    vocab = BpeVocab.train(["def f(x):\n    return x\n" * 20], 300)
    pieces, reserved = Pieces(vocab), [1, 2]
    assert [vocab.pieces()[token] for token in reserved] == [b"", b""]
    for pending in (b"", "é".encode()[:1], "🐟".encode()[:2]):
        assert (pieces.mask(pending)[reserved] == -np.inf).all()
    for owed in (b"r", b"\n  ", " é".encode()):
        assert (pieces.owing(owed)[reserved] == -np.inf).all()
        assert not set(reserved) & set(pieces.paying(owed).tolist())
