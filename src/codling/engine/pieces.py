"""A vocabulary's pieces as text: which may come next so that what comes out is always well-formed UTF-8.

A character model spells rare characters as bytes, and a sub-word's bytes may end inside a character. So a decoder here
keeps the bytes of an unfinished character ("pending") beside its text, and asks which tokens go on from them.

A cursor may stand within a token. Then the model has read the text up to the token's start only, and what was typed
since is owed: the tokens that come first must spell it ("token healing").
"""

# V vocabulary

from __future__ import annotations

import bisect
import codecs
import functools
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from codling.vocab import DOC, Vocab

__all__ = ["NATS_PER_BYTE", "Pieces"]

_MAX_PENDING = 4_096  # unfinished characters whose masks are kept; each costs V x 4 bytes
_MAX_OWING = 256  # beginnings of tokens whose masks are kept
NATS_PER_BYTE = 1.5  # of a name that the model has not seen yet
_CONTINUATION = range(0x80, 0xC0)


class Pieces:
    """What each token adds to a text."""

    def __init__(self, vocab: Vocab) -> None:
        self.size = vocab.size
        self._pieces = vocab.pieces()
        self._texts = [_whole_text(piece) for piece in self._pieces]
        self._is_sound = [text is not None and not any(map(_is_control, text)) for text in self._texts]
        self._masks: dict[bytes, npt.NDArray[np.float32]] = {b"": self._mask_of_starts()}
        self._sorted = sorted((piece, token) for token, piece in enumerate(self._pieces) if piece)
        self._owing: OrderedDict[bytes, npt.NDArray[np.float32]] = OrderedDict()
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

    def owing(self, owed: bytes) -> npt.NDArray[np.float32]:
        """As mask, where typed bytes are still owed: only tokens that begin with them or spell a part of them.

        Args:
            owed: not empty; where it ends, a character ends.
        """
        mask = self._owing.get(owed)
        if mask is None:
            mask = np.full(self.size, -np.inf, np.float32)
            seen: set[bytes] = set()
            for token in [*self._spelling_part_of(owed), *self.paying(owed).tolist()]:
                if self._pieces[token] not in seen:  # a second way to spell it is never used
                    seen.add(self._pieces[token])
                    mask[token] = 0
            self._owing[owed] = mask
            while len(self._owing) > _MAX_OWING:
                self._owing.popitem(last=False)
        return mask

    @functools.lru_cache(maxsize=64)  # noqa: B019 - a model's pieces live as long as the model
    def price(self, owed: bytes) -> npt.NDArray[np.float32]:
        """What it will take to spell what stays owed after each token, in nats, [V]; a rule of thumb.

        A beam must compare ways to spell a name that have come to different places in it: by probability alone, those
        that have spelt the least of it look best.
        """
        price_V = np.zeros(self.size, np.float32)
        for token in self._spelling_part_of(owed):
            price_V[token] = NATS_PER_BYTE * (len(owed) - len(self._pieces[token]))
        return price_V

    @functools.lru_cache(maxsize=256)  # noqa: B019 - a model's pieces live as long as the model
    def paying(self, owed: bytes) -> npt.NDArray[np.int64]:
        """The tokens that begin with owed bytes and go on well behind them, lowest first."""
        first = bisect.bisect_left(self._sorted, (owed, -1))
        found, last = [], b""
        for piece, token in self._sorted[first:]:
            if not piece.startswith(owed):
                break
            if piece == last:
                continue
            last = piece
            if self._is_sound[token] or _is_sound(piece[len(owed) :]):
                found.append(token)
        return np.array(sorted(found), np.int64)

    def pay(self, owed: bytes, token: int) -> tuple[str, bytes, bytes]:
        """What a token that `owing` allows adds: text, the bytes that stay unfinished, and those that stay owed."""
        piece = self._pieces[token]
        if len(piece) < len(owed):
            return "", b"", owed[len(piece) :]
        decoded = _decode(piece[len(owed) :])
        assert decoded is not None, "a token that the mask forbids"
        return *decoded, b""

    def _spelling_part_of(self, owed: bytes) -> list[int]:
        """Tokens, in order, that are less than what is owed."""
        found = []
        for size in range(1, len(owed)):
            at = bisect.bisect_left(self._sorted, (owed[:size], -1))
            while at < len(self._sorted) and self._sorted[at][0] == owed[:size]:
                found.append(self._sorted[at][1])
                at += 1
        return sorted(found)

    def text(self, token: int) -> str:
        """What a token stands for, by itself; empty for DOC and for parts of a character."""
        return self._texts[token] or ""

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
            if _is_sound(piece):
                mask[token] = 0
        return mask


def _is_control(character: str) -> bool:
    return (character < " " and character not in "\n\t") or "\x7f" <= character < "\xa0"


def _is_sound(data: bytes) -> bool:
    """Whether bytes spell characters that may stand in source, and at most the beginning of another."""
    decoded = _decode(data)
    return decoded is not None and not any(map(_is_control, decoded[0]))


def _whole_text(piece: bytes) -> str | None:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode(data: bytes) -> tuple[str, bytes] | None:
    """The characters that bytes spell and the beginning of another that they end with; None when that is no UTF-8."""
    text = _whole_text(data)
    if text is not None:
        return text, b""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        text = decoder.decode(data)
    except UnicodeDecodeError:
        return None
    pending = decoder.getstate()[0]
    if pending[:1] == b"\xed" and pending[1:2] >= b"\xa0":  # half a surrogate, which Python waits for in vain
        return None
    return text, pending
