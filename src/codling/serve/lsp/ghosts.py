"""What was suggested where, so that typing along a suggestion shows the rest of it, at once and unchanged."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from codling.serve.messages import SuggestionMessage
from codling.types import Origin

__all__ = ["MAX_OFFERS", "Ghosts", "Offer"]

MAX_TEXTS = 32  # open files whose last suggestions are known
MAX_OFFERS = 512  # suggestions that can still be reported as shown or accepted


@dataclass(frozen=True, slots=True)
class Offer:
    """One suggestion that an editor was given."""

    id: int
    text: str
    "What it would still insert."
    score: float
    language: str
    origin: Origin = "code"

    def rest(self, num_chars: int) -> Offer:
        """What is left when so many characters of it stand in the text."""
        return replace(self, text=self.text[num_chars:])


@dataclass(frozen=True, slots=True)
class _Answer:
    before: str
    after: str
    offers: tuple[Offer, ...]
    complete: bool
    "There are no further alternatives to ask for."


class Ghosts:
    """The last answers, by text. Used on the event loop only."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._offers: OrderedDict[int, Offer] = OrderedDict()
        self._number = 0

    def continuing(self, uri: str, before: str, after: str, *, complete: bool) -> tuple[Offer, ...]:
        """What is left of the last answer when somebody has typed along it; empty when there is nothing.

        Args:
            complete: only an answer with all alternatives will do.
        """
        last = self._answers.get(uri)
        if last is None or (complete and not last.complete) or last.after != after:
            return ()
        if not before.startswith(last.before):
            return ()
        typed = before[len(last.before) :]
        return tuple(
            offer.rest(len(typed))
            for offer in last.offers
            if offer.text.startswith(typed) and len(offer.text) > len(typed)
        )

    def offer(
        self,
        uri: str,
        before: str,
        after: str,
        suggestions: Sequence[SuggestionMessage],
        language: str,
        *,
        complete: bool,
    ) -> tuple[Offer, ...]:
        """Take note of an answer. A suggestion that was offered in the same place before keeps its id."""
        known = {offer.text: offer.id for offer in self.continuing(uri, before, after, complete=False)}
        offers = []
        for suggestion in suggestions:
            number = known.get(suggestion.text)
            if number is None:
                self._number = number = self._number + 1
            offers.append(Offer(number, suggestion.text, suggestion.score, language, suggestion.origin))
        self._answers[uri] = _Answer(before, after, tuple(offers), complete)
        self._answers.move_to_end(uri)
        _shrink(self._answers, MAX_TEXTS)
        return tuple(offers)

    def given(self, offers: Sequence[Offer]) -> None:
        """Remember what an editor was given last, to hear what became of it."""
        for offer in offers:
            self._offers[offer.id] = offer
            self._offers.move_to_end(offer.id)
        _shrink(self._offers, MAX_OFFERS)

    def known(self, number: int) -> Offer | None:
        """The suggestion of an id, as far as it is not in the text yet, if that is not long ago."""
        return self._offers.get(number)

    def forget(self, uri: str | None = None) -> None:
        """Drop a text's last answer; of all texts for None."""
        if uri is None:
            self._answers.clear()
        else:
            self._answers.pop(uri, None)


def _shrink(rows: OrderedDict[str, _Answer] | OrderedDict[int, Offer], most: int) -> None:
    while len(rows) > most:
        rows.popitem(last=False)
