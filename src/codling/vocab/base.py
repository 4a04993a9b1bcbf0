"""What every vocabulary offers, and how one is read from a bundle or a corpus."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from codling.errors import BundleError

__all__ = ["DOC", "Vocab", "read_vocab", "text_of"]

DOC = 0
"Id of the token that starts every document, in every vocabulary; it stands for no text."


class Vocab(Protocol):
    """A lossless map between text and ids in [0, size)."""

    @property
    def size(self) -> int: ...

    @property
    def unit(self) -> str:
        """What an id stands for, in a word: "character" or "sub-word"."""
        ...

    def encode(self, text: str) -> list[int]:
        """Ids of a text; never contains DOC."""
        ...

    def seam(self, text: str) -> int:
        """Length of the text up to a place that a token ends at, whatever is written behind the text.

        The ids before that place stay as they are while somebody types on; the rest is short, of the last line.
        """
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids; DOC stands for nothing, an unfinished UTF-8 sequence for U+FFFD."""
        ...

    def pieces(self) -> Sequence[bytes]:
        """The UTF-8 bytes that each id stands for, by id; empty for DOC, and for ids that are not used."""
        ...

    def to_json(self) -> dict[str, Any]: ...


def text_of(pieces: Iterable[bytes]) -> str:
    """The text that pieces spell together, an unfinished UTF-8 sequence as U+FFFD."""
    joined = b"".join(pieces)
    try:
        return joined.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return joined.decode("utf-8", "replace")


def read_vocab(path: Path) -> Vocab:
    """Read the vocabulary of a bundle or a corpus.

    Raises:
        BundleError: the file is missing, is not a vocabulary, or is of a kind that this version does not know.
    """
    from codling.vocab.bpe import BpeVocab
    from codling.vocab.chars import CharVocab

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"cannot read the vocabulary {path}: {error}") from None
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind == "characters":
        return CharVocab.from_json(data)
    if kind == "bpe":
        return BpeVocab.from_json(data)
    raise BundleError(f"{path}: unknown kind of vocabulary {kind!r}; a newer codling may read it")
