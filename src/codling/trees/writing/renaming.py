"""More pairs out of few: the names that a description and its program share, exchanged for others in both.

A model that has seen ``set timeout to 5`` with a hundred names in the place of ``timeout`` copies the next one, too.
"""

from __future__ import annotations

import builtins
import keyword
import random
from collections.abc import Sequence

from codling.trees.grammar.tree import Action, Tree, actions_of, tree_of
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.words import Word

__all__ = ["rename", "shared_names"]

_KEPT = frozenset({*dir(builtins), *keyword.kwlist, "self", "cls"})
"Names that mean something by themselves."


def shared_names(words: Sequence[Word], tree: Tree) -> list[str]:
    """Names in a program that its description has as words, too, in order."""
    tokens = {action for action in actions_of(tree) if isinstance(action, str)}
    found = dict.fromkeys(word.value for word in words if word.value in tokens)
    return [name for name in found if name.isidentifier() and len(name) > 1 and name not in _KEPT]


def rename(
    words: Sequence[Word], tree: Tree, names: Sequence[str], pool: Sequence[str], lexicon: Lexicon, rng: random.Random
) -> tuple[list[Word], Tree]:
    """The pair with some of its shared names replaced by names of the pool, each by the same everywhere."""
    chosen = [name for name in names if rng.random() < 0.5] or [rng.choice(names)]
    others = {name: rng.choice(pool) for name in chosen}
    actions: list[Action] = [
        others.get(action, action) if isinstance(action, str) else action for action in actions_of(tree)
    ]
    return [Word(others.get(word.value, word.value), word.kind) for word in words], tree_of(lexicon.schema, actions)
