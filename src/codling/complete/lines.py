"""Finds whole lines and blocks with one model, and decides how far each is shown."""

# V vocabulary

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from codling.complete.block import BlockEnd
from codling.complete.context import Context
from codling.complete.following import Following
from codling.complete.lexical import word_before
from codling.complete.overlap import useful_length
from codling.complete.sure import sure_length
from codling.engine.decoding import Clock, Draft, Expect, FindEnd, continue_texts
from codling.engine.pieces import Pieces
from codling.engine.positions import Position
from codling.engine.prefix import RECENT, PrefixReader
from codling.engine.sampling import SamplingConfig
from codling.engine.search import Beam, Hypothesis, beam_search
from codling.types import Kind
from codling.vocab import DOC

__all__ = ["Found", "LineFinder"]

WIDTH = 5  # hypotheses of a line
MAX_TOKENS = 20  # sub-words of a suggested line; nine lines out of ten have no more
LISTED_RATIO = (
    0.1  # of the likeliest line's probability that another must have to be listed; spares a third of the time
)
MAX_LINE = 160  # characters of one suggested line
MAX_BLOCK = 800  # characters of a suggested block
SURE_LINE = 0.05  # probability that a further line of a block must have by itself; the first is what was asked for
RAISED = 3  # times as probable: so much, what follows makes of few lines; a line that may become sure is followed
LINE_IS_OVER = 0.5  # probability of the line's end from which on nothing is suggested behind a line


@dataclass(frozen=True, slots=True)
class Found:
    """A text that may be inserted."""

    text: str
    log_prob: float
    "That the file goes on so, in nats."
    whole: bool
    "It reaches the end that was asked for; otherwise it was cut where it was no longer sure, or useful."


