"""A lexicon and its network with more in them: what other pairs need, added to what a run already knows.

Nothing changes for what was known: a grown network gives the old ways the logits that it gave them, and new ones begin
as the least likely of the old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from codling.trees.grammar.asdl import Production
from codling.trees.grammar.tree import Tree, actions_of
from codling.trees.writing.lexicon import FIRST_RULE, Lexicon
from codling.trees.writing.words import Word

__all__ = ["grow_lexicon", "grow_weights"]


def grow_lexicon(lexicon: Lexicon, pairs: Iterable[tuple[Sequence[Word], Tree]], min_count: int) -> Lexicon:
    """The lexicon with the productions, texts and words that at least ``min_count`` of the pairs have.

    What it had keeps its number but for pieces, whose actions follow those of all productions.
    """
    productions, wholes, words = Counter[str](), Counter[str](), Counter[str]()
    for description, tree in pairs:
        found = list(actions_of(tree))
        tokens = {each for each in found if isinstance(each, str)}
        productions.update({each.name for each in found if isinstance(each, Production)})
        wholes.update(tokens)
        words.update(tokens | {word.value for word in description})

    def more(known: Iterable[str], counts: Counter[str]) -> list[str]:
        known = list(known)
        frequent = {text for text, count in counts.items() if count >= min_count} - set(known)
        return known + sorted(frequent, key=lambda text: (-counts[text], text))

    return Lexicon(
        more((each.name for each in lexicon.productions), productions),
        more(lexicon.wholes, wholes),
        more(lexicon.words, words),
        lexicon.vocab,
        fields=lexicon.fields,
        types=lexicon.types,
        schema=lexicon.schema,
    )


def grow_weights(weights: Mapping[str, Tensor], old: Lexicon, new: Lexicon) -> dict[str, Tensor]:
    """The weights of a network of the old lexicon, for one of the new.

    A new word begins with the vector of those that have none of their own, a new text or production with the least bias
    and the mean weights of all, a new action with the mean vector of all productions.
    """
    grown = dict(weights)
    rules, wholes = (len(new.productions) - len(old.productions), len(new.wholes) - len(old.wholes))
    words = weights["words.weight"]
    grown["words.weight"] = torch.cat([words, words[:1].expand(len(new.words) - len(old.words), -1)])
    actions = weights["actions.weight"]
    known = FIRST_RULE + len(old.productions)
    mean = actions[FIRST_RULE:known].mean(0, keepdim=True)
    grown["actions.weight"] = torch.cat([actions[:known], mean.expand(rules, -1), actions[known:]])
    for name, number in (("rules", rules), ("wholes", wholes)):
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        grown[f"{name}.weight"] = torch.cat([weight, weight.mean(0, keepdim=True).expand(number, -1)])
        grown[f"{name}.bias"] = torch.cat([bias, bias.min().expand(number)])
    return grown
