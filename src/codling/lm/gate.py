"""Learn how much to believe the cache, on projects that the network was not trained on.

Files are replayed as somebody would write them: the network and the cache see what stands before each token, and for
two files out of three the rest of the project besides. Both answers are fixed, so what is learned are the few hundred
weights of the gate alone, by minimising the mixture's loss. The scores that are reported come from projects that the
gate had not seen either: each of a few folds is left out in turn. The gate that is kept has seen all.
"""

# S samples, F features, H hidden units

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from codling.bundle import Bundle, ScoreRow, load_bundle, write_bundle
from codling.engine.gate import GATE_FEATURES, GATE_FILE, Gate, gate_features
from codling.engine.mixing import each_window
from codling.engine.model import Model, load_model
from codling.engine.project_index import ProjectIndex
from codling.errors import CorpusError

__all__ = ["GateScore", "fit_bundle_gate", "fit_gate", "read_projects"]

NUM_HIDDEN = 16
NUM_TOKENS = 150_000  # samples of each of two kinds; three times as many change the loss in the fourth place
MAX_FILE_TOKENS = 4_000  # of one file, so that many are seen
NUM_FOLDS = 4
NUM_STEPS = 400
WEIGHT_DECAY = 1e-4

Projects = Mapping[str, Mapping[str, str]]
"Texts by project and path."
Progress = Callable[[int, int], None]
"Called with the tokens done and the number of all."


@dataclass(frozen=True, kw_only=True)
class GateScore:
    """How well tokens of held-out projects were predicted in one way."""

    on: str
    "static: the network alone; file cache: with what the file held so far; project cache: with the other files, too."
    loss_nats: float
    bits_per_char: float
    accuracy: float
    num_units: int


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """What the gate learns from: S places, all of one setting (with or without the project)."""

    features_SF: npt.NDArray[np.float64]
    network_S: npt.NDArray[np.float64]
    "The network's probability of the true token."
    cache_S: npt.NDArray[np.float64]
    known_S: npt.NDArray[np.bool_]
    "The cache has candidates."
    best_network_S: npt.NDArray[np.float64]
    "Probabilities that decide which token is the mixture's best, see _right."
    rival_S: npt.NDArray[np.float64]
    groups_S: npt.NDArray[np.int64]
    "Number of the project."
    num_chars: float


def fit_bundle_gate(
    bundle: Bundle | str | Path,
    corpus: Path,
    *,
    split: str = "valid",
    num_tokens: int = NUM_TOKENS,
    seed: int = 0,
    threads: int = 0,
    progress: Progress = lambda done, total: None,
) -> tuple[Bundle, list[GateScore]]:
    """Fit a gate for a bundle on the projects of a split, and write the bundle again with it.

    Raises:
        BundleError: no bundle there, or it is damaged.
        CorpusError: no corpus there, its texts are missing, or it has too few projects.
    """
    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    model = load_model(bundle, threads=threads)
    projects = read_projects(corpus, split, bundle.card.languages)
    gate, scores = fit_gate(model, projects, num_tokens=num_tokens, seed=seed, progress=progress)
    files = {name: bundle.file(name).read_bytes() for name in bundle.card.files}
    files[GATE_FILE] = (json.dumps(gate.to_json()) + "\n").encode()
    graph = "int8" if any(row.graph == "int8" for row in bundle.card.scores) else "float32"
    rows = [
        ScoreRow(
            on=f"{split} projects of the corpus, {score.on}",
            loss_nats=round(score.loss_nats, 5),
            accuracy=round(score.accuracy, 5),
            bits_per_char=round(score.bits_per_char, 5),
            num_units=score.num_units,
            graph=graph,
        )
        for score in scores
    ]
    new = {row.on for row in rows}
    kept = [row for row in bundle.card.scores if row.on not in new]
    card = dataclasses.replace(bundle.card, scores=(*kept, *rows))
    return write_bundle(bundle.path, card, files), scores


def fit_gate(
    model: Model,
    projects: Projects,
    *,
    num_tokens: int = NUM_TOKENS,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> tuple[Gate, list[GateScore]]:
    """Learn a gate for a model.

    Args:
        projects: that the model was not trained on; at least two, so that the scores can be held out.
        num_tokens: of each setting, with and without the project; shared out evenly among projects.

    Raises:
        CorpusError: fewer than two projects, or nothing in them.
    """
    if len(projects) < 2:
        raise CorpusError(f"a gate is fitted on at least two projects, not {len(projects)}; name a larger corpus")
    with_file, with_project = _sample(model, projects, num_tokens, seed, progress)
    if not len(with_file.network_S):
        raise CorpusError("the projects to fit the gate on hold no tokens")
    static = np.zeros(len(with_file.network_S))
    shares = {"file cache": static.copy(), "project cache": static.copy()}
    num_folds = min(NUM_FOLDS, len(projects))
    settings = {"file cache": with_file, "project cache": with_project}
    for fold in range(num_folds):
        gate = _fit([_pick(one, one.groups_S % num_folds != fold) for one in settings.values()], seed)
        for name, samples in settings.items():
            held_out = samples.groups_S % num_folds == fold
            shares[name][held_out] = gate(samples.features_SF[held_out]) * samples.known_S[held_out]
    scores = [_score("static", with_file, static)]
    scores += [_score(name, samples, shares[name]) for name, samples in settings.items()]
    return _fit(list(settings.values()), seed), scores


def read_projects(corpus: Path, split: str, languages: Sequence[str]) -> dict[str, dict[str, str]]:
    """The texts of a corpus's split in some languages, by project and path.

    Raises:
        CorpusError: they cannot be read.
    """
    import pyarrow.parquet as pq

    path = corpus / "text" / f"{split}.parquet"
    try:
        columns = pq.read_table(path, columns=["project", "path", "language", "text"]).to_pydict()
    except (OSError, ValueError, KeyError) as error:
        raise CorpusError(f"cannot read the texts {path}: {error}; build the corpus again") from None
    projects: dict[str, dict[str, str]] = {}
    for project, file, language, text in zip(*columns.values(), strict=True):
        if language in languages:
            projects.setdefault(project, {})[file] = text
    return projects


def _sample(
    model: Model, projects: Projects, num_tokens: int, seed: int, progress: Progress
) -> tuple[_Samples, _Samples]:
    """The same places twice: with the file alone, and with the rest of its project."""
    random = np.random.default_rng(seed)
    parts: tuple[list[_Samples], list[_Samples]] = ([], [])
    done = 0
    for group, (_, texts) in enumerate(sorted(projects.items())):
        files = {path: np.array(model.vocab.encode(text), np.uint16) for path, text in sorted(texts.items())}
        index = ProjectIndex(files)
        budget = num_tokens // len(projects)
        paths = sorted(files)
        for place in random.permutation(len(paths)).tolist():
            path = paths[place]
            tokens = files[path][: min(MAX_FILE_TOKENS, budget)]
            if not len(tokens):
                continue
            num_chars = len(texts[path]) * len(tokens) / len(files[path])
            for kind, project in zip(parts, (None, index), strict=True):
                kind.append(_samples_of(model, tokens, project, path, group, num_chars))
            budget -= len(tokens)
            done += len(tokens)
            progress(done, num_tokens)
            if budget <= 0:
                break
    return _join(parts[0]), _join(parts[1])
