"""The peer of a token benchmark: n-grams over lexical tokens, from a corpus, the project and the file, nested.

After Hellendoorn & Devanbu 2017 ("Are deep neural networks the best choice for modeling source code?"): the contexts of
each length are asked in the corpus, then in the project, then in the file, and each says how much it leaves of what the
ones before said (Witten & Bell 1991). A token carries one space in front if there is white space before it, so that
what is predicted can be typed; for being right the space does not count.
"""

# N tokens, K length of a context

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["ORDER", "FileCounts", "NestedNgram", "Table", "Vocabulary", "cut"]

ORDER = 5  # tokens of the longest n-gram, the predicted one included
FOLLOWERS = 64  # most frequent ones of a context that are looked at; the others have next to nothing
MAX_LINE = 60  # tokens
_LEAST = 1e-4  # probability that a word nobody has seen is whole

_STRING = r"""[A-Za-z]{0,2}(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
_TOKEN = re.compile(
    rf"[ \t]*(?:\n\s*|{_STRING}|\d[\w.]*|\.\d[\w.]*|\w+|\*\*=|//=|>>>=|>>=|<<=|\.\.\.|->|=>|:=|\*\*|//|<<|>>|&&|\|\|"
    r"|\+\+|--|[-+*/%&|^@=!<>]=|\S)",
    re.S,
)


def cut(text: str, *, line_ends: bool = True) -> list[str]:
    """A text's tokens; a run of line ends is "\\n", or a space if line ends are none.

    Where they are none, in Java, >> closes two type parameters more often than it shifts.
    """
    tokens = []
    space = ""
    for found in _TOKEN.findall(text.rstrip()):
        bare = found.strip()
        if bare:
            first = len(tokens)
            tokens.append((space or (" " if found[0] in " \t" and tokens and tokens[-1] != "\n" else "")) + bare)
            if bare == ">>" and not line_ends:
                tokens[first:] = [tokens[first][:-1], ">"]
            space = ""
        elif line_ends:
            tokens.append("\n")
        else:
            space = " "
    return tokens


class Vocabulary:
    """Tokens by number; new ones get the next."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._ids: dict[str, int] = {}

    def __call__(self, tokens: Iterable[str]) -> list[int]:
        ids = []
        for token in tokens:
            known = self._ids.get(token)
            if known is None:
                known = self._ids[token] = len(self.words)
                self.words.append(token)
            ids.append(known)
        return ids


class Table:
    """Counts of what followed which context, sorted, for texts that do not change."""

    def __init__(self, tokens_N: npt.NDArray[np.int64]) -> None:
        self._orders = [_Order(keys_N, tokens_N[size:]) for size, keys_N in enumerate(_context_keys(tokens_N))]

    def followers(self, context: Sequence[int], size: int) -> tuple[int, int, list[tuple[int, int]]] | None:
        """How often a context's last size tokens occur, with how many successors, and the most frequent of these."""
        return self._orders[size].find(_key(context[len(context) - size :]))


class FileCounts:
    """The same for a text that grows at its end."""

    def __init__(self) -> None:
        self._counts: list[defaultdict[tuple[int, ...], dict[int, int]]] = [defaultdict(dict) for _ in range(ORDER)]
        self._totals: list[defaultdict[tuple[int, ...], int]] = [defaultdict(int) for _ in range(ORDER)]

    def add(self, context: Sequence[int], token: int) -> None:
        for size in range(min(ORDER, len(context) + 1)):
            key = tuple(context[len(context) - size :])
            known = self._counts[size][key]
            known[token] = known.get(token, 0) + 1
            self._totals[size][key] += 1

    def followers(self, context: Sequence[int], size: int) -> tuple[int, int, list[tuple[int, int]]] | None:
        key = tuple(context[len(context) - size :])
        known = self._counts[size].get(key)
        if not known:
            return None
        if len(known) <= FOLLOWERS:
            return self._totals[size][key], len(known), list(known.items())
        best = sorted(known.items(), key=lambda item: -item[1])[:FOLLOWERS]
        return self._totals[size][key], len(known), best


