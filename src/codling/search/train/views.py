"""Batches: which units stand together, and what of each the query and the code show this time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from codling.search.encoder import FIELDS
from codling.search.train.bags import DOC, Bags, Ints, Ragged
from codling.search.train.config import ViewConfig
from codling.search.train.net import Bag
from codling.search.words import Pieces

__all__ = ["Views"]

NAME, SIGNATURE = FIELDS.index("name"), FIELDS.index("signature")

_PHRASES = (
    *(
        "how to",
        "how do i",
        "how to {}",
        "{} how to",
        "in {}",
        "in {}",
        "using {}",
        "{}",
        "{}",
        "{} code",
        "{} function",
    ),
    *(
        "a function to",
        "method for",
        "way to",
        "code to",
        "implementation of",
        "where is",
        "what is",
        "with",
        "example",
    ),
)
"""What people add to a description when they ask for it, the language in place of {}. Documentation lacks it, so that
words which tell nothing would otherwise count as rare ones."""

_OTHER_WITH_DOC = 0.85  # of the units asked for in other words than their summary's: those that show it, all of it
_NAMED_WITHOUT_SIGNATURE = 0.7  # of the units that are asked for by name: those that lack it, for it repeats the name


class Views:
    """An endless stream of batches, the same for the same seed."""

    def __init__(
        self,
        bags: Bags,
        config: ViewConfig,
        *,
        pieces: Pieces,
        batch_size: int,
        seed: int,
        paraphrases: Ragged | None = None,
    ) -> None:
        """Args:
        paraphrases: for each unit those whose summary may ask for it; None for none.
        """
        self._bags, self._config, self._paraphrases = bags, config, paraphrases
        self._phrases = [Ragged.of([_ids(pieces, each.format(name)) for each in _PHRASES]) for name in bags.languages]
        self._rng = np.random.default_rng(seed)
        self._num_runs = max(1, batch_size // config.run)
        self._runs: list[Ints] = []
        units_of_pieces = np.repeat(np.arange(len(bags)), np.diff(bags.pieces.offsets))
        self._has_name_N = np.zeros(len(bags), bool)
        self._has_name_N[units_of_pieces[bags.pieces.values < bags.num_pieces]] = True

    @property
    def num_per_epoch(self) -> int:
        """Batches until all units have been seen."""
        return max(1, len(self._bags) // (self._num_runs * self._config.run))

    def next(self) -> tuple[Bag, Bag]:
        """Queries and code, in step."""
        if len(self._runs) < self._num_runs:
            self._runs = self._shuffled()
        units = np.concatenate([self._runs.pop() for _ in range(min(self._num_runs, len(self._runs)))])
        named = (self._rng.random(len(units)) < self._config.named) & self._has_name_N[units]
        askers = self._askers(units, named)
        return self._queries(units, askers, named), self._code(units, named, named | (askers != units))

    def _shuffled(self) -> list[Ints]:
        """All units in runs of one project each, as far as its size allows, in random order."""
        order = self._rng.permutation(len(self._bags))
        order = order[np.argsort(self._bags.project_N[order], kind="stable")]
        num_runs = max(1, len(order) // self._config.run)
        runs = np.array_split(order, num_runs)
        return [runs[number] for number in self._rng.permutation(num_runs)]

    def _askers(self, units: Ints, named: npt.NDArray[np.bool_]) -> Ints:
        """The units whose summaries ask: each itself, or one that means the same."""
        if self._paraphrases is None:
            return units
        starts, ends = self._paraphrases.offsets[units], self._paraphrases.offsets[units + 1]
        some = (self._rng.random(len(units)) < self._config.paraphrased) & ~named & (ends > starts)
        askers = units.copy()
        askers[some] = self._paraphrases.values[self._rng.integers(starts[some], ends[some])]
        return askers

    def _queries(self, units: Ints, askers: Ints, named: npt.NDArray[np.bool_]) -> Bag:
        """The words of the summaries, or of the names."""
        pieces, owners = self._bags.summary.take(askers)
        kept = (self._rng.random(len(pieces)) >= self._config.drop_query) & ~named[owners]
        every, of_every = self._bags.pieces.take(units)
        in_name = (every < self._bags.num_pieces) & named[of_every]
        said = np.flatnonzero(self._rng.random(len(units)) < self._config.with_phrase)
        phrases = self._rng.integers(len(_PHRASES), size=len(said))
        added = [
            self._phrases[self._bags.language_N[units[row]]].take(np.array([phrase]))[0]
            for row, phrase in zip(said, phrases, strict=True)
        ]
        of_added = np.repeat(said, [len(each) for each in added])
        pieces = np.concatenate([pieces[kept], every[in_name], *added])
        owners = np.concatenate([owners[kept], of_every[in_name], of_added])
        return _bag(pieces, owners, np.ones(len(pieces)), len(units))

    def _code(self, units: Ints, named: npt.NDArray[np.bool_], is_other: npt.NDArray[np.bool_]) -> Bag:
        """Args:
        is_other: units that are asked for in other words than those of their summary.
        """
        bags, config = self._bags, self._config
        pieces, owners = bags.pieces.take(units)
        counts, _ = bags.counts.take(units)
        dropped = self._rng.random((len(units), len(FIELDS))) < np.array(config.drop_fields)
        dropped[:, NAME] |= named
        dropped[:, SIGNATURE] |= named & (self._rng.random(len(units)) < _NAMED_WITHOUT_SIGNATURE)
        kept = ~dropped[owners, pieces // bags.num_pieces]
        told = self._rng.random(len(units)) < np.where(is_other, _OTHER_WITH_DOC, config.with_doc)
        rest, of_rest = bags.rest.take(units)
        summary, of_summary = bags.summary.take(units)
        share = np.where(is_other, 1.0, self._rng.random(len(units)))
        shown_rest = told[of_rest]
        shown_summary = told[of_summary] & (self._rng.random(len(summary)) < share[of_summary])
        doc = np.concatenate([rest[shown_rest], summary[shown_summary]]) + DOC * bags.num_pieces
        shown = np.concatenate([pieces[kept], doc])
        owners = np.concatenate([owners[kept], of_rest[shown_rest], of_summary[shown_summary]])
        counts = np.concatenate([counts[kept], np.ones(len(doc))])
        remains = self._rng.random(len(shown)) >= config.drop_code
        return _bag(shown[remains], owners[remains], counts[remains], len(units))


def _ids(pieces: Pieces, text: str) -> npt.NDArray[np.int32]:
    return np.array(pieces.ids(text), np.int32)


def _bag(pieces: Ints, owners: Ints, counts: npt.NDArray[np.float64] | Ints, num_bags: int) -> Bag:
    order = np.argsort(owners, kind="stable")
    offsets = np.searchsorted(owners[order], np.arange(num_bags))
    return Bag(
        torch.from_numpy(pieces[order]),
        torch.from_numpy(counts[order].astype(np.float32)),
        torch.from_numpy(offsets),
    )
