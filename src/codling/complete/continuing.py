"""A text as a model's tokens: how many they are, and how probable each was where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from codling.complete.completer import Completer
from codling.complete.context import prepare
from codling.errors import CancelledError

__all__ = ["TokenScore", "num_tokens", "token_scores"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenScore:
    """One token of a continuation."""

    text: str
    "With U+FFFD where it holds a part of a character."
    offset: int
    "Where it begins in the continuation, in code points; negative where the prompt ends within it."
    log_prob: float
    "In nats."
    top: dict[str, float]
    "The most probable tokens in its place, by text, in nats."


def num_tokens(completer: Completer, text: str) -> int:
    """How many tokens a model makes of a text; of a long one, of what it looks at."""
    return len(completer.model.vocab.encode(prepare(text).text))


def token_scores(
    completer: Completer, prompt: str, text: str, num_top: int, cancelled: Callable[[], bool] | None = None
) -> list[TokenScore]:
    """Score a continuation as the model reads it: with a step of indentation as four spaces, and \\n at line ends. A
    token that the prompt ends within is its first.

    Args:
        num_top: alternatives wanted for each.

    Raises:
        InputError: it is not text.
        CancelledError: cancelled() became true.
    """
    vocab = completer.model.vocab
    pieces = vocab.pieces()
    context = prepare(prompt)
    before, whole = context.text, context.text + context.plain(text)
    position = completer.reader.read(before, cancelled)
    start = len(before.encode("utf-8", "surrogatepass")) - len(position.owed)
    rest = whole.encode("utf-8", "surrogatepass")[start:].decode("utf-8", "surrogatepass")
    offset = -len(position.owed.decode("utf-8", "replace"))
    scores = []
    for token in vocab.encode(rest):
        if cancelled is not None and cancelled():
            raise CancelledError("nobody waits for these scores any more")
        log_probs_V = position.log_probs_V
        best = np.argsort(-log_probs_V, kind="stable")[:num_top]
        said = pieces[token].decode("utf-8", "replace")
        scores.append(
            TokenScore(
                text=said,
                offset=offset,
                log_prob=float(log_probs_V[token]),
                top={pieces[int(each)].decode("utf-8", "replace"): float(log_probs_V[each]) for each in best},
            )
        )
        offset += len(said)
        position = completer.reader.step(position, token)
    return scores
