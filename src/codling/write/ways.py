"""How the programs of a beam may go on: from log-probabilities to the few choices that are worth following.

A text can come about in several ways, whole from the lexicon or copied from any of the places that the description has
it in; what they say is one choice, with the sum of their probabilities.
"""

# B programs, N words, T texts of a description, V wholes, P pieces, S programs that take a text, K ways to a text

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from codling.trees.grammar.building import fits
from codling.trees.writing.steps import Progress, said
from codling.write.model import Described, Floats, WriterModel

__all__ = ["LEAST", "Choice", "Way", "Ways"]

LEAST = math.log(1e-6)
"A choice of less than this log-probability is not followed."

_SLACK = 2  # times the beam: choices that are kept, since some of the best end a program or turn out to be no text


class Way(Enum):
    """What a choice does."""

    RULE = "apply a production, or end a list"
    WHOLE = "write a text of the lexicon"
    COPY = "write a text of the description"
    PIECE = "spell a piece"
    PART = "spell a text of the description"
    END = "end what is being spelt"


@dataclass(frozen=True, slots=True)
class Choice:
    """One way for a program to go on; the program is grown only if the choice is among the best."""

    score: float
    "Log-probability of the program with it."
    row: int
    "Of the program in the beam."
    way: Way
    number: int
    "Output of the head for productions, number of a whole, of a piece, or of one of the description's texts."


@dataclass(frozen=True, slots=True)
class _Kind:
    """What of a description and a lexicon can be a token of one type."""

    texts_T: npt.NDArray[np.bool_]
    wholes_V: npt.NDArray[np.bool_]
    "Without those that the description has, too, which count as copies."


class Ways:
    """The ways that one description gives."""

    def __init__(self, model: WriterModel, described: Described, beam: int) -> None:
        self._model, self._beam = model, beam
        self.texts: list[str] = list(dict.fromkeys(described.values))
        "Of the description, each once."
        number = {text: i for i, text in enumerate(self.texts)}
        self._places_NT = np.zeros((len(described.values), len(self.texts)), np.float32)
        self._places_NT[np.arange(len(described.values)), [number[value] for value in described.values]] = 1
        wholes = [model.lexicon.whole(text) for text in self.texts]
        self._known_T = np.array([whole is not None for whole in wholes], bool)
        self._whole_T = np.array([whole or 0 for whole in wholes], np.int64)
        self._kinds: dict[str, _Kind] = {}

    def best(
        self,
        scores: Sequence[float],
        progresses: Sequence[Progress],
        rules_BR: Floats,
        state_BH: Floats,
        memory_NM: Floats,
    ) -> list[Choice]:
        """The best choices of all programs together, best first.

        Args:
            scores: of the programs, descending.
        """
        texts = [row for row, progress in enumerate(progresses) if progress.takes_text]
        log_probs_SK = self._texts([progresses[row] for row in texts], state_BH[texts], memory_NM) if texts else None
        count = _SLACK * self._beam
        found: list[Choice] = []
        least = -math.inf
        for row, (score, progress) in enumerate(zip(scores, progresses, strict=True)):
            if score <= least:  # neither this one nor those after it can give anything better
                break
            at_least = max(LEAST, least - score)
            if progress.takes_text:
                assert log_probs_SK is not None
                found += self._text_choices(row, score, progress, log_probs_SK[texts.index(row)], at_least)
            else:
                log_probs_R = rules_BR[row]
                for rule in _above(log_probs_R, at_least, count):
                    found.append(Choice(score + float(log_probs_R[rule]), row, Way.RULE, int(rule)))
            if len(found) > count:
                found.sort(key=lambda choice: -choice.score)
                del found[count:]
                least = found[-1].score
        found.sort(key=lambda choice: -choice.score)
        return found

    def _texts(self, progresses: Sequence[Progress], state_SH: Floats, memory_NM: Floats) -> Floats:
        return self._model.texts(
            {
                "state": state_SH,
                "place": np.array([progress.place for progress in progresses], np.int64),
                "spelling": np.array([progress.spelt is not None for progress in progresses], bool),
                "memory": memory_NM,
            }
        )

    def _text_choices(
        self, row: int, score: float, progress: Progress, log_probs_K: Floats, least: float
    ) -> Iterator[Choice]:
        lexicon, count, kind = self._model.lexicon, _SLACK * self._beam, progress.slot.type
        num_wholes, num_pieces, num_words = len(lexicon.wholes), lexicon.vocab.size, len(self._places_NT)
        end = num_wholes + num_pieces
        parts_T = self._summed(log_probs_K[end + 1 + num_words :])
        begun = progress.spelt or ""
        if progress.spelt is None:
            fitting = self._kind(kind)
            wholes_V = log_probs_K[:num_wholes]
            whole_T = np.where(self._known_T, wholes_V[self._whole_T], -np.inf)
            copies_T = np.logaddexp(self._summed(log_probs_K[end + 1 : end + 1 + num_words]), whole_T)
            copies_T = np.where(fitting.texts_T, copies_T, -np.inf)
            for text in _above(copies_T, least, count):
                yield Choice(score + float(copies_T[text]), row, Way.COPY, int(text))
            for whole in _above(np.where(fitting.wholes_V, wholes_V, -np.inf), least, count):
                yield Choice(score + float(wholes_V[whole]), row, Way.WHOLE, int(whole))
        elif log_probs_K[end] > least and fits(begun, kind):
            yield Choice(score + float(log_probs_K[end]), row, Way.END, num_pieces)
        pieces_P = log_probs_K[num_wholes:end]
        for piece in _above(pieces_P, least, count):
            if _may_begin(begun + said(lexicon, int(piece)), kind):
                yield Choice(score + float(pieces_P[piece]), row, Way.PIECE, int(piece))
        for text in _above(parts_T, least, count):
            if _may_begin(begun + self.texts[text], kind):
                yield Choice(score + float(parts_T[text]), row, Way.PART, int(text))

    def _summed(self, log_probs_N: Floats) -> Floats:
        """Of each text, from those of its places, [T]."""
        with np.errstate(divide="ignore"):
            summed_T: Floats = np.log(np.exp(log_probs_N) @ self._places_NT)
        return summed_T

    def _kind(self, name: str) -> _Kind:
        found = self._kinds.get(name)
        if found is None:
            wholes_V = self._model.allowed[name].copy()
            wholes_V[self._whole_T[self._known_T]] = False
            found = _Kind(np.array([fits(text, name) for text in self.texts], bool), wholes_V)
            self._kinds[name] = found
        return found


def _above(log_probs: Floats, least: float, count: int) -> npt.NDArray[np.int64]:
    """Indices of those above a bound, at most ``count``, best first."""
    found = np.flatnonzero(log_probs > least)
    if len(found) > count:
        found = found[np.argpartition(log_probs[found], -count)[-count:]]
    return found[np.argsort(-log_probs[found])]


def _may_begin(text: str, kind: str) -> bool:
    """Whether a token of a type may begin so."""
    if kind == "identifier":
        return text.isidentifier()
    if kind == "dotted":
        head = text.removesuffix(".")
        return all(part.isidentifier() for part in head.split("."))
    if kind in ("int", "float", "complex"):
        return text[:1].isdigit() and all(each in "0123456789abcdefABCDEFxeE+-.j" for each in text)
    return True
