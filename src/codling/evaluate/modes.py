"""What a model may know beside the file before the cursor, after Hellendoorn & Devanbu 2017.

=============  ========================================================================================
static         the network alone
dynamic        the cache has read the file up to the cursor, too
maintenance    and all other files of the project, as they are today: someone changes a file among them
=============  ========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from codling.engine.evaluation import Predictions, predict_texts
from codling.engine.gate import Gate
from codling.engine.mixing import mixed_scores
from codling.engine.model import Model
from codling.engine.project_index import ProjectIndex
from codling.evaluate.hits import Hits, hits
from codling.evaluate.sources import Sample, SourceFile
from codling.vocab import DOC

__all__ = ["MODES", "Mode", "hits_of", "index_projects", "predict"]

Mode = Literal["static", "dynamic", "maintenance"]
MODES: tuple[Mode, ...] = get_args(Mode)


def predict(
    model: Model,
    files: Sequence[SourceFile],
    mode: Mode,
    *,
    gate: Gate | None = None,
    projects: Mapping[str, ProjectIndex] | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Predictions]:
    """Predict every vocabulary token of some files, each from all true ones before it.

    Args:
        gate: for all modes but static.
        projects: by name, for maintenance; a file's own entry does not count.
        progress: told how many characters are done.
    """
    if mode == "static":
        return predict_texts(model, [file.text for file in files], progress=progress)
    assert gate is not None, "a cache is mixed in by a gate"
    found = []
    for file in files:
        tokens = np.array(model.vocab.encode(file.text), np.uint16)
        project = projects[file.project] if mode == "maintenance" and projects is not None else None
        scores = mixed_scores(model, tokens, gate=gate, project=project, path=file.path)
        likeliest = np.append(scores.best_T, DOC)  # behind the end of a file nothing is to be predicted
        found.append(Predictions(tokens.astype(np.int64), scores.log_probs_T.astype(np.float64), likeliest))
        if progress is not None:
            progress(len(file.text))
    return found


def index_projects(model: Model, files: Sequence[SourceFile], names: Sequence[str]) -> dict[str, ProjectIndex]:
    """Read all files of some projects into indexes."""
    by_project: dict[str, dict[str, np.ndarray[tuple[int], np.dtype[np.uint16]]]] = {name: {} for name in names}
    for file in files:
        if file.project in by_project:
            by_project[file.project][file.path] = np.array(model.vocab.encode(file.text), np.uint16)
    return {name: ProjectIndex(tokens) for name, tokens in by_project.items()}


def hits_of(model: Model, sample: Sample, predictions: Sequence[Predictions]) -> dict[str, Hits]:
    """Which lexical tokens were predicted, by name of the file; files without tokens are left out."""
    pieces = model.vocab.pieces()
    return {
        file.name: hits(file.text, sample.lexemes[file.name], row, pieces, file.language)
        for file, row in zip(sample.files, predictions, strict=True)
        if sample.lexemes[file.name]
    }
