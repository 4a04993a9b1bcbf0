"""Text and code as small integers: identifiers fall apart into words, words into pieces of a fixed vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

__all__ = ["Pieces", "identifier_spans", "identifiers", "split_identifier", "word_spans"]

_IDENTIFIER = re.compile(r"[^\W\d][\w]*|\d+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")

_MAX_CACHED = 400_000  # identifiers, about 60 MB; a package like Django has 30,000
_MAX_IDENTIFIER = 80  # characters; longer ones are keys and hashes, and only their beginning is read
_MAX_DIGITS = 4  # a year or a port is a word, a longer number says nothing


def identifiers(text: str) -> list[str]:
    """The identifiers, words and numbers of a text, in order."""
    return _IDENTIFIER.findall(text)


def split_identifier(identifier: str) -> list[str]:
    """The words of an identifier, lower case: ``parseHTTPHeader2`` gives parse, http, header, 2."""
    parts = _PART.findall(identifier)
    return [part.lower() for part in parts if not (part.isdigit() and len(part) > _MAX_DIGITS)]


def identifier_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the identifiers, words and numbers of a text stand, in code points."""
    return (match.span() for match in _IDENTIFIER.finditer(text))


def word_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the words of the identifier between two places stand, in code points."""
    return (match.span() for match in _PART.finditer(text, start, end))


class Pieces:
    """A vocabulary of word pieces: whole words, and ``##`` continuations for words that it does not have.

    A word is cut greedily, the longest piece first (WordPiece, Wu et al. 2016); what cannot be cut is left out. Safe to
    share between threads: its cache only ever gains equal values.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = tuple(pieces)
        self._ids = {piece: number for number, piece in enumerate(self._pieces)}
        self._longest = max(map(len, self._pieces), default=0)
        self._cache = _Cache(self)

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, number: int) -> str:
        return self._pieces[number]

    def ids(self, text: str) -> list[int]:
        """Piece ids of a text or a stretch of code, in order; punctuation and operators are passed over."""
        return self.ids_of(identifiers(text))

    def ids_of(self, found: Iterable[str]) -> list[int]:
        """Piece ids of identifiers, in order."""
        if len(self._cache) > _MAX_CACHED:
            self._cache = _Cache(self)
        return list(chain.from_iterable(map(self._cache.__getitem__, found)))

    def ids_of_words(self, words: Iterable[str]) -> list[int]:
        """Piece ids of lower-case words."""
        return list(chain.from_iterable(map(self._cut, words)))

    def _cut(self, word: str) -> tuple[int, ...]:
        whole = self._ids.get(word)
        if whole is not None:
            return (whole,)
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                number = self._ids.get(prefix + word[start:end])
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                start += 1  # a letter of a script that the vocabulary has not seen
        return tuple(found)


class _Cache(dict[str, tuple[int, ...]]):
    """Identifier to piece ids; a miss is computed once."""

    def __init__(self, pieces: Pieces) -> None:
        super().__init__()
        self._owner = pieces

    def __missing__(self, identifier: str) -> tuple[int, ...]:
        ids = tuple(self._owner.ids_of_words(split_identifier(identifier[:_MAX_IDENTIFIER])))
        self[identifier] = ids
        return ids
