"""How well a model predicts texts, measured as it was trained: each next unit from all true ones before it."""

# B batch, T time, V vocabulary

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.engine.model import Model, State, pick_rows
from codling.errors import InputError
from codling.types import Score
from codling.vocab import DOC

__all__ = ["TextScore", "evaluate", "score_texts", "total"]

BATCH = 16  # texts at a time; more gain little on few cores, and memory goes with it
WINDOW = 128  # tokens per call; the log-probabilities of a call are B x T x V x 4 bytes, 3 MB here

Progress = Callable[[int], None]
"Called with the number of characters just done."


@dataclass(frozen=True, slots=True)
class TextScore:
    """How well one text was predicted."""

    nats: float
    "Negative log-likelihood of all its units together."
    num_right: int
    "Units whose most likely prediction was right."
    num_units: int
    num_chars: int

    def score(self) -> Score:
        return total([self])


def evaluate(
    model: Model,
    texts: Sequence[str],
    *,
    batch: int = BATCH,
    window: int = WINDOW,
    progress: Progress | None = None,
) -> Score:
    """Score a model on texts, each a document of its own: it begins with DOC and a zero state.

    Args:
        batch: texts that are read side by side; those of similar length are put together.
        window: tokens per call of the model. Neither changes what is measured.
        progress: told how many characters are done.

    Raises:
        InputError: there is no text at all.
    """
    return total(score_texts(model, texts, batch=batch, window=window, progress=progress))


def total(scores: Sequence[TextScore]) -> Score:
    """One score over several texts; every unit counts the same.

    Raises:
        InputError: no units at all.
    """
    num_units, num_chars = sum(row.num_units for row in scores), sum(row.num_chars for row in scores)
    if not num_units:
        raise InputError("there is no text to evaluate on: every file was empty or dropped")
    nats = math.fsum(row.nats for row in scores)
    return Score(
        loss_nats=nats / num_units,
        bits_per_char=nats / math.log(2) / num_chars,
        accuracy=sum(row.num_right for row in scores) / num_units,
        num_units=num_units,
        num_chars=num_chars,
        num_files=len(scores),
    )


def score_texts(
    model: Model,
    texts: Sequence[str],
    *,
    batch: int = BATCH,
    window: int = WINDOW,
    progress: Progress | None = None,
) -> list[TextScore]:
    """Score each text by itself, in order."""
    tokens = [np.array([DOC, *model.vocab.encode(text)], np.int64) for text in texts]
    scores: list[TextScore | None] = [None] * len(texts)
    longest_first = sorted(range(len(texts)), key=lambda i: -len(tokens[i]))
    for start in range(0, len(texts), batch):
        rows = longest_first[start : start + batch]
        nats, num_right = _score_batch(model, [tokens[i] for i in rows], window)
        for place, i in enumerate(rows):
            scores[i] = TextScore(float(nats[place]), int(num_right[place]), len(tokens[i]) - 1, len(texts[i]))
        if progress is not None:
            progress(sum(len(texts[i]) for i in rows))
    return [score for score in scores if score is not None]


def _score_batch(
    model: Model, documents: Sequence[npt.NDArray[np.int64]], window: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Nats and right predictions of each document; they come longest first, and leave the batch when they end."""
    nats_B = np.zeros(len(documents))
    num_right_B = np.zeros(len(documents), np.int64)
    lengths = np.array([len(document) - 1 for document in documents])  # predictions to make
    state: State = model.initial_state(len(documents))
    num_live = len(documents)
    for start in range(0, int(lengths[0]), window):
        still = int((lengths > start).sum())
        if still < num_live:
            state = pick_rows(model.card, state, range(still))
            num_live = still
        size = min(window, int(lengths[0]) - start)
        tokens_BT = np.full((num_live, size + 1), DOC, np.int64)
        for row in range(num_live):
            piece = documents[row][start : start + size + 1]
            tokens_BT[row, : len(piece)] = piece
        log_probs_BTV, state = model.run(tokens_BT[:, :-1], state)
        targets_BT = tokens_BT[:, 1:]
        real_BT = np.arange(start, start + size)[None] < lengths[:num_live, None]
        log_probs_BT = np.take_along_axis(log_probs_BTV, targets_BT[..., None], axis=-1)[..., 0]
        nats_B[:num_live] -= np.where(real_BT, log_probs_BT, 0).sum(axis=1, dtype=np.float64)
        right_BT = log_probs_BTV.argmax(axis=-1) == targets_BT
        num_right_B[:num_live] += (right_BT & real_BT).sum(axis=1)
    return nats_B, num_right_B
