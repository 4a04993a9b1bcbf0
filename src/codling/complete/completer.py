"""The one object that editors, the server and the command line ask for suggestions."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from codling.complete.block import BlockEnd
from codling.complete.context import Context, prepare
from codling.complete.lexical import word_before
from codling.complete.overlap import useful_length
from codling.complete.prose import ProseFilter
from codling.complete.sure import sure_length
from codling.errors import CancelledError, ConfigError, nearest
from codling.types import Completion, Kind, Suggestion

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from codling.engine.decoding import Clock, Draft, FindEnd
    from codling.engine.model import Model
    from codling.engine.prefix import Position
    from codling.engine.sampling import SamplingConfig

__all__ = ["Completer", "language_of"]

MAX_LIMIT = 50  # suggestions; a list longer than that helps nobody
MAX_LINE = 160  # characters of one suggested line
BEAM = 6  # hypotheses of a whole line; 3 find a few lines less, and cost nearly as much
MAX_BLOCK = 800  # characters of a suggested block
SURE = (
    0.25  # what Tab spares in all is greatest there (docs/completion.md), and more than half of what is shown is right
)
LEAST_RATIO = 1e-4  # of the best score; a suggestion so much less probable is noise in a list
MAX_LINE_END = 0.99  # of the probability on an empty line that is not counted; the rest would be noise
_KINDS = ("token", "line", "block")


class Completer:
    """Suggests how a text goes on at the cursor.

    Keep one per model: it remembers what it has read, so that a keystroke costs one step of the model instead of the
    whole file again. Safe to use from several threads at once.
    """

    def __init__(
        self, model: Model | str | Path, threads: int = 1, *, context: int | None = None, sure: float = SURE
    ) -> None:
        """Args:
        model: a loaded model, or a bundle's name or path.
        threads: cores that a call may use; 1 is fastest, for a step is too small to share.
        context: characters before the cursor that are read at least; None for the engine's choice.
        sure: a suggested line ends where the probability that the file goes on so falls below this; 0 for whole lines.

        Raises:
            ConfigError: sure is no probability.
            BundleError: no such bundle, or it is damaged.
        """
        from codling.complete.tokens import TokenFinder
        from codling.engine.model import load_model
        from codling.engine.pieces import Pieces
        from codling.engine.prefix import CONTEXT, PrefixReader

        if not 0 <= sure <= 1:
            raise ConfigError(f"sure must be a probability, from 0 to 1, not {sure}")
        self.sure = sure
        self.model: Model = load_model(model, threads) if isinstance(model, str | Path) else model
        self.reader = PrefixReader(self.model, context=CONTEXT if context is None else context)
        self._pieces = Pieces(self.model.vocab)
        self._finder = TokenFinder(self.model, self._pieces)
        self._without_prose = ProseFilter()

    def complete(
        self,
        prefix: str,
        suffix: str = "",
        *,
        kind: Kind = "line",
        limit: int = 1,
        language: str | None = None,
        path: str | None = None,
        temperature: float = 0.0,
        budget_ms: float | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Completion:
        """Suggest what to insert between prefix and suffix.

        Args:
            prefix: the file up to the cursor; of a long one only the end is read.
            suffix: the file after the cursor; suggestions do not repeat what it begins with.
            kind: how far suggestions reach: to the end of the next token, of the line, or of the block.
            limit: suggestions wanted at most, from 1 to 50. Several lines or blocks differ in their first token.
            language: what the text is written in; the path's suffix tells when None.
            path: where the text comes from.
            temperature: 0 for the most likely continuation; above, it is drawn (tokens are ranked in any case).
            budget_ms: time after which the suggestions are returned as far as they have come. Reading a file that has
                not been read before is not cut short by it.
            cancelled: asked between steps of the model; when it returns True the request ends with CancelledError.

        Raises:
            InputError: the text is not source code.
            ConfigError: an argument out of its range.
            CancelledError: cancelled() returned True.
        """
        from codling.engine.decoding import Clock

        started = time.perf_counter()
        if kind not in _KINDS:
            raise ConfigError(f"unknown kind {kind!r}{nearest(str(kind), _KINDS)}")
        if not 1 <= limit <= MAX_LIMIT:
            raise ConfigError(f"limit must be from 1 to {MAX_LIMIT}, not {limit}")
        clock = Clock(budget_ms, cancelled)
        context = prepare(prefix, suffix)
        language = language or language_of(path)
        position = self.reader.read(self._read_of(context, language), cancelled)
        if kind == "token":
            rows = self._tokens(context, position, limit, clock)
        else:
            rows = self._texts(context, position, kind, limit, temperature, clock, language)
        best: dict[str, float] = {}
        for text, log_prob in rows:
            text = context.restore(text)
            if text.strip():
                score = min(1.0, max(math.exp(log_prob), sys.float_info.min))  # never 0, however long the text
                best[text] = max(best.get(text, 0.0), score)
        ranked = sorted(best.items(), key=lambda row: -row[1])[:limit]
        # A ranking of tokens is shown as it is.
        least = ranked[0][1] * LEAST_RATIO if ranked and kind != "token" else 0.0
        return Completion(
            suggestions=tuple(Suggestion(text=text, score=score) for text, score in ranked if score >= least),
            ms=(time.perf_counter() - started) * 1_000,
            model=self.model.name,
        )

    def sample(
        self, prompt: str, config: SamplingConfig, *, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[str]:
        """Continue a prompt with text drawn from the model, as a stream of whole characters.

        The stream ends when cancelled() returns True.

        Raises:
            InputError: the prompt is not text.
        """
        context = prepare(prompt)  # now, not when the first character is asked for
        return context.restore_stream(self._sample(context, config, cancelled))

    def _sample(self, context: Context, config: SamplingConfig, cancelled: Callable[[], bool] | None) -> Iterator[str]:
        from codling.engine.sampling import sample

        try:
            position = self.reader.read(context.text, cancelled)
        except CancelledError:
            return
        yield from sample(self.reader, self._pieces, position, config, context=context.text, cancelled=cancelled)

    def _read_of(self, context: Context, language: str | None) -> str:
        """What the model reads of a text: that part of it which is like what it was trained on."""
        card = self.model.card
        is_python = "python" in card.languages if language is None else language == "python"
        if is_python and card.cleaning and not card.cleaning.get("keep_docstrings"):
            return self._without_prose(context.text, whole=context.whole)
        return context.text

    def _tokens(self, context: Context, position: Position, limit: int, clock: Clock) -> list[tuple[str, float]]:
        found = self._finder.find(position, limit, word=word_before(context.line), clock=clock)
        return [
            (token.text, token.log_prob)
            for token in found
            if not context.rest or useful_length(token.text, context.rest) == len(token.text)
        ]

    def _texts(
        self,
        context: Context,
        position: Position,
        kind: Kind,
        limit: int,
        temperature: float,
        clock: Clock,
        language: str | None,
    ) -> list[tuple[str, float]]:
        """Lines or blocks, cut where the file goes on by itself."""
        from codling.engine.decoding import Draft, continue_texts
        from codling.engine.sampling import SamplingConfig

        find_end: FindEnd = _line_end if kind == "line" else BlockEnd(context, language)
        newline_V = self._pieces.starting_with(frozenset("\n"))
        line_end = math.fsum(math.exp(log_prob) for log_prob in position.log_probs_V[newline_V].tolist())
        least = self.sure if kind == "line" and temperature == 0 else 0.0
        if limit == 1:
            drafts = [Draft("", 0.0, position.state, position.log_probs_V)]
            forbidden = [newline_V if context.on_blank_line else None]
            if context.on_blank_line:  # who stands there wants it filled: the question is what with
                least *= 1 - min(line_end, MAX_LINE_END)
        elif line_end > 0.5 and not context.on_blank_line:
            return []  # the line is complete, as for one suggestion
        else:
            found = self._finder.find(position, limit, word=word_before(context.line), clock=clock)
            drafts = [
                Draft(token.read, token.log_prob_read, token.state, token.log_probs_V, marks=token.marks)
                for token in found
            ]
            forbidden = [token.extending_V for token in found]
        lowest = [draft.log_prob + math.log(least) if least else -math.inf for draft in drafts]
        if limit == 1 and kind == "line" and temperature == 0 and not self.sure:
            if newline_V[position.log_probs_V.argmax()] and not context.on_blank_line:
                return []
            drafts = [self._likeliest_line(position, newline_V, clock)]
        else:
            continue_texts(
                self.reader,
                self._pieces,
                drafts,
                find_end,
                max_chars=MAX_LINE if kind == "line" else MAX_BLOCK,
                clock=clock,
                position=position if limit == 1 else None,
                config=SamplingConfig(temperature=temperature),
                forbidden_first=forbidden,
                least=least,
                context=context.text,
            )
        for draft, enough in zip(drafts, lowest, strict=True):
            if kind == "line":
                _keep_what_is_sure(draft, enough, context)
            elif not draft.finished:
                draft.cut(_last_whole_word(draft.text))
            draft.cut(useful_length(draft.text, context.rest, context.next_line))
            if context.on_blank_line and draft.text.strip() in (context.next_line, context.previous_line):
                draft.cut(0)  # that line is there already
        return [(draft.text, draft.log_prob) for draft in drafts]

    def _likeliest_line(self, position: Position, newline_V: npt.NDArray[np.bool_], clock: Clock) -> Draft:
        """The most probable whole line, which is not always the one of the likeliest characters."""
        from codling.engine.decoding import Draft
        from codling.engine.search import beam_search

        log_probs_V = position.log_probs_V.copy()
        log_probs_V[newline_V] = -math.inf  # many lines share the probability that there is something to write
        position = dataclasses.replace(position, log_probs_V=log_probs_V)
        found = beam_search(self.model, self._pieces, position, _line_end, width=BEAM, max_tokens=MAX_LINE, clock=clock)
        best = found[0]
        return Draft(best.text, best.log_prob, finished=best.finished, marks=[(len(best.text), best.log_prob)])


def _keep_what_is_sure(draft: Draft, lowest: float, context: Context) -> None:
    length = sure_length(draft.text, draft.marks, lowest, word_before(context.line), whole=draft.finished)
    if length < len(draft.text):
        draft.text = draft.text[:length]
        # unlike after a cut, it does not say that the text ends there
        draft.log_prob = next(log_prob for size, log_prob in draft.marks if size >= length)


def _line_end(text: str) -> int | None:
    at = text.find("\n")
    return None if at == -1 else at


def _last_whole_word(text: str) -> int:
    """Length of a text that a limit cut off, without the word that may have been cut in two."""
    return len(text) - len(word_before(text))


def language_of(path: str | None) -> str | None:
    """What a file is written in, by its name; None when that says nothing."""
    from codling.corpus.languages import language_of_path

    language = language_of_path(path.replace("\\", "/")) if path else None
    return language.name if language else None
