"""Byte-level byte-pair encoding made for code.

Text is first cut where a programmer sees a seam, so that no token reaches over one: a newline takes the indentation
behind it along, a word the space before it, and every operator and bracket stands by itself. Within words, merges are
learned in two rounds (after SuperBPE, Liu et al. 2025, which does the same for phrases): the first sees the parts of
identifiers, split at case and underscore, so that ``read_csv`` and ``CsvReader`` share theirs; the second may join
whole identifiers, which pays for the frequent ones (``self``, ``__init__``, ``DataFrame``).

Bytes are the base, so that any text survives the round trip (Sennrich et al. 2016 for BPE; Radford et al. 2019 for
bytes).
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from codling.errors import BundleError, ConfigError
from codling.vocab.base import text_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["BpeVocab"]

_OPERATORS = r"\*\*=?|//=?|>>>?=?|<<=?|\.\.\.|->|:=|::|[-+*/%&|^=!<>@]=|&&|\|\||\+\+|--|\"\"\"|'''|[^\s\w]"
_SEAMS = r"\n[ \t]*| ?[^\W\d]\w*| ?\d{1,3}| ?(?:" + _OPERATORS + r")|[ \t]+(?=[ \t])|\s"
"What a token stays within: a newline and its indentation, a word, up to three digits, an operator, other space."

_PARTS = r"[ ]?_*(?:\p{Lu}?[\p{Ll}\p{Lo}]+|\p{Lu}+(?!\p{Ll})|\p{N}+|_+)"
"The parts of a word, in the first round."

_NUM_SPECIAL = 3  # DOC, and two ids that are reserved and never written: models have been trained with them
_MIN_PAIRS = 2  # a pair that occurs only once is no pattern
_WHOLE_SHARE = 8  # one merge in so many joins parts of identifiers
_MIN_TEXTS = 5  # that a word must occur in for the second round to look at it
_WORD = re.compile(r" ?[^\W\d]\w*")
_BLANK = re.compile(r"[ \t]+")
_CLOSED = tuple("()[]{},;")  # no operator begins with these
_UNFINISHED = ("..", '""', "''")
_SURROGATES = re.compile("[\ud800-\udfff]")
_MAX_VOCAB = 65_536  # shards are uint16


class BpeVocab:
    """Ids: 0 is DOC, 1 and 2 are reserved and stand for nothing, then the 256 bytes, then one per merge."""

    unit = "sub-word"

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        """Args:
        merges: pairs of ids, most important first; the i-th makes id 259 + i.

        Raises:
            BundleError: a merge names an id that is not there yet, or makes a token that another makes already.
        """
        pieces = [b""] * _NUM_SPECIAL + [bytes([byte]) for byte in range(256)]
        for left, right in merges:
            if not (_NUM_SPECIAL <= left < len(pieces) and _NUM_SPECIAL <= right < len(pieces)):
                raise BundleError(f"a merge of the vocabulary joins {left} and {right}, of which one is not there yet")
            pieces.append(pieces[left] + pieces[right])
        if len(set(pieces)) != len(pieces) - _NUM_SPECIAL + 1:
            raise BundleError("two merges of the vocabulary make the same token")
        if len(pieces) > _MAX_VOCAB:
            raise BundleError(f"a vocabulary has at most {_MAX_VOCAB:,} tokens, not {len(pieces):,}")
        self.merges = [(int(left), int(right)) for left, right in merges]
        self._pieces = tuple(pieces)
        self._split: Any = None

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> BpeVocab:
        """Learn merges from texts, all of which are read once.

        Args:
            size: tokens in all, specials and bytes included; fewer when the texts have no more patterns.

        Raises:
            ConfigError: a size that is impossible.
        """
        if not _NUM_SPECIAL + 256 <= size <= _MAX_VOCAB:
            raise ConfigError(
                f"a sub-word vocabulary has from {_NUM_SPECIAL + 256} to {_MAX_VOCAB:,} tokens, not {size:,}"
            )
        kept = [_SURROGATES.sub("", text) for text in texts]
        num_merges = size - _NUM_SPECIAL - 256
        merges = _learn_parts(kept, num_merges - num_merges // _WHOLE_SHARE)
        return cls(merges + _learn_wholes(cls(merges), kept, num_merges - len(merges)))

    @property
    def size(self) -> int:
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        try:
            return [i + _NUM_SPECIAL for i in self._tokenizer.encode(text, add_special_tokens=False).ids]
        except TypeError:  # a lone surrogate has no UTF-8; it is spelt in bytes, as surrogatepass has it
            ids: list[int] = []
            start = 0
            for found in _SURROGATES.finditer(text):
                ids += self.encode(text[start : found.start()]) if found.start() > start else []
                ids += [_NUM_SPECIAL + byte for byte in found[0].encode("utf-8", "surrogatepass")]
                start = found.end()
            return ids + (self.encode(text[start:]) if start < len(text) else [])

    def seam(self, text: str) -> int:
        from tokenizers import Regex, pre_tokenizers

        line = max(0, text.rfind("\n"))  # every line end begins a token
        if self._split is None:
            self._split = pre_tokenizers.Split(Regex(_SEAMS), "isolated")
        spans = [span for _, span in self._split.pre_tokenize_str(_SURROGATES.sub("\ufffd", text[line:]))]
        if not spans:
            return len(text)
        start = int(spans[-1][0])
        if text.endswith(_CLOSED):
            return len(text)
        for first, end in reversed(spans[:-1]):
            whole = text[line + first :]
            # Space is cut before its last character, and three dots or quotes become one token with the third.
            if not (_BLANK.fullmatch(whole) or (end == start and whole.lstrip(" ") in _UNFINISHED)):
                break
            start = first
        return line + start

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """As encode, for many texts at once, on all cores."""
        try:
            return [
                [i + _NUM_SPECIAL for i in encoding.ids]
                for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
            ]
        except TypeError:
            return [self.encode(text) for text in texts]

    def decode(self, ids: Iterable[int]) -> str:
        return text_of(self._pieces[i] for i in ids)

    def pieces(self) -> Sequence[bytes]:
        return self._pieces

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers

        names = ["".join(_LETTERS[byte] for byte in piece) for piece in self._pieces]
        vocab = {name: i - _NUM_SPECIAL for i, name in enumerate(names) if name}
        tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[(names[a], names[b]) for a, b in self.merges]))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_SEAMS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        return tokenizer

    def __reduce__(self) -> tuple[Any, ...]:
        return BpeVocab, (self.merges,)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "bpe", "merges": [list(pair) for pair in self.merges]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> BpeVocab:
        merges = data.get("merges")
        if not isinstance(merges, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(type(i) is int for i in pair) for pair in merges
        ):
            raise BundleError("a sub-word vocabulary needs its merges, pairs of ids")
        return cls([(pair[0], pair[1]) for pair in merges])


def _letters() -> list[str]:
    """The character that stands for each byte in the tokenizers library: itself where it can be printed."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in printable}
    others = (chr(256 + i) for i in range(256))
    return [letters[byte] if byte in letters else next(others) for byte in range(256)]


