"""More pairs out of few: what a description and its program share, exchanged for something else in both.

A model that has seen ``set timeout to 5`` with a hundred names in the place of ``timeout``, and as many numbers in that
of ``5``, copies the next ones, too; and a card whose title changes cannot be known by its title.
"""

from __future__ import annotations

import builtins
import keyword
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from codling.trees.grammar.tree import Action, Tree, actions_of, tree_of
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.words import Word

__all__ = ["Renaming", "Shared", "shared_parts"]

_KEPT = frozenset({*dir(builtins), *keyword.kwlist, "self", "cls"})
"Names that mean something by themselves."

_NUMBERS = tuple(str(number) for number in range(1, 11))


@dataclass(frozen=True, slots=True)
class Shared:
    """What a description and its program share."""

    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    "Those that stand once in both, so that there is no doubt which is which."
    title: tuple[Word, ...] = ()
    "What a record begins with, if its program has all of it."

    def __bool__(self) -> bool:
        return bool(self.names or self.numbers or self.title)


def shared_parts(words: Sequence[Word], tree: Tree) -> Shared:
    """What may be exchanged in a pair. In a record, names are left alone: its text speaks of what programs call."""
    tokens = Counter(action for action in actions_of(tree) if isinstance(action, str))
    values = Counter(word.value for word in words)
    numbers = tuple(
        word.value
        for word in words
        if word.kind == "number" and word.value.isdigit() and values[word.value] == tokens[word.value] == 1
    )
    markers = [i for i, word in enumerate(words) if word.kind == "marker"]
    if markers:
        title = tuple(words[: markers[0]])
        return Shared((), numbers, title if _copied(title, tokens) else ())
    names = tuple(name for name in values if name in tokens and name.isidentifier() and len(name) > 1)
    return Shared(tuple(name for name in names if name not in _KEPT), numbers)


def _copied(title: Sequence[Word], tokens: Counter[str]) -> bool:
    """Whether a program has a title: as a whole and joined, or, if it is one word, that."""
    kinds = [word.kind for word in title]
    if kinds == ["field", "joined"]:
        return title[0].value in tokens and title[1].value in tokens
    return kinds == ["name", "joined"] and title[0].value in tokens


class Renaming:
    """Exchanges what pairs share, with what other pairs have there."""

    def __init__(self, pairs: Sequence[tuple[Sequence[Word], Tree]], lexicon: Lexicon) -> None:
        self._pairs, self._lexicon = pairs, lexicon
        self._shared = [shared_parts(words, tree) for words, tree in pairs]
        self._names = sorted({name for shared in self._shared for name in shared.names})
        titles = sorted({shared.title for shared in self._shared if shared.title}, key=lambda title: title[0].value)
        self._titles = {kind: [title for title in titles if title[0].kind == kind] for kind in ("field", "name")}

    def draw(self, i: int, rng: random.Random) -> tuple[list[Word], Tree] | None:
        """A pair with some of what it shares exchanged, each by the same everywhere; None if it shares nothing."""
        words, tree = self._pairs[i]
        shared, others = self._shared[i], dict[str, str]()
        if not shared:
            return None
        for name in shared.names:
            if rng.random() < 0.5:
                others[name] = rng.choice(self._names)
        others |= self._numbers_for(words, tree, shared, rng)
        if shared.title:
            title = rng.choice(self._titles[shared.title[0].kind])
            others |= {old.value: new.value for old, new in zip(shared.title, title, strict=True)}
        actions: list[Action] = [
            others.get(action, action) if isinstance(action, str) else action for action in actions_of(tree)
        ]
        return [Word(others.get(word.value, word.value), word.kind) for word in words], tree_of(
            self._lexicon.schema, actions
        )

    def _numbers_for(self, words: Sequence[Word], tree: Tree, shared: Shared, rng: random.Random) -> dict[str, str]:
        """Numbers that the pair has nowhere yet, for half of those that it shares."""
        taken = {word.value for word in words} | {each for each in actions_of(tree) if isinstance(each, str)}
        free = [number for number in _NUMBERS if number not in taken]
        rng.shuffle(free)
        chosen = [number for number in shared.numbers if number not in ("0", "1") and rng.random() < 0.5]
        return dict(zip(chosen, free, strict=False))
