"""The one object that editors, the server and the command line ask for suggestions."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codling.complete.context import Context, prepare
from codling.complete.described import LEAST_SCORE, ProgramWriter, fitted, wanted_here
from codling.complete.grammar import GrammarCheck
from codling.complete.javaprose import JavaProseFilter
from codling.complete.lexical import word_before
from codling.complete.overlap import useful_length
from codling.complete.prose import ProseFilter
from codling.complete.scope import in_scope_first
from codling.errors import CancelledError, ConfigError, nearest
from codling.types import Completion, Kind, Suggestion

if TYPE_CHECKING:
    from codling.complete.lines import Found
    from codling.engine.decoding import Clock, Expect
    from codling.engine.model import Model
    from codling.engine.positions import Position
    from codling.engine.project import ProjectCache
    from codling.engine.sampling import SamplingConfig

__all__ = ["Completer", "language_of"]

MAX_LIMIT = 50  # suggestions; a list longer than that helps nobody
SURE = (
    0.25  # what Tab spares in all is greatest there (docs/completion.md), and more than half of what is shown is right
)
LEAST_RATIO = 1e-4  # of the best score; a suggestion so much less probable is noise in a list
SPARE = 2  # lines more than wanted, for some are dropped or become the same
PROGRAMS = 5  # that a description is asked for at least: some do not fit where the cursor stands
_KINDS = ("token", "line", "block")


class Completer:
    """Suggests how a text goes on at the cursor.

    Keep one per model: it remembers what it has read, so that a keystroke costs one step of the model instead of the
    whole file again. Safe to use from several threads at once.
    """

    def __init__(
        self,
        model: Model | str | Path,
        threads: int = 1,
        *,
        context: int | None = None,
        sure: float = SURE,
        project: ProjectCache | str | Path | None = None,
        read_project: bool = True,
    ) -> None:
        """Args:
        model: a loaded model, or a bundle's name or path.
        threads: cores that a call may use; 1 is fastest, for a step is too small to share.
        context: characters before the cursor that are read at least; None for the engine's choice.
        sure: a single suggested line ends where the probability that the file goes on so falls below this; 0 for
            whole lines.
        project: folder that the files belong to, whose other files count, too (their paths may be relative to it); or
            a cache of this model's tokens.
        read_project: read it now; otherwise somebody calls project.refresh(), in a thread of its own for example.

        Raises:
            ConfigError: sure is no probability.
            BundleError: no such bundle, or it is damaged.
        """
        from codling.bundle import load_bundle
        from codling.complete.lines import LineFinder
        from codling.complete.mixing import Mixing
        from codling.complete.tokens import TokenFinder
        from codling.engine.model import load_model
        from codling.engine.pieces import Pieces
        from codling.engine.prefix import PrefixReader

        if not 0 <= sure <= 1:
            raise ConfigError(f"sure must be a probability, from 0 to 1, not {sure}")
        self.sure = sure
        bundle = load_bundle(model) if isinstance(model, str | Path) else None
        self.model: Model = load_model(bundle, threads) if bundle is not None else model  # type: ignore[assignment]
        self.reader = PrefixReader(self.model, context=context)
        self._pieces = Pieces(self.model.vocab)
        self._tokens_finder = TokenFinder(self.reader, self._pieces)
        self._line_finder = LineFinder(self.reader, self._pieces, sure)
        self._mixing = Mixing(self.model, bundle, project, read=read_project)
        self._python_prose, self._java_prose = ProseFilter(), JavaProseFilter()

    @property
    def project(self) -> ProjectCache | None:
        """What is known of the project, to be told of files that were saved; None without one."""
        return self._mixing.project

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
        in_comments: bool = False,
        programs: ProgramWriter | None = None,
        budget_ms: float | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Completion:
        """Suggest what to insert between prefix and suffix.

        Args:
            prefix: the file up to the cursor; of a long one only the end is read.
            suffix: the file after the cursor; suggestions do not repeat what it begins with, and lines are
                weighed by how well it goes with them.
            kind: how far suggestions reach: to the end of the next token, of the line, or of the block.
            limit: suggestions wanted at most, from 1 to 50. Several lines are the most probable ones of one search.
            language: what the text is written in; when None, the path's suffix tells, else it is the model's first.
            path: where the text comes from.
            temperature: 0 for the most likely continuation; above, one is drawn (lists are ranked all the same).
            in_comments: suggest within comments and documentation, too, though the model has read none.
            programs: writes the programs that comments and documentation ask for; on the empty line below one, those
                that are sure enough come first, whole, whatever the kind but token. None for no such suggestions.
            budget_ms: time after which the suggestions are returned as far as they have come. Reading a file that has
                not been read before is not cut short by it.
            cancelled: asked between steps of the model; when it returns True the request ends with CancelledError.

        Raises:
            InputError: the text is not source code.
            ConfigError: an argument out of its range.
            CancelledError: cancelled() returned True.
        """
        from codling.engine.decoding import Clock
        from codling.engine.sampling import SamplingConfig

        started = time.perf_counter()
        if kind not in _KINDS:
            raise ConfigError(f"unknown kind {kind!r}{nearest(str(kind), _KINDS)}")
        if not 1 <= limit <= MAX_LIMIT:
            raise ConfigError(f"limit must be from 1 to {MAX_LIMIT}, not {limit}")
        config = SamplingConfig(temperature=temperature)
        clock = Clock(budget_ms, cancelled)
        context = prepare(prefix, suffix)
        language = language or language_of(path) or self._first_language()
        described: list[Suggestion] = []
        if programs is not None and kind != "token" and config.is_greedy and language == "python":
            described = self._described(programs, context, limit, clock)
        if len(described) == limit:
            return Completion(suggestions=tuple(described), ms=_ms_since(started), model=self.model.name)
        filtered = self._prose_filter(language)
        rows: list[tuple[str, float]] = []
        if in_comments or filtered is None or not filtered.is_prose(context.text):
            before = context.text if filtered is None else filtered(context.text, whole=context.whole)
            after = context.suffix if filtered is None else filtered.behind(context.line, context.suffix)
            position = self.reader.read(before, cancelled)
            expect = self._mixing.expectation(path, before, after)
            if kind == "token":
                rows = self._tokens(context, position, limit, clock, expect)
            else:
                rows = self._texts(context, position, kind, limit, config, clock, expect, language, after)
                rows = in_scope_first(rows, context.text, context.suffix, context.line, language)
        known = {suggestion.text for suggestion in described}
        others = (row for row in _suggestions(rows, context, limit, kind) if row.text not in known)
        return Completion(
            suggestions=(*described, *others)[:limit],
            ms=_ms_since(started),
            model=self.model.name,
        )

    def sample(
        self, prompt: str, config: SamplingConfig, *, cancelled: Callable[[], bool] | None = None
    ) -> Generator[str, None, bool]:
        """Continue a prompt with text drawn from the model, as a stream of whole characters.

        The stream ends when cancelled() returns True.

        Returns:
            Whether it ended by itself, and not because it became too long or was cancelled.

        Raises:
            InputError: the prompt is not text.
        """
        context = prepare(prompt)  # now, not when the first character is asked for
        return context.restore_stream(self._sample(context, config, cancelled))

    def _sample(
        self, context: Context, config: SamplingConfig, cancelled: Callable[[], bool] | None
    ) -> Generator[str, None, bool]:
        from codling.engine.sampling import sample

        try:
            position = self.reader.read(context.text, cancelled)
        except CancelledError:
            return False
        return (
            yield from sample(self.reader, self._pieces, position, config, context=context.text, cancelled=cancelled)
        )

    def _first_language(self) -> str | None:
        return next(iter(self.model.card.languages), None)

    def _prose_filter(self, language: str | None) -> ProseFilter | JavaProseFilter | None:
        """What the model has not learned from is taken out of what it reads; None when that is nothing."""
        cleaning = self.model.card.cleaning
        if not cleaning or cleaning.get("keep_docstrings"):
            return None
        if language == "python":
            return self._python_prose
        return self._java_prose if language == "java" else None

    def _described(self, programs: ProgramWriter, context: Context, limit: int, clock: Clock) -> list[Suggestion]:
        """Programs that the lines above ask for, if they do."""
        wanted = wanted_here(context)
        if wanted is None or not self._python_prose.is_between(context.text):
            return []
        found: dict[str, Suggestion] = {}
        for code, score in programs(wanted.description, max(limit, PROGRAMS), clock.is_over):
            text = fitted(code, wanted, context) if score >= LEAST_SCORE else None
            if text is not None and len(found) < limit:
                text = context.restore(text)
                found.setdefault(text, Suggestion(text=text, score=score, origin="description"))
        return list(found.values())

    def _tokens(
        self, context: Context, position: Position, limit: int, clock: Clock, expect: Expect | None
    ) -> list[tuple[str, float]]:
        word = word_before(context.line)
        found = self._tokens_finder.find(position, limit, word=word, expect=expect, clock=clock)
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
        config: SamplingConfig,
        clock: Clock,
        expect: Expect | None,
        language: str | None,
        following: str,
    ) -> list[tuple[str, float]]:
        """Lines or blocks, without those that the file has already and those that would break its syntax."""
        finder = self._line_finder
        wanted = limit if limit == 1 and (self.sure or kind == "block") else limit + SPARE
        if limit == 1 and not config.is_greedy:
            found = finder.drawn(context, position, kind, config, clock, expect, language)
        elif kind == "line":
            found = finder.lines(context, position, wanted, clock, expect, following)
        else:
            found = finder.blocks(context, position, wanted, clock, expect, language)
        check = GrammarCheck(context.text, context.rest, language)
        rows: dict[str, float] = {}
        for each in sorted(found, key=lambda each: -each.log_prob):
            if each.text in rows:  # another text that was cut to this one
                less = each.log_prob - rows[each.text]
                rows[each.text] += math.log1p(math.exp(less))
            elif each.text.strip() and len(rows) < limit and _is_sound(each, check, clock):
                rows[each.text] = each.log_prob
        return list(rows.items())


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1_000


def _is_sound(found: Found, check: GrammarCheck, clock: Clock) -> bool:
    return not found.whole or clock.is_over() or check.allows(found.text)


def _suggestions(rows: Sequence[tuple[str, float]], context: Context, limit: int, kind: Kind) -> tuple[Suggestion, ...]:
    """The answer from texts with their log-probabilities, which are in the order that they are to be shown in."""
    scores: dict[str, float] = {}
    for text, log_prob in rows:
        text = context.restore(text)
        if text.strip():
            score = min(1.0, max(math.exp(log_prob), sys.float_info.min))  # never 0, however long the text
            scores[text] = max(scores.get(text, 0.0), score)
    # A ranking of tokens is shown as it is.
    least = max(scores.values(), default=0.0) * LEAST_RATIO if kind != "token" else 0.0
    kept = [Suggestion(text=text, score=score) for text, score in scores.items() if score >= least]
    return tuple(kept[:limit])


def language_of(path: str | None) -> str | None:
    """What a file is written in, by its name; None when that says nothing."""
    from codling.corpus.languages import language_of_path

    language = language_of_path(path.replace("\\", "/")) if path else None
    return language.name if language else None