_LETTERS = _letters()


def _learn_parts(texts: Sequence[str], num: int) -> list[tuple[int, int]]:
    """The first round of merges, within the parts of words."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SEAMS), "isolated"),
            pre_tokenizers.Split(Regex(_PARTS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=256 + num, min_frequency=_MIN_PAIRS, show_progress=False, initial_alphabet=_LETTERS
    )
    tokenizer.train_from_iterator(texts, trainer=trainer)
    id_of = {letter: _NUM_SPECIAL + byte for byte, letter in enumerate(_LETTERS)}
    merges = []
    for left, right in json.loads(tokenizer.to_str())["model"]["merges"]:
        merges.append((id_of[left], id_of[right]))
        id_of[left + right] = _NUM_SPECIAL + 256 + len(merges) - 1
    return merges


def _learn_wholes(parts: BpeVocab, texts: Sequence[str], num: int) -> list[tuple[int, int]]:
    """The second round: join the parts of the most frequent words, a pair at a time."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(_WORD.findall(text)))  # texts, not occurrences: one project's favourite word is no pattern
    frequent = [(word, count) for word, count in counts.items() if count >= _MIN_TEXTS]
    encoded = parts.encode_batch([word for word, _ in frequent])
    words = [(ids, count) for ids, (_, count) in zip(encoded, frequent, strict=True) if len(ids) > 1]
    pairs: Counter[tuple[int, int]] = Counter()
    where: dict[tuple[int, int], set[int]] = {}
    for index, (ids, count) in enumerate(words):
        for pair in itertools.pairwise(ids):
            pairs[pair] += count
            where.setdefault(pair, set()).add(index)
    known = set(parts.pieces())
    pieces = list(parts.pieces())
    merges: list[tuple[int, int]] = []
    while pairs and len(merges) < num:
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < _MIN_PAIRS:
            break
        joined = pieces[best[0]] + pieces[best[1]]
        if joined in known:  # the first round makes this token in another way
            del pairs[best]
            continue
        known.add(joined)
        pieces.append(joined)
        merges.append(best)
        for index in where.pop(best):
            ids, count = words[index]
            for pair in itertools.pairwise(ids):
                pairs[pair] -= count
            ids[:] = _merged(ids, best, len(pieces) - 1)
            for pair in itertools.pairwise(ids):
                pairs[pair] += count
                where.setdefault(pair, set()).add(index)
        del pairs[best]
    return merges


def _merged(ids: Sequence[int], pair: tuple[int, int], into: int) -> list[int]:
    """A word with a pair joined wherever it stands, from the left."""
    merged: list[int] = []
    for i in ids:
        if merged and (merged[-1], i) == pair:
            merged[-1] = into
        else:
            merged.append(i)
    return merged
