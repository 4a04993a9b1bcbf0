"""What a writer knows: productions, whole texts of tokens, words, and the pieces that all others are spelt with."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.errors import BundleError, CodlingError
from codling.trees.grammar.asdl import Production, Schema
from codling.trees.grammar.python import PYTHON
from codling.trees.grammar.tree import Slot, Tree, actions_of
from codling.trees.writing.words import KINDS, Word
from codling.vocab.bpe import BpeVocab

__all__ = ["CLOSE_OUT", "END", "FIRST_RULE", "MAX_PIECES", "START", "TEXT", "Lexicon"]

START, ACTION_CLOSE, END, TEXT, FIRST_RULE = range(5)
"Actions that are no productions, as a decoder reads them back: none yet, end of a list, end of a spelt text, a text."

CLOSE_OUT = 0
"Where the end of a list stands among the outputs of the head for productions, which follow it."

MAX_PIECES = 12
"Pieces of a text that its vector is made of: enough for any name, and for what a long string begins with."

_FORMAT = 1


class Lexicon:
    """The tables of a writer; what they say is data, so that a bundle can hold it as JSON."""

    def __init__(
        self,
        productions: Sequence[str],
        wholes: Sequence[str],
        words: Sequence[str],
        vocab: BpeVocab,
        *,
        fields: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        schema: Schema = PYTHON,
    ) -> None:
        """Args:
        productions: names of those the model can apply.
        wholes: texts of tokens that it can write in one step.
        words: texts that have a vector of their own, besides those of their pieces.
        fields: names of the grammar's fields and types as they are numbered; by default those of the grammar. A lexicon
            that was written down keeps its numbers where the grammar has grown since.

        Raises:
            BundleError: a production is none of the grammar, or has fields or types without a number.
        """
        self.schema = schema
        try:
            self.productions: list[Production] = [schema.named(name) for name in productions]
        except CodlingError as error:
            raise BundleError(f"the writer's lexicon does not fit the grammar: {error}") from None
        self.wholes, self.words, self.vocab = list(wholes), list(words), vocab
        self._rule = {production: i for i, production in enumerate(self.productions)}
        self._whole = {text: i for i, text in enumerate(self.wholes)}
        self._word = {text: i + 1 for i, text in enumerate(self.words)}  # 0 is any other
        every = (f"{each.name}.{field.name}" for each in schema.constructors.values() for field in each.fields)
        self._field = {name: i + 1 for i, name in enumerate(sorted(every) if fields is None else fields)}  # 0: the root
        self._types = {name: i for i, name in enumerate(sorted(schema.types) if types is None else types)}
        for production in self.productions:
            for field in production.fields:
                name = f"{production.constructor.name}.{field.name}"
                if name not in self._field or (field.type not in self._types and field.type not in schema.tokens):
                    raise BundleError(f"the writer's lexicon is of a grammar without {name}; train it again")

    @staticmethod
    def of(pairs: Iterable[tuple[Sequence[Word], Tree]], *, num_pieces: int = 1_500, min_count: int = 2) -> Lexicon:
        """Learn the tables from descriptions and programs.

        Args:
            num_pieces: size of the vocabulary of pieces.
            min_count: programs that a text must occur in to be written whole, and examples to have a vector of its own.
        """
        productions: Counter[str] = Counter()
        wholes: Counter[str] = Counter()
        words: Counter[str] = Counter()
        texts: list[str] = []
        for description, tree in pairs:
            found = list(actions_of(tree))
            productions.update(each.name for each in found if isinstance(each, Production))
            tokens = {each for each in found if isinstance(each, str)}
            wholes.update(tokens)
            words.update(tokens | {word.value for word in description})
            texts += sorted(tokens) + [word.value for word in description]

        def frequent(counts: Counter[str]) -> list[str]:
            return sorted((text for text, count in counts.items() if count >= min_count), key=lambda t: (-counts[t], t))

        return Lexicon(sorted(productions), frequent(wholes), frequent(words), BpeVocab.train(texts, num_pieces))

    @property
    def fields(self) -> list[str]:
        "Names of the grammar's fields, as they are numbered."
        return list(self._field)

    @property
    def types(self) -> list[str]:
        "Names of the grammar's types, as they are numbered."
        return list(self._types)

    @property
    def num_fields(self) -> int:
        return len(self._field) + 1

    @property
    def num_actions(self) -> int:
        return FIRST_RULE + len(self.productions) + self.vocab.size

    @property
    def num_masks(self) -> int:
        return 2 * len(self._types)

    def rule(self, production: Production) -> int | None:
        """Its number among the productions; None where the model never saw it."""
        return self._rule.get(production)

    def whole(self, text: str) -> int | None:
        return self._whole.get(text)

    def word(self, text: str) -> int:
        """Its row among the words' vectors; 0 for those without."""
        return self._word.get(text, 0)

    def pieces(self, text: str) -> list[int]:
        return self.vocab.encode(text)

    def head(self, text: str) -> list[int]:
        """1 + each piece of what a text begins with, at most MAX_PIECES: what its vector is made of."""
        return [1 + piece for piece in self.pieces(text[: 8 * MAX_PIECES])[:MAX_PIECES]]

    def rows(self, texts: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """What the vectors of texts are made of: rows of the words' vectors, int64 [U], 0 for those without, and 1 +
        pieces, int64 [U, P], 0 for padding."""
        pieces = np.zeros((len(texts), MAX_PIECES), np.int64)
        for row, text in enumerate(texts):
            head = self.head(text)
            pieces[row, : len(head)] = head
        return np.array([self.word(text) for text in texts], np.int64), pieces

    def piece_action(self, piece: int) -> int:
        return FIRST_RULE + len(self.productions) + piece

    def kind(self, word: Word) -> int:
        return KINDS.index(word.kind)

    def field(self, slot: Slot) -> int:
        """Number of the field that a slot is of."""
        if slot.field is None or slot.parent_production is None:
            return 0
        return self._field[f"{slot.parent_production.constructor.name}.{slot.field.name}"]

    def parent(self, slot: Slot) -> int:
        """Number of the action that opened a slot."""
        production = slot.parent_production
        return START if production is None else FIRST_RULE + self._rule[production]

    def mask(self, slot: Slot) -> int:
        """Row of ``masks`` that says what may fill a slot which takes productions."""
        return 2 * self._types[slot.type] + slot.may_close

    @functools.cached_property
    def masks(self) -> npt.NDArray[np.bool_]:
        """What the head for productions may say, bool [masks, 1 + productions]."""
        allowed = np.zeros((self.num_masks, 1 + len(self.productions)), bool)
        for name, row in self._types.items():
            for i, production in enumerate(self.productions if name in self.schema.types else ()):
                allowed[2 * row : 2 * row + 2, 1 + i] = self.schema.allows(name, production)
            allowed[2 * row + 1, CLOSE_OUT] = True
        return allowed

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "writer",
            "format": _FORMAT,
            "productions": [each.name for each in self.productions],
            "wholes": self.wholes,
            "words": self.words,
            "pieces": self.vocab.to_json(),
            "fields": self.fields,
            "types": self.types,
        }

    @staticmethod
    def from_json(text: str) -> Lexicon:
        """Read what to_json gave.

        Raises:
            BundleError: it is damaged, or of another format.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"the writer's lexicon is damaged ({error}); get the bundle again") from None
        if not isinstance(data, dict) or data.get("kind") != "writer" or data.get("format") != _FORMAT:
            raise BundleError("the bundle has no writer's lexicon of this format; get the bundle again")
        lists = [data.get(key) for key in ("productions", "wholes", "words", "fields", "types")]
        pieces = data.get("pieces")
        if not isinstance(pieces, dict) or not all(
            isinstance(each, list) and all(isinstance(text, str) for text in each) for each in lists
        ):
            raise BundleError("the writer's lexicon is damaged; get the bundle again")
        productions, wholes, words, fields, types = (each or [] for each in lists)
        return Lexicon(productions, wholes, words, BpeVocab.from_json(pieces), fields=fields, types=types)
