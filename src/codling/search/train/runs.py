"""A whole training of the encoder: mined pairs and a configuration in, a bundle out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from codling.bundle import Bundle
from codling.errors import CorpusError
from codling.search.train.bags import read_bags
from codling.search.train.config import SearchRunConfig
from codling.search.train.export import export_encoder
from codling.search.train.fit import Step, fit, learn_vocabulary, start_vectors
from codling.search.train.paraphrase import read_paraphrases
from codling.search.train.teacher import Teacher

__all__ = ["train_encoder"]


def train_encoder(
    config: SearchRunConfig,
    mined: Path,
    out: Path,
    *,
    teacher: Path | None = None,
    on_step: Callable[[Step], None],
    on_stage: Callable[[str], None],
) -> Bundle:
    """Learn a vocabulary, make bags, train, and write the bundle.

    Args:
        mined: folder that codling.search.train.mine has written, and codling.search.train.paraphrase.
        teacher: model whose vectors of word pieces to begin with; None begins with random ones.

    Raises:
        CorpusError: nothing was mined there, or no paraphrases were looked for.
        BundleError: the teacher is none.
        TrainingError: too few pairs, or a loss that is not finite.
    """
    said = _mined(mined)
    found = read_paraphrases(mined) if config.views.paraphrased else None
    on_stage("learning the vocabulary")
    pieces = learn_vocabulary(mined, config.encoder)
    on_stage(f"{len(pieces):,} pieces; reading {said['units']:,} units")
    bags = read_bags(mined, pieces)
    paraphrases = None
    if found is not None:
        paraphrases = found.among(bags, config.views.paraphrase_cosines)
        on_stage(f"{int((np.diff(paraphrases.offsets) > 0).sum()):,} units can be asked for in other words")
    on_stage("asking the teacher" if teacher else "no teacher: random vectors")
    taught = None if teacher is None else Teacher(teacher)
    start_VD = start_vectors(pieces, taught, config.encoder, config.fit.seed)
    on_stage(f"training {config.fit.runs} times on {config.fit.pairs:,} pairs")
    fitted = fit(bags, start_VD, config, pieces=pieces, paraphrases=paraphrases, on_step=lambda step, _: on_step(step))
    return export_encoder(fitted, pieces, config, out, mined=said, teacher=teacher.name if teacher else "")


def _mined(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / "mined.json").read_text(encoding="utf-8"))
        if not said["units"]:
            raise ValueError("it names no units")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{folder} holds no pairs ({error}); `codling search-train mine` makes them") from None
    assert isinstance(said, dict)
    return said
