"""Paraphrases: units of different projects whose documentation says nearly the same in other words.

What people ask for is seldom said in the words of the documentation. The teacher knows which two sentences mean the
same, and with it we look once through all mined summaries; in training, the summary of one unit then asks for another
one that shows its own documentation whole.

# N units that are compared, K neighbours, M pairs found
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codling.errors import CorpusError
from codling.files import write_atomically
from codling.search.train.bags import Bags, Ragged
from codling.search.train.mine import read_mined
from codling.search.train.summary import summary_of
from codling.search.train.teacher import Teacher

__all__ = ["ParaphraseConfig", "Paraphrases", "find_paraphrases", "read_paraphrases"]

_FILE = "paraphrases.npz"
_ENCODED = 8_192  # summaries between two reports
_COMPARED = 1_024  # rows of cosines at once
_SPARE = 5  # times as many nearest ones are looked at, for some are of the same project or say it in the same words


@dataclass(frozen=True, kw_only=True)
class ParaphraseConfig:
    """How far one looks."""

    max_units: int = 131_072
    """That are compared at most, each with each: all of the most frequent language, then of the others at random. Twice
    as many take four times as long."""
    num_neighbours: int = 12
    "That are kept of each unit at most."
    min_cosine: float = 0.5
    "Less is not kept; codling.search.train.config.ViewConfig says from where on it counts."
    max_tokens: int = 24
    "Of a summary, in the teacher's pieces."
    seed: int = 0


def find_paraphrases(
    folder: Path,
    teacher: Teacher,
    config: ParaphraseConfig,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write FOLDER/paraphrases.npz, and return the number of units that have one.

    Args:
        folder: that codling.search.train.mine has written.
        progress: told of units done and units in all, twice over: they are encoded, then compared.

    Raises:
        CorpusError: nothing was mined there.
    """
    summaries: list[str] = []
    projects: list[str] = []
    languages: list[str] = []
    for table in read_mined(folder):
        summaries += map(summary_of, table["doc"])
        projects += table["project"]
        languages += table["language"]
    rows_N = np.sort(_chosen(languages, config))
    vectors_ND = np.zeros((len(rows_N), teacher.dim), np.float32)
    for start in range(0, len(rows_N), _ENCODED):
        some = rows_N[start : start + _ENCODED]
        vectors_ND[start : start + len(some)] = teacher.encode([summaries[row] for row in some], config.max_tokens)
        if progress is not None:
            progress(start + len(some), 2 * len(rows_N))
    groups = (_numbered([projects[row] for row in rows_N]), _numbered([_plain(summaries[row]) for row in rows_N]))
    others_NK, cosines_NK = _neighbours(torch.from_numpy(vectors_ND), groups, config, progress)
    kept_NK = cosines_NK >= config.min_cosine
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        unit=rows_N[np.nonzero(kept_NK)[0]].astype(np.int32),
        other=rows_N[others_NK[kept_NK]].astype(np.int32),
        cosine=cosines_NK[kept_NK].astype(np.float16),
    )
    with write_atomically(folder / _FILE) as file:
        file.write(buffer.getvalue())
    return int(kept_NK.any(axis=1).sum())


@dataclass(frozen=True)
class Paraphrases:
    """What find_paraphrases has found, by row of the mined table."""

    units_M: npt.NDArray[np.int32]
    others_M: npt.NDArray[np.int32]
    "Whose summary may ask for the unit."
    cosines_M: npt.NDArray[np.float16]

    def among(self, bags: Bags, cosines: tuple[float, float]) -> Ragged:
        """For each unit of the bags those that may ask for it, by number; most have none.

        Args:
            cosines: the least and the largest that count.
        """
        rows = (bags.row_N, self.units_M, self.others_M)
        number = np.full(max(int(each.max(initial=0)) for each in rows) + 1, -1)
        number[bags.row_N] = np.arange(len(bags))
        units, others = number[self.units_M], number[self.others_M]
        kept = (self.cosines_M >= cosines[0]) & (self.cosines_M <= cosines[1]) & (units >= 0) & (others >= 0)
        units, others = units[kept], others[kept]
        order = np.argsort(units, kind="stable")
        return Ragged(np.searchsorted(units[order], np.arange(len(bags) + 1)), others[order].astype(np.int32))


def read_paraphrases(folder: Path) -> Paraphrases:
    """Raises:
    CorpusError: they were not looked for, or the file is damaged.
    """
    try:
        with np.load(folder / _FILE, allow_pickle=False) as arrays:
            return Paraphrases(arrays["unit"], arrays["other"], arrays["cosine"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CorpusError(
            f"{folder} has no readable paraphrases ({error}); `codling search-train paraphrase` finds them, "
            "and --set views.paraphrased=0 does without"
        ) from None


def _chosen(languages: list[str], config: ParaphraseConfig) -> npt.NDArray[np.int64]:
    order = np.random.default_rng(config.seed).permutation(len(languages))
    most = Counter(languages).most_common(1)[0][0]
    is_first = np.array([language == most for language in languages])[order]
    return np.concatenate([order[is_first], order[~is_first]])[: config.max_units]


def _numbered(texts: list[str]) -> Tensor:
    numbers: dict[str, int] = {}
    return torch.tensor([numbers.setdefault(text, len(numbers)) for text in texts])


def _plain(summary: str) -> str:
    return summary.lower().strip(" .")


def _neighbours(
    vectors_ND: Tensor,
    groups: tuple[Tensor, ...],
    config: ParaphraseConfig,
    progress: Callable[[int, int], None] | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The nearest of each that share none of its groups, and their cosines, both [N, K]; -1 where there is none."""
    vectors_ND = vectors_ND.bfloat16()
    num = min(config.num_neighbours, len(vectors_ND))
    others_NK = np.zeros((len(vectors_ND), num), np.int64)
    cosines_NK = np.zeros((len(vectors_ND), num), np.float32)
    for start in range(0, len(vectors_ND), _COMPARED):
        end = min(start + _COMPARED, len(vectors_ND))
        cosines, near = (vectors_ND[start:end] @ vectors_ND.T).topk(min(_SPARE * num, len(vectors_ND)), dim=1)
        apart = torch.stack([each[near] != each[start:end, None] for each in groups]).all(dim=0)
        best, at = cosines.float().masked_fill(~apart, -1.0).topk(num, dim=1)
        others_NK[start:end], cosines_NK[start:end] = near.gather(1, at).numpy(), best.numpy()
        if progress is not None:
            progress(len(vectors_ND) + end, 2 * len(vectors_ND))
    return others_NK, cosines_NK
