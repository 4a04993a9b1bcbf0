"""Characters as tokens, with bytes for the rare ones, so that any text survives the round trip.

Frequent characters have an id each. Every other character is spelt as its UTF-8 bytes (SentencePiece's byte fallback):
an emoji costs four tokens, and nothing is ever "unknown".
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from codling.errors import BundleError
from codling.vocab.base import text_of

__all__ = ["CharVocab"]

_PRINTABLE_ASCII = "".join(map(chr, range(32, 127)))
_BASE = "\n\t" + _PRINTABLE_ASCII


class CharVocab:
    """Ids: 0 is DOC, then one per character, then 256 for the bytes of all other characters."""

    unit = "character"

    def __init__(self, characters: str = _BASE) -> None:
        if len(set(characters)) != len(characters):
            raise BundleError("a character vocabulary names each character once")
        self.characters = characters
        self._first_byte = 1 + len(characters)
        self._id_of = {ord(character): 1 + i for i, character in enumerate(characters)}

    @classmethod
    def train(cls, texts: Iterable[str], min_count: int = 1_000) -> CharVocab:
        """Printable ASCII, newline and tab, and every other character that occurs at least min_count times."""
        counts: Counter[str] = Counter()
        for text in texts:
            if not text.isascii():
                counts.update(character for character in text if ord(character) > 127)
        return cls(_BASE + "".join(sorted(c for c, n in counts.items() if n >= min_count)))

    @property
    def size(self) -> int:
        return self._first_byte + 256

    def encode(self, text: str) -> list[int]:
        id_of = self._id_of
        try:
            return [id_of[ord(character)] for character in text]
        except KeyError:  # some character is rare: take the slow way
            ids: list[int] = []
            for character in text:
                known = id_of.get(ord(character))
                if known is not None:
                    ids.append(known)
                else:  # a lone surrogate has no UTF-8; surrogatepass keeps even that
                    ids.extend(self._first_byte + byte for byte in character.encode("utf-8", "surrogatepass"))
            return ids

    def seam(self, text: str) -> int:
        return len(text)

    def decode(self, ids: Iterable[int]) -> str:
        pieces = self.pieces()
        return text_of(pieces[i] for i in ids)

    def pieces(self) -> Sequence[bytes]:
        return self._pieces

    @functools.cached_property
    def _pieces(self) -> tuple[bytes, ...]:
        return (
            b"",  # DOC
            *(character.encode("utf-8") for character in self.characters),
            *(bytes([byte]) for byte in range(256)),
        )

    def to_json(self) -> dict[str, Any]:
        return {"kind": "characters", "characters": self.characters}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CharVocab:
        characters = data.get("characters")
        if not isinstance(characters, str) or not characters:
            raise BundleError("a character vocabulary needs its characters")
        return cls(characters)
