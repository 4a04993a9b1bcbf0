"""Learn how much to believe the cache, on projects that the network was not trained on.

Files are replayed as somebody would write them, the network and the cache seeing what stands before each token: once
with the file alone, and once with the rest of its project besides. Both answers are fixed, so what is learned are the
few hundred weights of the gate alone, by minimising the mixture's loss. The scores that are reported come from projects
that the gate had not seen either: each of a few folds is left out in turn. The gate that is kept has seen all.
"""

# S samples, F features, H hidden units, R rivals of all samples, T tokens, V vocabulary

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codling.bundle import Bundle, ScoreRow, cache_folder, load_bundle, write_bundle
from codling.engine.gate import GATE_FEATURES, GATE_FILE, Gate, default_gate, gate_features
from codling.engine.mixing import each_window
from codling.engine.model import Model, load_model
from codling.engine.ngram_cache import Candidates
from codling.engine.ngrams import Tokens
from codling.engine.project_index import ProjectIndex
from codling.errors import BundleError, CorpusError

__all__ = ["GateScore", "fit_bundle_gate", "fit_gate", "read_projects"]

NUM_HIDDEN = 16
NUM_TOKENS = 150_000  # samples of each of two kinds; three times as many change the loss in the fourth place
MAX_FILE_TOKENS = 4_000  # of one file, so that many are seen
NUM_FOLDS = 4
NUM_STEPS = 600
BATCH = 4_096  # samples per step
PEAK_RATE = 0.02

_BETA_1, _BETA_2 = 0.9, 0.99  # of Adam (Kingma & Ba 2015), which is all that so small a network needs
_WARM_UP = 30  # steps
_MIN_SCALE = np.float32(1e-3)  # a feature that hardly varies is not blown up

_TINY = 1e-30  # a float32 underflows before a network means it

Floats = npt.NDArray[Any]  # float32 here
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
    """What the gate learns from and is judged by: S places in one setting, with or without the project."""

    features_SF: npt.NDArray[np.float32]
    network_S: npt.NDArray[np.float32]
    "The network's probability of the true token."
    cache_S: npt.NDArray[np.float32]
    "The cache's."
    known_S: npt.NDArray[np.bool_]
    "The cache has candidates."
    num_rivals_S: npt.NDArray[np.int64]
    "Tokens that may be the mixture's best: the cache's candidates, and the network's best; R in all."
    network_R: npt.NDArray[np.float32]
    cache_R: npt.NDArray[np.float32]
    groups_S: npt.NDArray[np.int64]
    "Number of the project."


def fit_bundle_gate(
    bundle: Bundle | str | Path,
    corpus: Path,
    *,
    split: str = "valid",
    num_tokens: int = NUM_TOKENS,
    seed: int = 0,
    threads: int = 0,
    progress: Progress = lambda *_: None,
) -> tuple[Bundle, list[GateScore]]:
    """Fit a gate for a bundle on the projects of a split, and write the bundle again with it.

    Raises:
        BundleError: no bundle there, it is damaged, or it is a zip.
        CorpusError: no corpus there, its texts are missing, or it has too few projects.
    """
    if not isinstance(bundle, Bundle):
        bundle = load_bundle(bundle)
    if bundle.path.is_relative_to(cache_folder()):
        raise BundleError(
            f"{bundle.name} comes out of a zip, which would stay as it is; unpack it, and name the folder"
        )
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
    progress: Progress = lambda *_: None,
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
    with_file, with_project, num_chars = _sample(model, projects, num_tokens, seed, progress)
    settings = {"file cache": with_file, "project cache": with_project}
    num_folds = min(NUM_FOLDS, len(projects))
    shares = {name: np.zeros(len(samples.network_S)) for name, samples in settings.items()}
    for fold in range(num_folds):
        gate = _fit(list(settings.values()), [one.groups_S % num_folds != fold for one in settings.values()], seed)
        for name, samples in settings.items():
            out = (samples.groups_S % num_folds == fold) & samples.known_S
            shares[name][out] = gate(samples.features_SF[out])
    scores = [_score("static", with_file, np.zeros(len(with_file.network_S)), num_chars)]
    scores += [_score(name, samples, shares[name], num_chars) for name, samples in settings.items()]
    return _fit(list(settings.values()), [one.known_S | True for one in settings.values()], seed), scores


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
        why = " ".join(str(error).split())
        raise CorpusError(f"cannot read the texts {path}: {why}; build the corpus again") from None
    projects: dict[str, dict[str, str]] = {}
    for project, file, language, text in zip(*columns.values(), strict=True):
        if language in languages:
            projects.setdefault(project, {})[file] = text
    return projects


