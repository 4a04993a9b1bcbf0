"""How well a model predicts texts, measured as it was trained: each next unit from all true ones before it."""

# B batch, T time, V vocabulary

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.engine.model import Model, State, pick_rows
from codling.errors import InputError
from codling.types import Score
from codling.vocab import DOC

__all__ = ["Predictions", "TextScore", "evaluate", "predict_texts", "score_texts", "total"]

BATCH = 16  # texts at a time; more gain little on few cores, and memory goes with it
WINDOW = 128  # tokens per call, at most
MAX_FLOATS = 1 << 21  # log-probabilities per call, B x T x V; more do not fit into a cache

Progress = Callable[[int], None]
"Called with the number of characters just done."


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model expected at each place of one text of N tokens."""

    tokens: npt.NDArray[np.int64]
    "The text, [N]."
    log_probs: npt.NDArray[np.float64]
    "Of each token given all before it, in nats, [N]."
    likeliest: npt.NDArray[np.int64]
    "The token expected at each place, and after the text's end, [N + 1]."

    def score(self, num_chars: int) -> TextScore:
        right = self.likeliest[:-1] == self.tokens
        return TextScore(-float(self.log_probs.sum()), int(right.sum()), len(self.tokens), num_chars)


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
    rows = predict_texts(model, texts, batch=batch, window=window, progress=progress)
    return [row.score(len(text)) for row, text in zip(rows, texts, strict=True)]


def predict_texts(
    model: Model,
    texts: Sequence[str],
    *,
    batch: int = BATCH,
    window: int = WINDOW,
    progress: Progress | None = None,
) -> list[Predictions]:
    """Predict each text's units from all true ones before it, in order; arguments as for evaluate."""
    documents = [np.array([DOC, *model.vocab.encode(text)], np.int64) for text in texts]
    found = [
        Predictions(document[1:], np.zeros(len(document) - 1), np.zeros(len(document), np.int64))
        for document in documents
    ]
    longest_first = sorted(range(len(texts)), key=lambda i: -len(documents[i]))
    for first in range(0, len(texts), batch):
        rows = longest_first[first : first + batch]
        for start, tokens_BT, log_probs_BTV in _windows(model, [documents[i] for i in rows], window):
            likeliest_BT = log_probs_BTV.argmax(axis=-1)
            next_BT = tokens_BT[:, 1:]
            log_probs_BT = np.take_along_axis(log_probs_BTV, next_BT[..., None], axis=-1)[..., 0]
            for place, i in enumerate(rows[: len(tokens_BT)]):
                row = found[i]
                num = len(row.likeliest[start : start + next_BT.shape[1]])
                row.likeliest[start : start + num] = likeliest_BT[place, :num]
                num = len(row.log_probs[start : start + num])
                row.log_probs[start : start + num] = log_probs_BT[place, :num]
        if progress is not None:
            progress(sum(len(texts[i]) for i in rows))
    return found


def _windows(
    model: Model, documents: Sequence[npt.NDArray[np.int64]], window: int
) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Read documents side by side: where a window starts, its tokens [B, T + 1] and log-probabilities [B, T, V].

    They come longest first, and leave the batch when they end; what stands behind a document's end is padding.
    """
    lengths = np.array([len(document) for document in documents])  # each is read to its end
    window = max(1, min(window, MAX_FLOATS // (len(documents) * model.vocab.size)))
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
        yield start, tokens_BT, log_probs_BTV