class NestedNgram:
    """Predicts the next token from several sources, the most general first."""

    def __init__(self, vocabulary: Vocabulary, sources: Sequence[Table | FileCounts]) -> None:
        self.vocabulary = vocabulary
        self.sources = sources

    def scores(self, context: Sequence[int]) -> dict[int, float]:
        """Probabilities of the tokens that have any worth mentioning."""
        scores: dict[int, float] = {}
        for size in range(min(ORDER, len(context) + 1)):
            for source in self.sources:
                found = source.followers(context, size)
                if found is None:
                    continue
                total, distinct, best = found
                kept = distinct / (total + distinct)
                scores = {token: kept * score for token, score in scores.items()}
                for token, count in best:
                    scores[token] = scores.get(token, 0.0) + count / (total + distinct)
        return scores

    def ranked(self, context: Sequence[int], num: int, begun: str = "") -> list[str]:
        """What to write next, most probable first: a token with its space, or the rest of the one that is begun.

        Args:
            begun: the word before the cursor, which is not in the context; it may be whole already.
        """
        scores = self.scores(context)
        if not begun:
            return self._best(scores, num)
        words = self.vocabulary.words
        texts: dict[str, float] = {}
        whole = _LEAST
        for token, score in scores.items():
            bare = words[token].strip(" ")
            if bare == begun:
                whole += score
            elif bare.startswith(begun):
                texts[bare[len(begun) :]] = texts.get(bare[len(begun) :], 0.0) + score
        (number,) = self.vocabulary([begun])  # with a space or not: what follows a word hardly depends on that
        for token, score in self.scores([*context, number]).items():
            if not _is_word(words[token][0]):
                texts[words[token]] = texts.get(words[token], 0.0) + whole * score
        return sorted(texts, key=lambda text: -texts[text])[:num]

    def line(self, context: Sequence[int], begun: str = "") -> str:
        """The rest of the line, token by token."""
        context, text = list(context), ""
        for _ in range(MAX_LINE):
            best = next(iter(self.ranked(context, 1, begun)), "\n")
            if best == "\n":
                break
            text += best
            if begun and not _is_word(best[0]):
                context += self.vocabulary([begun, best])
            else:
                context += self.vocabulary([begun + best])
            begun = ""
        return text

    def _best(self, scores: dict[int, float], num: int) -> list[str]:
        """Tokens by probability; with and without a space they are one, in the more probable spelling."""
        best: dict[str, tuple[float, float, str]] = {}
        for token, score in scores.items():
            word = self.vocabulary.words[token]
            total, most, spelling = best.get(word.strip(" "), (0.0, 0.0, word))
            best[word.strip(" ")] = (total + score, max(most, score), word if score > most else spelling)
        return [spelling for _, _, spelling in sorted(best.values(), key=lambda row: -row[0])[:num]]


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


class _Order:
    """One length of context: for each its key, and its followers, most frequent first."""

    def __init__(self, keys_N: npt.NDArray[np.uint64], next_N: npt.NDArray[np.int64]) -> None:
        order = np.lexsort((next_N, keys_N))
        keys_N, next_N = keys_N[order], next_N[order]
        new = np.ones(len(keys_N), np.bool_)
        new[1:] = (keys_N[1:] != keys_N[:-1]) | (next_N[1:] != next_N[:-1])
        starts = np.flatnonzero(new)
        counts = np.diff(np.append(starts, len(keys_N)))
        keys, following = keys_N[starts], next_N[starts]
        order = np.lexsort((-counts, keys))
        keys, self._next, self._counts = keys[order], following[order].astype(np.int32), counts[order].astype(np.int32)
        new = np.ones(len(keys), np.bool_)
        new[1:] = keys[1:] != keys[:-1]
        self._starts = np.append(np.flatnonzero(new), len(keys))
        self._keys = keys[self._starts[:-1]]
        self._totals = np.add.reduceat(self._counts, self._starts[:-1]) if len(keys) else np.zeros(0, np.int64)

    def find(self, key: int) -> tuple[int, int, list[tuple[int, int]]] | None:
        place = int(np.searchsorted(self._keys, np.uint64(key)))
        if place == len(self._keys) or self._keys[place] != key:
            return None
        start, stop = int(self._starts[place]), int(self._starts[place + 1])
        top = slice(start, min(stop, start + FOLLOWERS))
        return (
            int(self._totals[place]),
            stop - start,
            list(zip(self._next[top].tolist(), self._counts[top].tolist(), strict=True)),
        )


_FACTOR = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def _key(context: Sequence[int]) -> int:
    key = 1
    for token in context:
        key = (key * _FACTOR + token + 1) & _MASK
        key ^= key >> 29
    return key


def _context_keys(tokens_N: npt.NDArray[np.int64]) -> list[npt.NDArray[np.uint64]]:
    """For each length of context, the keys of all places that have so many tokens before them; as _key has them."""
    found = []
    num = len(tokens_N)
    plus = (tokens_N + 1).astype(np.uint64)
    for size in range(ORDER):
        keys = np.ones(max(0, num - size), np.uint64)
        for back in range(size):  # the oldest first
            keys = keys * np.uint64(_FACTOR) + plus[back : back + len(keys)]
            keys ^= keys >> np.uint64(29)
        found.append(keys)
    return found