def _sample(
    model: Model, projects: Projects, num_tokens: int, seed: int, progress: Progress
) -> tuple[_Samples, _Samples, float]:
    """The same places twice, with the file alone and with the rest of its project, and their length in characters."""
    random = np.random.default_rng(seed)
    parts: tuple[list[_Samples], list[_Samples]] = ([], [])
    done, num_chars = 0, 0.0
    for group, (_, texts) in enumerate(sorted(projects.items())):
        paths = sorted(texts)
        files = {path: np.array(model.vocab.encode(texts[path]), np.uint16) for path in paths}
        index = ProjectIndex(files)
        left = num_tokens // len(projects)
        for place in random.permutation(len(paths)).tolist():
            tokens = files[paths[place]][: min(MAX_FILE_TOKENS, left)]
            if not len(tokens):
                continue
            for kind, project in zip(parts, (None, index), strict=True):
                kind += _samples_of(model, tokens, project, paths[place], group)
            num_chars += len(model.vocab.decode(tokens.tolist()))
            left -= len(tokens)
            done += len(tokens)
            progress(done, num_tokens)
    if not done:
        raise CorpusError("the projects to fit the gate on hold no tokens")
    return _join(parts[0]), _join(parts[1]), num_chars


def _samples_of(
    model: Model, tokens: Tokens, project: ProjectIndex | None, path: str, group: int
) -> Iterator[_Samples]:
    for start, log_probs_TV, candidates in each_window(model, tokens, project=project, path=path):
        assert candidates is not None  # it was asked for
        probs_TV = np.exp(log_probs_TV)
        size = len(probs_TV)
        truth_T1 = tokens[start : start + size].astype(np.int64)[:, None]
        best_T1 = probs_TV.argmax(axis=1)[:, None]
        rivals_TR = np.concatenate([candidates.ids_BC, best_T1], axis=1)
        real_TR = np.concatenate([candidates.probs_BC > 0, np.ones((size, 1), bool)], axis=1)

        def cached(ids_T1: npt.NDArray[np.int64], candidates: Candidates = candidates) -> npt.NDArray[np.float64]:
            found: npt.NDArray[np.float64] = np.where(candidates.ids_BC == ids_T1, candidates.probs_BC, 0).sum(axis=1)
            return found

        cache_TR = np.concatenate([candidates.probs_BC, cached(best_T1)[:, None]], axis=1)
        yield _Samples(
            features_SF=gate_features(log_probs_TV, candidates).astype(np.float32),
            network_S=np.take_along_axis(probs_TV, truth_T1, axis=1)[:, 0],
            cache_S=cached(truth_T1).astype(np.float32),
            known_S=candidates.probs_BC[:, 0] > 0,
            num_rivals_S=real_TR.sum(axis=1),
            network_R=np.take_along_axis(probs_TV, rivals_TR, axis=1)[real_TR],
            cache_R=cache_TR[real_TR].astype(np.float32),
            groups_S=np.full(size, group),
        )


