"""A model and a cache over a whole file at once: what they make of each token, for evaluation and for fitting the gate.

The same numbers as at the desk, where a cursor goes through the file and only what stands before it is known.
"""

# T tokens of a file, V vocabulary, B contexts at a time

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.engine.gate import Gate, mix
from codling.engine.model import Model
from codling.engine.ngram_cache import FILE, Candidates, blend
from codling.engine.ngrams import Places, Tokens, contexts_of, join_matches
from codling.engine.project_index import ProjectIndex
from codling.vocab import DOC

__all__ = ["MixedScores", "each_window", "mixed_scores", "replay"]

WINDOW = 128  # tokens per call of the model, as in engine.evaluation


@dataclass(frozen=True, slots=True, eq=False)
class MixedScores:
    """What was predicted at each of T tokens of a file."""

    log_probs_T: npt.NDArray[np.float32]
    "Of the true token, in nats."
    best_T: npt.NDArray[np.int64]
    "The likeliest token."
    ranks_T: npt.NDArray[np.int64]
    "How many tokens were likelier than the true one: 0 where the best was right."


def mixed_scores(
    model: Model,
    tokens: Tokens,
    *,
    gate: Gate | None = None,
    in_file: bool = True,
    project: ProjectIndex | None = None,
    path: str = "",
    window: int = WINDOW,
) -> MixedScores:
    """Predict each token of a file from those before it, by the network and what the cache knows.

    Args:
        tokens: the file's, without DOC; ids of the model's vocabulary.
        gate: None for the network alone.
        in_file: the cache has read the file up to each token (otherwise only the project counts).
        project: the project's files; the one at path does not count.
        path: of the file, with / between folders; says which of the project's files are in its folder.
        window: tokens per call of the model; it does not change the answer.
    """
    parts = []
    for start, log_probs_TV, candidates in each_window(
        model, tokens, in_file=in_file, project=project, path=path, window=window, cache=gate is not None
    ):
        mixed_TV = log_probs_TV if gate is None or candidates is None else mix(log_probs_TV, candidates, gate)
        truth_T = np.asarray(tokens[start : start + len(mixed_TV)], np.int64)
        true_T = np.take_along_axis(mixed_TV, truth_T[:, None], axis=1)
        parts.append((true_T[:, 0], mixed_TV.argmax(axis=1), (mixed_TV > true_T).sum(axis=1)))
    if not parts:
        return MixedScores(np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    return MixedScores(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def each_window(
    model: Model,
    tokens: Tokens,
    *,
    in_file: bool = True,
    project: ProjectIndex | None = None,
    path: str = "",
    window: int = WINDOW,
    cache: bool = True,
) -> Iterator[tuple[int, npt.NDArray[np.float32], Candidates | None]]:
    """Go through a file: where a window starts, the network's log-probabilities [T, V], and the cache's candidates.

    Args:
        cache: False gives None for the candidates.
    """
    found = (
        replay(tokens, model.vocab.size, in_file=in_file, project=project, path=path, window=window) if cache else None
    )
    inputs = np.concatenate([[DOC], np.asarray(tokens, np.int64)])[: len(tokens)]
    state = model.initial_state(1)
    for start in range(0, len(tokens), window):
        log_probs_BTV, state = model.run(inputs[None, start : start + window], state)
        yield start, log_probs_BTV[0], next(found) if found is not None else None


def replay(
    tokens: Tokens,
    vocab_size: int,
    *,
    in_file: bool = True,
    project: ProjectIndex | None = None,
    path: str = "",
    window: int = WINDOW,
) -> Iterator[Candidates]:
    """What the cache expects at each token of a file, window by window; see mixed_scores."""
    document_N = np.concatenate([[DOC], tokens]).astype(np.uint16)
    contexts = contexts_of(document_N)[1:]
    own = Places(document_N) if in_file else None
    for start in range(0, len(tokens), window):
        contexts_BK = contexts[start : start + window]
        parts, levels = [], []
        if own is not None:
            matches = own.find(contexts_BK)
            # The token at place start + row + 1 of the document is the one to predict: only what is before it counts.
            matches = matches.pick(matches.places_R <= matches.rows_R + start)
            parts.append(matches)
            levels.append(np.full(len(matches.rows_R), FILE))
        if project is not None:
            others, theirs = project.find(contexts_BK, path)
            parts.append(others)
            levels.append(theirs)
        if not parts:
            raise ValueError("neither the file nor a project is to be looked at")
        yield blend(join_matches(parts), np.concatenate(levels), len(contexts_BK), vocab_size)
