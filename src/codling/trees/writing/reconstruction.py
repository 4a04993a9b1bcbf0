"""Descriptions said back from programs: what a network is given for that, and what it should say.

A candidate that leaves out half of what was asked for may be likely, but nobody would describe it so. The probability
of the description given the program, besides that of the program given the description, tells such a one from the
right one.

Yin & Neubig 2019, *Reranking for neural semantic parsing*. Differs: the program is read as the actions of its tree, and
there is no third network that compares both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from codling.errors import BundleError
from codling.trees.grammar.asdl import Production
from codling.trees.grammar.tree import Action, Close
from codling.trees.writing.lexicon import FIRST_RULE, START, TEXT, Lexicon
from codling.trees.writing.words import Word

__all__ = [
    "END_SAID",
    "FIRST_SAID",
    "GRAPH",
    "TABLES",
    "UNKNOWN",
    "Retold",
    "Tables",
    "asked_by",
    "counted",
    "retold",
    "said_by",
]

TABLES, GRAPH = "reconstruction.json", "reconstruct.onnx"
"Files: the tables, in a run and in a bundle, and a bundle's graph."

UNKNOWN, END_SAID, FIRST_SAID = range(3)
"Of the words that are said: any that is not among them, the end, and where the others begin."

MAX_ACTIONS = 600
"Of a program that are read: the longest program of the training sets has fewer."

_ENDINGS = ".,;:!?…"
_REPEATING = ("raw", "inner")  # words that a quoted text gives besides itself: who says one has said the other


@dataclass(frozen=True, slots=True)
class Retold:
    """A program, and the description that should be said of it."""

    actions: tuple[int, ...]
    "As a decoder reads them back: TEXT, or FIRST_RULE + the number of a production; ends of lists are left out."
    texts: tuple[str, ...]
    "What each of them wrote; empty for productions."
    words: tuple[Word, ...]


class Tables:
    """What a network that says descriptions back knows: a lexicon of its own, and the words that it says."""

    def __init__(self, lexicon: Lexicon, said: Sequence[str], graph: str = "") -> None:
        """Args:
        graph: SHA-256 of the graph that they are of, in a bundle; empty in a run.
        """
        self.lexicon, self.said, self.graph = lexicon, list(said), graph
        self._number = {word: FIRST_SAID + i for i, word in enumerate(self.said)}

    def number(self, word: Word) -> int:
        """Which output says it; UNKNOWN for none."""
        return self._number.get(word.value, UNKNOWN)

    def to_json(self) -> dict[str, Any]:
        """Without the lexicon's texts to write, which nothing here needs."""
        return {"graph": self.graph, "lexicon": self.lexicon.to_json() | {"wholes": []}, "said": self.said}

    @staticmethod
    def from_json(text: str) -> Tables:
        """Read what to_json gave.

        Raises:
            BundleError: it is damaged, or of another format.
        """
        try:
            data = json.loads(text)
            said, lexicon, graph = data["said"], data["lexicon"], data["graph"]
        except (ValueError, KeyError, TypeError, RecursionError):
            said = lexicon = graph = None
        if not isinstance(said, list) or not all(isinstance(word, str) for word in said):
            raise BundleError("what descriptions are said back with is damaged; get the bundle again")
        return Tables(Lexicon.from_json(json.dumps(lexicon)), said, str(graph))


def asked_by(words: Sequence[Word]) -> tuple[Word, ...]:
    """Those of a description that its program is judged by: without the sign at the end, which some people write and
    others don't, and which no program could tell."""
    said = _said(words)
    end = len(said)
    while end and said[end - 1].kind == "sign" and said[end - 1].value in _ENDINGS:
        end -= 1
    return said[:end]


def counted(words: Sequence[Word]) -> list[bool]:
    """Which of the words count: all but those that spell a module's dotted name again, which stands before them."""
    counts = [True] * len(words)
    for i, word in enumerate(words):
        if word.kind != "joined" or "." not in word.value:
            continue
        spelt, end = "", i + 1
        while end < len(words) and len(spelt) < len(word.value):
            spelt += words[end].value
            end += 1
        if spelt == word.value:
            counts[i + 1 : end] = [False] * (end - i - 1)
    return counts


def _said(words: Iterable[Word]) -> tuple[Word, ...]:
    """Those of a description that are said back."""
    return tuple(word for word in words if word.kind not in _REPEATING)


def said_by(descriptions: Iterable[Sequence[Word]], min_count: int) -> list[str]:
    """The words that at least so many descriptions have, the most frequent first."""
    counts: Counter[str] = Counter()
    for words in descriptions:
        counts.update({word.value for word in _said(words)})
    found = (word for word, count in counts.items() if count >= min_count)
    return sorted(found, key=lambda word: (-counts[word], word))


def retold(words: Iterable[Word], actions: Iterable[Action], lexicon: Lexicon) -> Retold:
    """Args:
    words: of the description.
    actions: of the program; productions that the lexicon lacks are read as one that says nothing.
    """
    read: list[tuple[int, str]] = []
    for action in actions:
        if isinstance(action, Production):
            rule = lexicon.rule(action)
            read.append((START if rule is None else FIRST_RULE + rule, ""))
        elif not isinstance(action, Close):
            read.append((TEXT, action))
    del read[MAX_ACTIONS:]
    return Retold(tuple(number for number, _ in read), tuple(text for _, text in read), _said(words))