def _join(parts: Sequence[_Samples]) -> _Samples:
    names = [field.name for field in dataclasses.fields(_Samples)]
    return _Samples(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _score(on: str, samples: _Samples, shares_S: npt.NDArray[np.float64], num_chars: float) -> GateScore:
    """Loss and accuracy of the mixture in which the cache has these shares."""
    shares_R = np.repeat(shares_S, samples.num_rivals_S)
    starts_S = np.cumsum(samples.num_rivals_S) - samples.num_rivals_S
    best_S = np.maximum.reduceat((1 - shares_R) * samples.network_R + shares_R * samples.cache_R, starts_S)
    true_S = (1 - shares_S) * samples.network_S + shares_S * samples.cache_S
    nats = float(-np.log(np.maximum(true_S, _TINY)).sum())
    num = len(true_S)
    return GateScore(
        on=on,
        loss_nats=nats / num,
        bits_per_char=nats / math.log(2) / num_chars,
        accuracy=float((true_S >= best_S).mean()),
        num_units=num,
    )


def _fit(settings: Sequence[_Samples], chosen: Sequence[npt.NDArray[np.bool_]], seed: int) -> Gate:
    """Minimise the mixture's loss on some of the samples."""
    picks = [keep_S & samples.known_S for samples, keep_S in zip(settings, chosen, strict=True)]

    def gathered(name: str) -> Floats:
        columns = [getattr(samples, name)[pick_S] for samples, pick_S in zip(settings, picks, strict=True)]
        return np.concatenate(columns)

    features_SF, network_S, cache_S = gathered("features_SF"), gathered("network_S"), gathered("cache_S")
    if not len(features_SF):
        return default_gate()
    mean_F, scale_F = features_SF.mean(axis=0), np.maximum(features_SF.std(axis=0), _MIN_SCALE)
    scaled_SF = (features_SF - mean_F) / scale_F
    random = np.random.default_rng(seed)
    weights = _start(random)
    averages = [(np.zeros_like(weight), np.zeros_like(weight)) for weight in weights]
    for step in range(1, NUM_STEPS + 1):
        pick = random.integers(0, len(scaled_SF), BATCH)
        _, gradients = loss_and_gradients(weights, scaled_SF[pick], network_S[pick], cache_S[pick])
        rate = PEAK_RATE * min(1.0, step / _WARM_UP) * (1 + math.cos(math.pi * step / NUM_STEPS)) / 2
        for weight, gradient, (first, second) in zip(weights, gradients, averages, strict=True):
            first += (1 - _BETA_1) * (gradient - first)
            second += (1 - _BETA_2) * (gradient * gradient - second)
            steady = np.sqrt(second / (1 - _BETA_2**step)) + 1e-8
            weight -= rate * (first / (1 - _BETA_1**step)) / steady
    arrays = [array.astype(np.float64) for array in (mean_F, scale_F, *weights[:3])]
    return Gate(arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], float(weights[3][0]))


def _start(random: np.random.Generator) -> list[Floats]:
    """Weights to begin with: [F, H], [H], [H] and [1]; the gate is nearly shut."""
    num = len(GATE_FEATURES)
    hidden_FH = (random.normal(size=(num, NUM_HIDDEN)) / math.sqrt(num)).astype(np.float32)
    zeros_H = np.zeros(NUM_HIDDEN, np.float32)
    return [hidden_FH, zeros_H, zeros_H.copy(), np.array([-1], np.float32)]


def loss_and_gradients(
    weights: Sequence[Floats], features_SF: Floats, network_S: Floats, cache_S: Floats
) -> tuple[float, list[Floats]]:
    """Mean loss of the mixture in nats, and its gradient by each of the weights.

    Written out, for it is five lines: the network is too small for a library's threads to help.
    """
    hidden_SH = np.tanh(features_SF @ weights[0] + weights[1])
    shares_S = 1 / (1 + np.exp(-(hidden_SH @ weights[2] + weights[3])))
    mixed_S = np.maximum((1 - shares_S) * network_S + shares_S * cache_S, _TINY)
    by_logit_S = -(cache_S - network_S) / mixed_S * shares_S * (1 - shares_S) / len(mixed_S)
    by_hidden_SH = np.outer(by_logit_S, weights[2]) * (1 - hidden_SH * hidden_SH)
    gradients = [
        features_SF.T @ by_hidden_SH,
        by_hidden_SH.sum(axis=0),
        hidden_SH.T @ by_logit_S,
        by_logit_S.sum(keepdims=True),
    ]
    return float(-np.log(mixed_S).mean()), gradients
