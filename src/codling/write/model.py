"""A writer out of a bundle: its lexicon, and its graphs ready to run."""

# B programs, N words, U texts, P pieces of a text, E embedding, H hidden, M memory

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.bundle import Bundle, load_bundle
from codling.errors import BundleError
from codling.trees.grammar.building import fits
from codling.trees.writing.lexicon import Lexicon
from codling.trees.writing.reconstruction import GRAPH
from codling.trees.writing.words import Word
from codling.write.files import bundle_text, open_graph
from codling.write.ranking import RANKING, Ranking
from codling.write.retelling import Retelling

__all__ = ["KIND", "Described", "Floats", "WriterModel", "load_writer"]

KIND = "write"
"What the card of a writer says that it does."

Floats = npt.NDArray[np.float32]

_MAX_KNOWN_TEXTS = 20_000  # vectors that are kept: 10 MB of them


@dataclass(frozen=True, slots=True)
class Described:
    """A description as the decoder sees it."""

    words: tuple[Word, ...]
    values: tuple[str, ...]
    memory: Floats
    "[N, M]"
    start: tuple[Floats, Floats]
    "The first hidden states of both LSTMs, [1, H] each."


class WriterModel:
    """Safe to use from several threads at once: what it keeps is only ever added to."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Raises:
        BundleError: the bundle is damaged, or no writer.
        """
        if bundle.card.kind != KIND:
            raise BundleError(f"bundle {bundle.name} is of kind {bundle.card.kind!r}, not a writer of programs")
        self.card, self.num_bytes = bundle.card, bundle.num_bytes
        self.lexicon = Lexicon.from_json(bundle_text(bundle, "lexicon.json"))
        self._graphs = {
            name: open_graph(bundle, f"{name}.onnx", threads) for name in ("embed", "encode", "step", "texts")
        }
        shape = {row.name: row.shape for row in self._graphs["step"].get_inputs()}
        try:
            self.embedding, self.hidden = int(shape["text"][1]), int(shape["parent"][1])
        except (KeyError, TypeError, ValueError, IndexError):
            raise BundleError(f"bundle {bundle.path}: step.onnx is not a writer's; get the bundle again") from None
        files = bundle.card.files
        self.retelling = Retelling(bundle, threads) if GRAPH in files else None
        "What says descriptions back from programs; None in a bundle without."
        self.ranking = Ranking.from_json(bundle_text(bundle, RANKING)) if RANKING in files else None
        "How candidates are ordered; None in a bundle without."
        self._vectors: dict[str, Floats] = {"": np.zeros(self.embedding, np.float32)}
        self.allowed = {
            name: np.array([fits(text, name) for text in self.lexicon.wholes], bool)
            for name in self.lexicon.schema.tokens
        }
        "Which whole texts can be tokens of a type, bool [V]."

    @property
    def name(self) -> str:
        return self.card.name

    def describe(self, words: Sequence[Word]) -> Described:
        """Read a description of at least one word."""
        values = tuple(word.value for word in words)
        kinds = np.array([1 + self.lexicon.kind(word) for word in words], np.int64)
        memory, start = self._run("encode", {"vectors": self.vectors(values), "kinds": kinds})
        return Described(tuple(words), values, memory, (start[:, : self.hidden], start[:, self.hidden :]))

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Of texts, [U, E]; zeros for the empty one."""
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            words, pieces = self.lexicon.rows(new)
            (found,) = self._run("embed", {"words": words, "pieces": pieces})
            if len(self._vectors) + len(new) > _MAX_KNOWN_TEXTS:
                self._vectors = {"": self._vectors[""]} | {
                    text: self._vectors[text] for text in texts if text not in new
                }
            self._vectors |= dict(zip(new, found, strict=True))
        known = self._vectors
        return np.stack([known[text] for text in texts])

    def step(self, feeds: dict[str, npt.NDArray[Any]]) -> list[Floats]:
        """The step graph: new states h0, c0, h1, c1, then state, rules and seen."""
        return self._run("step", feeds)

    def texts(self, feeds: dict[str, npt.NDArray[Any]]) -> Floats:
        """The graph of texts: log-probabilities of wholes, pieces and the end of one, words, and words as parts."""
        return self._run("texts", feeds)[0]

    def _run(self, name: str, feeds: dict[str, npt.NDArray[Any]]) -> list[Floats]:
        outputs: list[Floats] = self._graphs[name].run(None, feeds)
        return outputs


def load_writer(bundle: Bundle | str | Path, threads: int = 1) -> WriterModel:
    """Load a bundle that writes programs.

    Args:
        threads: cores that one call may use.

    Raises:
        BundleError: no such bundle, or it is damaged, or no writer.
    """
    return WriterModel(bundle if isinstance(bundle, Bundle) else load_bundle(bundle), threads)
