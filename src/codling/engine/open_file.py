"""The file that somebody types in, as a source of n-grams that keeps up with every keystroke.

The text is cut before each line end, where no token reaches over, so that only lines that changed are made into tokens
again. Of the tokens, a sorted snapshot is taken now and then; what has changed since lies in one stretch around the
cursor, so the places before and after it stay valid, and the stretch itself is short enough to compare token by token.
"""

# N tokens of the file, M places in the changed stretch, L lines, B contexts

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from codling.engine.ngrams import MAX_ORDER, Matches, Places, Tokens, contexts_of, join_matches, match_few
from codling.vocab import Vocab

__all__ = ["LineEncoder", "OpenFile", "settled"]

MAX_CHANGED = 320  # tokens in the changed stretch before a new snapshot is taken: a screenful; 3 ms for 2,000 lines

_UNSETTLED = re.compile(r"\n?[ \t]*(?:\w+|[^\w\s]+)?\Z")
_MAX_UNSETTLED = 256  # characters that are looked at; no word that counts is longer


def settled(text: str) -> str:
    """A text without the word, the operator or the indentation that it ends with, for these may still be growing.

    What is half typed must not be counted: it would be found as its own best match.
    """
    start = max(0, len(text) - _MAX_UNSETTLED)
    found = _UNSETTLED.search(text, start)
    return text[: found.start()] if found else text


class LineEncoder:
    """Makes a text that changes little by little into tokens."""

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab
        self._text = ""
        self._tokens_N: Tokens = np.zeros(0, np.uint16)
        self._chars_L = np.zeros(0, np.int64)  # where lines start, after the first: at a line end
        self._starts_L = np.zeros(0, np.int64)  # the same in tokens

    def __call__(self, text: str) -> Tokens:
        """The tokens of a text, uint16 [N]: as the vocabulary encodes it as a whole."""
        if text == self._text:
            return self._tokens_N
        old = self._text
        limit = min(len(old), len(text))
        same = _common_prefix(old, text, limit)
        # Lines are kept whose start, and that of the next line, lie within what is the same; the rest is read again.
        head = int(np.searchsorted(self._chars_L, same, side="left"))
        first = int(self._chars_L[head - 1]) if head else 0
        same_end = _common_suffix(old, text, limit - first - (head > 0))
        tail = int(np.searchsorted(self._chars_L, len(old) - same_end, side="left"))
        tail = max(tail, head)
        shift = len(text) - len(old)
        last = int(self._chars_L[tail]) + shift if tail < len(self._chars_L) else len(text)
        token_first = int(self._starts_L[head - 1]) if head else 0
        token_last = int(self._starts_L[tail]) if tail < len(self._starts_L) else len(self._tokens_N)

        tokens, chars, starts = self._encode(text[first:last])
        before, after = slice(None, head), slice(tail, None)
        token_shift = token_first + len(tokens) - token_last
        self._tokens_N = np.concatenate([self._tokens_N[:token_first], tokens, self._tokens_N[token_last:]])
        self._starts_L = np.concatenate(
            [self._starts_L[before], starts + token_first, self._starts_L[after] + token_shift]
        )
        self._chars_L = np.concatenate([self._chars_L[before], chars + first, self._chars_L[after] + shift])
        self._text = text
        return self._tokens_N

    def _encode(self, text: str) -> tuple[Tokens, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Tokens of some lines, and where each line after the first starts, in characters and in tokens."""
        lines = text.split("\n")
        pieces = [lines[0], *("\n" + line for line in lines[1:])]
        ids: list[int] = []
        starts: list[int] = []
        for number, piece in enumerate(pieces):
            if number:
                starts.append(len(ids))
            ids += self._vocab.encode(piece) if piece else []
        chars = np.cumsum([len(piece) for piece in pieces[:-1]], dtype=np.int64)
        return np.array(ids, np.uint16), chars, np.array(starts, np.int64)


class OpenFile:
    """The tokens of one file, searched while they change. Not safe to use from several threads at once."""

    def __init__(self, cap: int | None = None) -> None:
        """Args:
        cap: see Places; None for its own.
        """
        self._cap = {} if cap is None else {"cap": cap}
        self.tokens_N: Tokens = np.zeros(0, np.uint16)
        self._snapshot = Places(self.tokens_N, **self._cap)
        self._set_changed(0, 0)

    @property
    def num_bytes(self) -> int:
        return self._snapshot.num_bytes + self.tokens_N.nbytes

    def update(self, tokens_N: Tokens) -> None:
        """Take what the file holds now; documents in it start with DOC, and no context reaches over one."""
        old_N, self.tokens_N = self._snapshot.tokens_N, tokens_N
        limit = min(len(old_N), len(tokens_N))
        head = _same(old_N[:limit], tokens_N[:limit])
        limit -= head
        tail = _same(old_N[len(old_N) - limit :][::-1], tokens_N[len(tokens_N) - limit :][::-1])
        if len(tokens_N) - head - tail > MAX_CHANGED:
            self._snapshot = Places(tokens_N, **self._cap)
            head, tail = len(tokens_N), 0
        self._set_changed(head, tail)

    def find(self, contexts_BK: Tokens) -> Matches:
        """The places of the file that share a context's last tokens; they count from the file's start."""
        parts = []
        if len(self._snapshot.tokens_N):
            known = self._snapshot.find(contexts_BK)
            if self._head < len(self._snapshot.tokens_N) or self._shift:
                known = known.pick((known.places_R < self._head) | (known.places_R >= self._first_valid))
                known.places_R[known.places_R >= self._head] += self._shift
            parts.append(known)
        if self._changed_next.size or not parts:
            parts.append(match_few(contexts_BK, self._changed_contexts, self._changed_next, self._head))
        return join_matches(parts)

    def _set_changed(self, head: int, tail: int) -> None:
        """Divide the tokens into those before the change, those in it, and those whose context it touches."""
        self._head = head
        num = len(self.tokens_N)
        stop = min(num, num - tail + MAX_ORDER) if tail else num
        self._shift = num - len(self._snapshot.tokens_N)
        self._first_valid = stop - self._shift  # in the snapshot
        start = max(0, head - MAX_ORDER)
        contexts = contexts_of(self.tokens_N[start:stop])
        self._changed_contexts = contexts[head - start :]
        self._changed_next = self.tokens_N[head:stop]


def _same(one: Tokens, other: Tokens) -> int:
    """How many tokens are equal from the start on."""
    differ = one != other
    place = int(differ.argmax()) if len(differ) else 0
    return place if len(differ) and differ[place] else len(differ)


def _common_prefix(one: str, other: str, limit: int) -> int:
    """Length of the longest common prefix, at most limit."""
    low, high = 0, limit  # the first low characters are the same
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(one: str, other: str, limit: int) -> int:
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