class LineFinder:
    """Finds lines and blocks."""

    def __init__(self, reader: PrefixReader, pieces: Pieces, sure: float) -> None:
        self._reader, self._pieces, self._sure = reader, pieces, sure
        self._following = Following(reader, pieces)
        self._max_tokens = MAX_LINE if reader.model.vocab.unit == "character" else MAX_TOKENS

    def lines(
        self,
        context: Context,
        position: Position,
        limit: int,
        clock: Clock,
        expect: Expect | None,
        following: str = "",
    ) -> list[Found]:
        """The most probable lines of one beam, limit of them or more; for one, as much of it as is sure.

        Args:
            following: what stands behind the cursor, as the model reads it; lines are weighed by it.
        """
        if limit == 1 and self._sure:
            best = self._sure_line(context, position, clock, expect, following)
            return [best] if best is not None else []
        num = max(limit, WIDTH) if following.strip() else limit
        found = self._beam(context, position, clock, expect, num=num)
        if not clock.is_over():
            found = self._following.weigh(found, position, following)
        if _line_is_over(found):
            return []
        return [self._shown(_draft_of(each), context) for each in found if each.text.strip()]

    def blocks(
        self,
        context: Context,
        position: Position,
        limit: int,
        clock: Clock,
        expect: Expect | None,
        language: str | None,
    ) -> list[Found]:
        """Blocks that begin with the limit most probable lines, each continued with the likeliest tokens."""
        find_end: FindEnd = BlockEnd(context, language)
        if limit == 1:
            return self.drawn(context, position, "block", SamplingConfig(temperature=0), clock, expect, language)
        found = self._beam(context, position, clock, expect, num=limit)
        if _line_is_over(found):
            return []
        drafts = [self._reopened(each, position) for each in found]
        for draft in drafts:
            end = find_end(draft.text)
            if end is not None:
                draft.cut(end)
                draft.finished = True
        continue_texts(
            self._reader,
            self._pieces,
            [draft for draft in drafts if not draft.finished],
            find_end,
            max_chars=MAX_BLOCK,
            clock=clock,
            context=context.text,
            expect=expect,
        )
        return [self._shown(draft, context) for draft in drafts]

    def drawn(
        self,
        context: Context,
        position: Position,
        kind: Kind,
        config: SamplingConfig,
        clock: Clock,
        expect: Expect | None,
        language: str | None,
    ) -> list[Found]:
        """A line or block, one token after another."""
        draft = Draft("", 0.0, position.state, position.log_probs_V, owed=position.owed, recent=position.recent)
        continue_texts(
            self._reader,
            self._pieces,
            [draft],
            _line_end if kind == "line" else BlockEnd(context, language),
            max_chars=MAX_LINE if kind == "line" else MAX_BLOCK,
            clock=clock,
            position=position,
            config=config,
            forbidden_first=[self._pieces.starting_with(frozenset("\n")) if context.on_blank_line else None],
            context=context.text,
            expect=expect,
        )
        if kind == "block" and config.is_greedy and self._sure:
            _without_guesses(draft)
        return [self._shown(draft, context)]

    def _beam(
        self, context: Context, position: Position, clock: Clock, expect: Expect | None, *, num: int, least: float = 0.0
    ) -> list[Hypothesis]:
        beam = Beam(
            width=max(WIDTH, num),
            num=num if num == 1 and least else num + 1,  # the line's end may be among them
            max_tokens=self._max_tokens,
            max_chars=MAX_LINE,
            least=least,
            least_ratio=0.0 if num == 1 else LISTED_RATIO,
            to_line_end=True,
            skips_blank=context.on_blank_line,
        )
        return beam_search(self._reader, self._pieces, position, _line_end, beam, expect=expect, clock=clock)

    def _sure_line(
        self, context: Context, position: Position, clock: Clock, expect: Expect | None, following: str
    ) -> Found | None:
        """The text that most is gained by: of those that are probable enough, and more so than the likeliest line.

        What is gained by showing a text is its length, as often as it is right. A less probable text than a line that
        is known to its end would only be longer because the search went on; so it is cut where it becomes that.
        """
        if following.strip():
            found = self._beam(context, position, clock, expect, num=WIDTH, least=self._sure / RAISED)
            if not clock.is_over():
                found = self._following.weigh(found, position, following)
        else:
            found = self._beam(context, position, clock, expect, num=1, least=self._sure)
        lowest = math.log(self._sure)
        best: Found | None = None
        if found and found[0].finished and found[0].log_prob >= lowest:
            line, *found = found
            lowest = max(lowest, line.log_prob)
            best = self._shown(_draft_of(line), context)
        word = word_before(context.line)
        for each in found:
            length = sure_length(each.text, each.marks, lowest, word, whole=False)
            log_prob = next((log_prob for size, log_prob in each.marks if size >= length), each.log_prob)
            if length and log_prob > lowest:
                draft = Draft(each.text[:length], log_prob, marks=list(each.marks))
                cut = self._shown(draft, context)
                if best is None or _gain(cut) > _gain(best):
                    best = cut
        return best if best is not None and best.text.strip() else None

    def _shown(self, draft: Draft, context: Context) -> Found:
        """What is worth showing of a draft: not what the file has already, nor half a word."""
        whole = draft.finished
        if not whole and not draft.marks:
            draft.cut(0)
        elif not whole and draft.text and draft.marks[-1][0] == len(draft.text):
            draft.cut(len(draft.text) - len(word_before(draft.text)))  # a limit cut it off, perhaps within a word
        length = len(draft.text)
        draft.cut(useful_length(draft.text, context.rest, context.next_line))
        if context.on_blank_line and draft.text.strip() in (context.next_line, context.previous_line):
            draft.cut(0)  # that line is there already
        return Found(draft.text, draft.log_prob, whole and len(draft.text) == length)

    def _reopened(self, found: Hypothesis, start: Position) -> Draft:
        """A line as a draft of a block: with its line end, and ready to go on."""
        token = found.tokens[-1]
        piece = self._pieces.text(token)
        text = found.text + piece if found.finished and token != DOC else found.text
        draft = Draft(text, found.log_prob, marks=[*found.marks, (len(text), found.log_prob)])
        draft.recent = (*start.recent, *found.tokens)[-RECENT:]
        draft.finished = token == DOC
        if not draft.finished:
            (after,) = self._reader.step_all([(found.last, token)])
            draft.state, draft.log_probs_V = after.state, after.log_probs_V
        return draft


def _without_guesses(draft: Draft) -> None:
    """Cut a block before the first line that is hardly more than a guess."""
    end = draft.text.find("\n", 1)
    while end != -1:
        before = next((log_prob for size, log_prob in draft.marks if size >= end), draft.log_prob)
        following = draft.text.find("\n", end + 1)
        stop = following if following != -1 else len(draft.text)
        known = next((log_prob for size, log_prob in draft.marks if size >= stop), draft.log_prob)
        if known - before < math.log(SURE_LINE):
            draft.text, draft.log_prob, draft.finished = draft.text[:end], before, True
            return
        end = following


def _draft_of(found: Hypothesis) -> Draft:
    return Draft(found.text, found.log_prob, finished=found.finished, marks=list(found.marks))


def _line_is_over(found: Sequence[Hypothesis]) -> bool:
    return any(each.finished and not each.text and each.log_prob > math.log(LINE_IS_OVER) for each in found)


def _gain(found: Found) -> float:
    return math.exp(found.log_prob) * len(found.text.strip())


def _line_end(text: str) -> int | None:
    at = text.find("\n")
    return None if at == -1 else at
