"""Would a greedy decoder have written the next lexical token? Told from one pass over a text."""

# N vocabulary tokens ("pieces") of a text

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.complete.lexical import extends
from codling.engine.evaluation import Predictions
from codling.evaluate.lexemes import KINDS, Lexeme, white_space

__all__ = ["Hits", "hits"]

_QUOTES = b"'\""


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Which lexical tokens of one text were predicted."""

    kinds: npt.NDArray[np.int8]
    "Index into KINDS, per token."
    right: npt.NDArray[np.bool_]
    "Exactly this token was predicted."
    begun: npt.NDArray[np.bool_]
    "The same; but of a literal, that one of its kind begins: a string's prefix and quote, a number's digit."


def hits(
    text: str, lexemes: Sequence[Lexeme], predictions: Predictions, pieces: Sequence[bytes], language: str
) -> Hits:
    """Decide for each lexical token whether greedy decoding from the end of the one before gives exactly it.

    That is so when every piece of the token is the likeliest one given the true pieces before it, and when what is
    likeliest behind it does not make it longer. White space does not count: what is likeliest may have other white
    space in front, and of white space before the token any is as good. So a decoder that spells a token in other pieces
    than the vocabulary's own way is taken to be wrong; and it is taken to read the file's white space, not its own.

    Args:
        predictions: for the whole text.
        pieces: the vocabulary's.
    """
    walk = _Walk(text, predictions, pieces, white_space(language).encode())
    rows = [walk.judge(lexeme, lexemes[i - 1] if i else None) for i, lexeme in enumerate(lexemes)]
    table = np.array(rows, np.bool_).reshape(-1, 2)
    kinds = np.array([KINDS.index(lexeme.kind) for lexeme in lexemes], np.int8)
    return Hits(kinds, table[:, 0], table[:, 1])


class _Walk:
    """A text, cut in pieces in two ways: the true ones and, at the same places, the likeliest."""

    def __init__(self, text: str, predictions: Predictions, pieces: Sequence[bytes], white: bytes) -> None:
        self._text = text
        self._white = white
        self._true: list[bytes] = [pieces[token] for token in predictions.tokens.tolist()]
        self._likeliest: list[bytes] = [pieces[token] for token in predictions.likeliest.tolist()]
        self._ids: list[int] = predictions.tokens.tolist()
        self._likeliest_ids: list[int] = predictions.likeliest.tolist()
        lengths = np.array([len(piece) for piece in self._true], np.int64)
        self._ends: list[int] = np.cumsum(lengths).tolist()
        self._byte_of: list[int] | None = None
        if not text.isascii():
            sizes = [len(character.encode("utf-8", "surrogatepass")) for character in text]
            self._byte_of = [0, *np.cumsum(sizes).tolist()]

    def judge(self, lexeme: Lexeme, before: Lexeme | None) -> tuple[bool, bool]:
        """Whether a token was predicted, and whether at least its kind of literal was.

        Args:
            before: the token before it.
        """
        start, end = self._byte(lexeme.start), self._byte(lexeme.end)
        first, last = bisect.bisect_right(self._ends, start), bisect.bisect_left(self._ends, end)
        expected = self._expected(first, lexeme, before)
        if lexeme.kind == "newline":  # its piece may hold the next line's indentation, whatever that is
            right = expected[:1] == b"\n"
            return right, right
        is_first_right = expected == self._true[first].lstrip(self._white)
        right = is_first_right and self._are_right(first + 1, last + 1) and not self._goes_on(lexeme, last)
        if lexeme.kind == "string":
            return right, is_first_right and self._are_right(first + 1, self._quote(start) + 1)
        if lexeme.kind == "number":
            return right, expected[:1].isdigit()
        return right, right

    def _expected(self, first: int, lexeme: Lexeme, before: Lexeme | None) -> bytes:
        """What is likeliest where the token's first piece stands, without white space in front."""
        at = first
        end = before.end if before else 0
        if not (before is None or before.kind == "newline" or self._text[end : lexeme.start].strip()):
            # A decoder starts behind the token before. The indentation of a line is given, and so is a comment.
            while at and self._ends[at - 1] > self._byte(end):
                at -= 1
            while at < first and self._likeliest[at] and not self._likeliest[at].strip(self._white):
                at += 1
        return self._likeliest[at].lstrip(self._white)

    def _are_right(self, start: int, end: int) -> bool:
        return self._ids[start:end] == self._likeliest_ids[start:end]

    def _quote(self, start: int) -> int:
        """The piece with the opening quote of a string; all of the quotes, if there are three."""
        at = next(i for i in range(start, self._ends[-1]) if self._byte_at(i) in _QUOTES)
        quotes = bytes(self._byte_at(i) for i in range(at, min(at + 3, self._ends[-1])))
        return bisect.bisect_right(self._ends, at + 2 if quotes in (b'"""', b"'''") else at)

    def _goes_on(self, lexeme: Lexeme, last: int) -> bool:
        """Whether the likeliest piece behind a token makes it longer."""
        following = self._likeliest[last + 1]
        if last + 1 < len(self._ids) and self._likeliest_ids[last + 1] == self._ids[last + 1]:
            return False  # that is what stands there, and the token ends before it
        if lexeme.kind == "string" and lexeme.end - lexeme.start > 2:
            return False  # behind the closing quote begins another
        character = following.decode("utf-8", "replace")[:1]
        return character != "" and extends(self._text[lexeme.start : lexeme.end], character)

    def _byte(self, at: int) -> int:
        return at if self._byte_of is None else self._byte_of[at]

    def _byte_at(self, at: int) -> int:
        piece = bisect.bisect_right(self._ends, at)
        return self._true[piece][at - self._ends[piece]]
