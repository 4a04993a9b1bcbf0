"""Programs from descriptions: the door of this room."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codling.bundle import Bundle
from codling.errors import InputError
from codling.trees.grammar.asdl import Production
from codling.trees.grammar.tree import Action
from codling.trees.writing.words import Word, words_of
from codling.write.beam import Grown, growing, merit
from codling.write.model import WriterModel, load_writer

__all__ = ["MAX_DESCRIPTION", "Candidate", "Seen", "Writer", "Written"]

MAX_DESCRIPTION = 20_000
"Characters of a description at most; a model reads only the first words of so long a one."

MAX_BEAM = 200
"Programs that a search follows at most; more cost memory and find next to nothing."


@dataclass(frozen=True, slots=True)
class Seen:
    """One action of a program, and how much it looked at each word of the description."""

    action: str
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program."""

    code: str
    score: float
    """In [0, 1], what candidates are ordered by: how much to trust this one, by its probability, and by that of the
    description given it. Of a bundle that cannot tell the latter: e to the log-probability over the root of the number
    of actions."""
    probability: float
    "Of this very program."
    grown: Grown

    def seen(self) -> list[Seen]:
        """The actions that wrote it, with their attention to the words of ``Written.words``."""
        names = [_name(action) for action in self.grown.actions]
        return [
            Seen(name, tuple(round(float(each), 4) for each in row))
            for name, row in zip(names, self.grown.seen_AN, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a description."""

    candidates: tuple[Candidate, ...]
    "Best first; every one parses."
    words: tuple[str, ...]
    "The description as the model read it."
    ms: float
    model: str


class Writer:
    """Writes Python from descriptions, with a model out of a bundle.

    >>> Writer().write("sort list `xs` in reverse order").candidates[0].code  # doctest: +SKIP
    'xs.sort(reverse=True)'
    """

    def __init__(self, model: WriterModel | Bundle | str | Path = "write", *, threads: int = 1) -> None:
        """Raises:
        BundleError: no such bundle, or it is damaged, or no writer.
        """
        self.model = model if isinstance(model, WriterModel) else load_writer(model, threads)

    def write(self, description: str, *, limit: int = 5, beam: int = 5) -> Written:
        """Programs for a description.

        Args:
            limit: candidates at most.
            beam: programs that the search follows at once; at least ``limit`` are.

        Raises:
            InputError: the description has no words or is too long, or a number is out of its range.
        """
        return deque(self.writing(description, limit=limit, beam=beam), maxlen=1).pop()

    def writing(self, description: str, *, limit: int = 5, beam: int = 5) -> Iterator[Written]:
        """The same, step by step: what has been found so far, for those who watch or may give up; the answer last.

        States before it are in the order of the search, with its measure as their scores.

        Raises:
            InputError: as write.
        """
        started = time.perf_counter()
        words = words_of(check(description, limit, beam))
        if not words:
            raise InputError("the description has no words")
        described = self.model.describe(words)

        def state(found: Sequence[Candidate]) -> Written:
            ms = (time.perf_counter() - started) * 1000
            return Written(tuple(found[:limit]), described.values, ms, self.model.name)

        grown: list[Grown] = []
        for grown in growing(self.model, described, beam=max(beam, limit)):
            yield state([_candidate(each) for each in grown])
        yield state(self.ranked(words, grown))

    def ranked(self, words: Sequence[Word], grown: Sequence[Grown]) -> list[Candidate]:
        """What a search found for a description, as answers, best first."""
        retelling, ranking = self.model.retelling, self.model.ranking
        if retelling is None or ranking is None:
            return [_candidate(each) for each in grown]
        missed = retelling.nats(words, [each.actions for each in grown])
        found = [
            _candidate(each, ranking.score(merit(each.score, len(each.actions)), float(nats)))
            for each, nats in zip(grown, missed, strict=True)
        ]
        return sorted(found, key=lambda candidate: -candidate.score)


def check(description: str, limit: int, beam: int) -> str:
    """The description, if it and the numbers are in range.

    Raises:
        InputError: they are not.
    """
    if len(description) > MAX_DESCRIPTION:
        raise InputError(f"a description has at most {MAX_DESCRIPTION:,} characters, not {len(description):,}")
    for name, value in (("limit", limit), ("beam", beam)):
        if not 1 <= value <= MAX_BEAM:
            raise InputError(f"{name} must be from 1 to {MAX_BEAM}, not {value}")
    return description


def _candidate(grown: Grown, score: float | None = None) -> Candidate:
    """What a search found as an answer."""
    if score is None:
        score = math.exp(merit(grown.score, len(grown.actions)))
    return Candidate(grown.code, score, math.exp(grown.score), grown)


def _name(action: Action) -> str:
    if isinstance(action, Production):
        return action.name
    return repr(action) if isinstance(action, str) else "close"
