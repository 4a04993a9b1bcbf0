"""How likely a description is, given each of several programs: by a bundle's network that says descriptions back."""

# B programs, A actions, T words, U texts, P pieces of a text

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from codling.bundle import Bundle
from codling.errors import BundleError
from codling.trees.grammar.tree import Action
from codling.trees.writing.reconstruction import GRAPH, TABLES, Retold, Tables, asked_by, counted, retold
from codling.trees.writing.words import Word
from codling.write.files import bundle_text, open_graph

__all__ = ["Retelling"]

_AT_ONCE = 8  # programs of one call: more cost memory, hundreds of megabytes for long ones, and save no time


class Retelling:
    """Safe to use from several threads at once."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Raises:
        BundleError: the bundle has no such network, or it is damaged.
        """
        self._tables = Tables.from_json(bundle_text(bundle, TABLES))
        self._graph = open_graph(bundle, GRAPH, threads)
        if self._tables.graph != bundle.card.files[GRAPH].sha256:
            raise BundleError(f"bundle {bundle.path}: {TABLES} is not of {GRAPH}; get the bundle again")

    def nats(self, words: Sequence[Word], programs: Sequence[Sequence[Action]]) -> npt.NDArray[np.float32]:
        """By how much each program misses the description: its negative log-probability over the root of the number of
        words, float32 [B]. Neither the end nor the sign before it counts, nor a dotted name's parts."""
        asked, lexicon = asked_by(words), self._tables.lexicon
        if not asked:
            return np.zeros(len(programs), np.float32)
        examples = [retold(asked, actions, lexicon) for actions in programs]
        parts = [self._nats(examples[at : at + _AT_ONCE]) for at in range(0, len(examples), _AT_ONCE)]
        nats_BT = np.concatenate([*parts, np.zeros((0, len(asked)), np.float32)])
        counted_T = np.array(counted(asked), np.float32)
        missed: npt.NDArray[np.float32] = nats_BT @ counted_T / np.sqrt(counted_T.sum())
        return missed

    def _nats(self, examples: Sequence[Retold]) -> npt.NDArray[np.float32]:
        """Of each word of a description that all programs share, float32 [B, T]."""
        lexicon, said = self._tables.lexicon, examples[0].words
        texts = sorted({word.value for word in said} | {text for example in examples for text in example.texts if text})
        number = {text: i for i, text in enumerate(texts, 1)}
        words, pieces = lexicon.rows(texts)
        num_actions = np.array([len(example.actions) for example in examples], np.int32)
        actions, places = (np.zeros((len(examples), num_actions.max()), np.int64) for _ in range(2))
        for b, example in enumerate(examples):
            actions[b, : num_actions[b]] = example.actions
            places[b, : num_actions[b]] = [number[text] if text else 0 for text in example.texts]
        rows = np.array([number[word.value] for word in said], np.int64)
        feeds = {
            "words": words,
            "pieces": pieces,
            "actions": actions,
            "texts": places,
            "num_actions": num_actions,
            "before": np.concatenate([np.zeros(1, np.int64), rows[:-1]]),
            "kinds": np.array([0, *(1 + lexicon.kind(word) for word in said[:-1])], np.int64),
            "said": np.array([self._tables.number(word) for word in said], np.int64),
            "copies": rows[None, :, None] == places[:, None],
        }
        nats_BT: npt.NDArray[np.float32] = self._graph.run(None, feeds)[0]
        return nats_BT
