"""From trees to the steps that a decoder takes, and what it sees before each.

A node takes one step: a production, or the end of a list. So does a token whose text the lexicon has whole or the
description has as a word; every other text is spelt, in pieces and words of the description, and its end is a step,
too. ``Progress`` is a program in the making as the decoder sees it; training walks it along a known tree, and a beam
along those it tries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from codling.errors import InputError
from codling.trees.grammar.asdl import Production
from codling.trees.grammar.tree import Close, Derivation, Slot, Tree, actions_of
from codling.trees.writing.lexicon import ACTION_CLOSE, CLOSE_OUT, END, FIRST_RULE, START, TEXT, Lexicon
from codling.trees.writing.words import Word

__all__ = ["Example", "Progress", "Step", "example_of", "said", "seen", "spelling"]

_MIN_COPIED_PART = 2  # characters of a word that spelling copies; single ones are as well had as pieces


@dataclass(frozen=True, slots=True)
class Progress:
    """A program in the making."""

    derivation: Derivation
    action: int = START
    "The step before, as the decoder reads it back: START, END, TEXT, a production or a piece."
    text: str = ""
    "What that step wrote, where it is TEXT."
    spelt: str | None = None
    "The token so far, where one is being spelt."
    place: int = -1
    "The description's word that was last used; -1 before any was."

    @property
    def slot(self) -> Slot:
        """What is to be filled next."""
        assert self.derivation.slot is not None
        return self.derivation.slot

    @property
    def takes_text(self) -> bool:
        return self.slot.type in self.derivation.schema.tokens

    def close(self) -> Progress:
        return Progress(self.derivation.take(Close.CLOSE), ACTION_CLOSE, place=self.place)

    def apply(self, production: Production, rule: int, number: int) -> Progress:
        """Args:
        number: of this step, which the slots that it opens remember.
        """
        return Progress(self.derivation.take(production, number), FIRST_RULE + rule, place=self.place)

    def write(self, text: str, values: Sequence[str]) -> Progress:
        """Fill the slot with a whole text. ``values`` are those of the description's words."""
        return Progress(self.derivation.take(text), TEXT, text, place=_next(values, text, self.place))

    def spell(self, part: str, action: int, values: Sequence[str]) -> Progress:
        """Go on with a token by a piece (action says which) or a copied word (TEXT)."""
        place = _next(values, part, self.place) if action == TEXT else self.place
        text = part if action == TEXT else ""
        return Progress(self.derivation, action, text, (self.spelt or "") + part, place)

    def end(self) -> Progress:
        """End the token that is being spelt.

        Raises:
            InputError: its bytes are no text.
        """
        assert self.spelt is not None
        try:
            text = self.spelt.encode("utf-8", "surrogateescape").decode("utf-8")
        except UnicodeError:
            raise InputError("the pieces of a token are no UTF-8") from None
        return Progress(self.derivation.take(text), END, place=self.place)


def _next(values: Sequence[str], text: str, place: int) -> int:
    """Which word of the description a text comes from: the next such word, else the first, else none is followed."""
    if text not in values:
        return place
    places = [i for i, value in enumerate(values) if value == text]
    return next((i for i in places if i > place), places[0])


@dataclass(frozen=True, slots=True)
class Step:
    """What the decoder sees before a step, and what it should do."""

    action: int
    text: str
    field: int
    parent_action: int
    filled: int
    "0, or 1 after an element of a list or a part of a token."
    parent: int
    "The step that opened the slot, -1 at the root."
    place: int
    mask: int
    "Row of the lexicon's masks; -1 where a text is due."
    rule: int = -1
    "Output of the head for productions; -1 where a text is due."
    whole: int = -1
    piece: int = -1
    "A piece, or the vocabulary's size for the end; -1 where neither is right."
    copies: tuple[int, ...] = ()
    "Words of the description that give the text, or its next part."
    spelling: bool = False
    "The copies are parts of a token."


@dataclass(frozen=True, slots=True)
class Example:
    """A description and its program as steps."""

    words: tuple[Word, ...]
    steps: tuple[Step, ...] = field(repr=False)


def seen(progress: Progress, lexicon: Lexicon) -> tuple[int, int, int, int]:
    """Field, the parent's action, filled or not, and mask, of what a decoder is to fill next."""
    slot = progress.slot
    filled = int(slot.filled > 0 or progress.spelt is not None)
    mask = -1 if progress.takes_text else lexicon.mask(slot)
    return lexicon.field(slot), lexicon.parent(slot), filled, mask


def example_of(words: Sequence[Word], tree: Tree, lexicon: Lexicon) -> Example:
    """Steps for training.

    Raises:
        InputError: the tree has a production that the lexicon lacks.
    """
    values = [word.value for word in words]
    progress = Progress(Derivation.start(lexicon.schema))
    steps: list[Step] = []

    def note(**right: object) -> None:
        of, parent_action, filled, mask = seen(progress, lexicon)
        before = (progress.action, progress.text, of, parent_action, filled, progress.slot.parent, progress.place, mask)
        steps.append(Step(*before, **right))  # type: ignore[arg-type]

    for action in actions_of(tree):
        if isinstance(action, Close):
            note(rule=CLOSE_OUT)
            progress = progress.close()
        elif isinstance(action, Production):
            rule = lexicon.rule(action)
            if rule is None:
                raise InputError(f"the lexicon has no {action.name}")
            note(rule=1 + rule)
            progress = progress.apply(action, rule, len(steps) - 1)
        else:
            whole, copies = lexicon.whole(action), _places(values, action)
            if whole is not None or copies:
                note(whole=-1 if whole is None else whole, copies=copies)
                progress = progress.write(action, values)
                continue
            for part, piece in spelling(action, values, lexicon):
                copies = _places(values, part) if piece is None else ()
                note(piece=-1 if piece is None else piece, copies=copies, spelling=True)
                progress = progress.spell(part, TEXT if piece is None else lexicon.piece_action(piece), values)
            note(piece=lexicon.vocab.size, spelling=True)
            progress = progress.end()
    return Example(tuple(words), tuple(steps))


def _places(values: Sequence[str], text: str) -> tuple[int, ...]:
    return tuple(i for i, value in enumerate(values) if value == text)


def spelling(text: str, values: Sequence[str], lexicon: Lexicon) -> list[tuple[str, int | None]]:
    """A text as the longest words of the description within it, from the left, and pieces (with their ids) between."""
    parts: list[tuple[str, int | None]] = []
    words = sorted({value for value in values if len(value) >= _MIN_COPIED_PART}, key=len, reverse=True)
    start = at = 0

    def pieces(until: int) -> None:
        if until > start:
            between = text[start:until]
            parts.extend((said(lexicon, piece), piece) for piece in lexicon.pieces(between))

    while at < len(text):
        word = next((word for word in words if text.startswith(word, at)), None)
        if word is None:
            at += 1
            continue
        pieces(at)
        parts.append((word, None))
        start = at = at + len(word)
    pieces(len(text))
    return parts


def said(lexicon: Lexicon, piece: int) -> str:
    """A piece as text; bytes that are no characters by themselves are held as surrogates until the token ends."""
    return lexicon.vocab.pieces()[piece].decode("utf-8", "surrogateescape")
