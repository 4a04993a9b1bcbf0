"""A vocabulary's pieces as text: which may come next so that what comes out is always well-formed UTF-8.

A character model spells rare characters as bytes, and a sub-word's bytes may end inside a character. So a decoder here
keeps the bytes of an unfinished character ("pending") beside its text, and asks which tokens go on from them.
"""

# V vocabulary

from __future__ import annotations

import codecs
import functools

import numpy as np
import numpy.typing as npt

from codling.vocab import DOC, Vocab

__all__ = ["Pieces"]

_MAX_PENDING = 4_096  # unfinished characters whose masks are kept; each costs V x 4 bytes
_CONTINUATION = range(0x80, 0xC0)


class Pieces:
    """What each token adds to a text."""

    def __init__(self, vocab: Vocab) -> None:
        self.size = vocab.size
        self._pieces = vocab.pieces()
        self._texts = [_whole_text(piece) for piece in self._pieces]
        self._masks: dict[bytes, npt.NDArray[np.float32]] = {b"": self._mask_of_starts()}
        self.first_V: tuple[str, ...] = tuple(text[:1] if text else "" for text in self._texts)
        "First character of each token; empty for DOC and for bytes of longer characters."

    def mask(self, pending: bytes = b"") -> npt.NDArray[np.float32]:
        """What to add to log-probabilities [V] so that only tokens that go on well remain: 0 or -inf.

        DOC is allowed where no character is unfinished: it says that the document ends here. Control characters other
        than tab and newline are not, nor a second way to spell a character that has a token of its own.
        """
        mask = self._masks.get(pending)
        if mask is None:
            mask = np.full(self.size, -np.inf, np.float32)
            for token, piece in enumerate(self._pieces):
                if piece and piece[0] in _CONTINUATION and _decode(pending + piece) is not None:
                    mask[token] = 0
            if len(self._masks) < _MAX_PENDING:
                self._masks[pending] = mask
        return mask

    def push(self, pending: bytes, token: int) -> tuple[str, bytes]:
        """The text that a token completes, and the bytes that stay unfinished.

        The token must be one that the mask allows; DOC completes nothing.
        """
        text = self._texts[token]
        if text is not None and not pending:
            return text, b""
        decoded = _decode(pending + self._pieces[token])
        assert decoded is not None, "a token that the mask forbids"
        return decoded

    @functools.lru_cache(maxsize=256)  # noqa: B019 - a model's pieces live as long as the model
    def starting_with(self, characters: frozenset[str]) -> npt.NDArray[np.bool_]:
        """Which tokens begin with one of these characters, bool [V]."""
        return np.array([first in characters and first != "" for first in self.first_V])

    def _mask_of_starts(self) -> npt.NDArray[np.float32]:
        mask = np.full(self.size, -np.inf, np.float32)
        mask[DOC] = 0
        seen: set[bytes] = set()
        for token, piece in enumerate(self._pieces):
            if not piece or piece in seen:
                continue
            seen.add(piece)
            decoded = _decode(piece)
            if decoded is not None and not any(_is_control(character) for character in decoded[0]):
                mask[token] = 0
        return mask


def _is_control(character: str) -> bool:
    return (character < " " and character not in "\n\t") or "\x7f" <= character < "\xa0"


def _whole_text(piece: bytes) -> str | None:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode(data: bytes) -> tuple[str, bytes] | None:
    """The characters that bytes spell and the beginning of another that they end with; None when that is no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        text = decoder.decode(data)
    except UnicodeDecodeError:
        return None
    pending = decoder.getstate()[0]
    if pending[:1] == b"\xed" and pending[1:2] >= b"\xa0":  # half a surrogate, which Python waits for in vain
        return None
    return text, pending
