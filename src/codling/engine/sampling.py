"""Draws text from a model, one token after another, as a stream."""

# V vocabulary

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.engine.loops import LoopGuard
from codling.engine.pieces import Pieces
from codling.engine.positions import Position
from codling.engine.prefix import Cancelled, PrefixReader
from codling.errors import ConfigError
from codling.vocab import DOC

__all__ = ["SamplingConfig", "draw", "sample"]


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How a sample is drawn."""

    temperature: float = 0.8
    "Divides the log-probabilities: below 1 prefers the likely, above 1 the unlikely; 0 is greedy."
    top_k: int = 0
    "Draw among this many most likely tokens only; 0 for all."
    top_p: float = 1.0
    "Draw among the fewest most likely tokens that have this probability together (nucleus sampling), in (0, 1]."
    greedy: bool = False
    "Always take the most likely token; the same as temperature 0."
    max_chars: int = 300
    "Length at which the sample ends, in characters."
    max_tokens: int | None = None
    "The same in tokens, of which those do not count that only spell what the prompt ends within; None for no limit."
    stop: tuple[str, ...] = ()
    "The sample ends before the first of these texts."
    seed: int | None = None
    "Same seed, same sample; None draws a new one each time."
    loop_guard: bool = True
    "Break degenerate loops, such as of spaces, and end a sample that falls back into them."

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 100:  # also refuses NaN
            raise ConfigError(f"temperature must be from 0 to 100, not {self.temperature}")
        if self.top_k < 0:
            raise ConfigError(f"top_k must be 0 (for all) or more, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if self.max_chars < 0 or (self.max_tokens is not None and self.max_tokens < 0):
            raise ConfigError("a sample's length must be 0 or more")
        if self.seed is not None and self.seed < 0:
            raise ConfigError(f"seed must be 0 or more, not {self.seed}")
        if "" in self.stop:
            raise ConfigError("a stop text must not be empty")

    @property
    def is_greedy(self) -> bool:
        return self.greedy or self.temperature == 0


def sample(
    reader: PrefixReader,
    pieces: Pieces,
    start: Position,
    config: SamplingConfig,
    *,
    context: str = "",
    cancelled: Cancelled | None = None,
) -> Generator[str, None, bool]:
    """Continue from a position, and yield the text as it comes: whole characters, never half of one.

    Args:
        start: where to begin, from reader.read.
        context: the text before it, so that the loop guard knows which indentation is plausible.
        cancelled: asked before each token; the stream ends when it is true.

    Returns:
        Whether it ended by itself: at a stop text, with the document, or in a loop; not at a limit, nor cancelled.
    """
    random = np.random.default_rng(config.seed)
    guard = LoopGuard(context) if config.loop_guard else None
    held = _HeldBack(config.stop)
    position, pending, owed = start, b"", start.owed
    num_chars = num_tokens = 0
    ended = False
    while num_chars < config.max_chars and (config.max_tokens is None or num_tokens < config.max_tokens):
        if cancelled is not None and cancelled():
            return False
        if owed:
            token = draw(position.log_probs_V + pieces.owing(owed), config, random)
        else:
            token = _next_token(position, pieces, pending, config, random, guard)
        if token is None or token == DOC:  # stuck in a loop, or the document ends here
            ended = True
            break
        if owed:
            text, pending, owed = pieces.pay(owed, token)
            num_tokens += bool(text or pending)
        else:
            text, pending = pieces.push(pending, token)
            num_tokens += 1
        text = text[: config.max_chars - num_chars]
        num_chars += len(text)
        if guard is not None:
            for character in text:
                guard.push(character)
        ready = held.push(text)
        if ready:
            yield ready
        if held.stopped:
            return True
        position = reader.step(position, token)
    rest = held.release()
    if rest:
        yield rest
    return ended


def draw(log_probs_V: npt.NDArray[np.float32], config: SamplingConfig, random: np.random.Generator) -> int | None:
    """Draw a token; None when all are at -inf.

    Args:
        log_probs_V: in nats, -inf for tokens that must not come; need not sum to one.
    """
    best = int(log_probs_V.argmax())
    top = log_probs_V[best]
    if top == -np.inf:
        return None
    if config.is_greedy:
        return best
    with np.errstate(over="ignore"):  # next to no temperature: all but the best go to -inf, as they should
        weights_V = np.exp((log_probs_V - top).astype(np.float64) / config.temperature)
    if 0 < config.top_k < len(weights_V):
        weights_V[np.argpartition(weights_V, -config.top_k)[: -config.top_k]] = 0
    if config.top_p < 1:
        order = np.argsort(-weights_V, kind="stable")
        shares = np.cumsum(weights_V[order])
        num_kept = int(np.searchsorted(shares, config.top_p * shares[-1])) + 1
        weights_V[order[num_kept:]] = 0
    shares_V = np.cumsum(weights_V)
    # "right": a share of width zero is never drawn, not even by a draw of exactly 0
    return int(np.searchsorted(shares_V, random.random() * shares_V[-1], side="right"))


def _next_token(
    position: Position,
    pieces: Pieces,
    pending: bytes,
    config: SamplingConfig,
    random: np.random.Generator,
    guard: LoopGuard | None,
) -> int | None:
    log_probs_V = position.log_probs_V + pieces.mask(pending)
    token = draw(log_probs_V, config, random)
    if guard is None or token is None or pending:
        return token
    forbidden = guard.forbidden()
    if not forbidden or pieces.first_V[token] not in forbidden:
        return token
    guard.broke()
    if guard.stuck:
        return None
    log_probs_V[pieces.starting_with(forbidden)] = -np.inf
    return draw(log_probs_V, config, random)


class _HeldBack:
    """Keeps back what may be the beginning of a stop text until it is clear that it is not."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._stop = stop
        self._text = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """Take new text; return what can be shown."""
        if not self._stop:
            return text
        self._text += text
        found = [at for at in (self._text.find(stop) for stop in self._stop) if at != -1]
        if found:
            self.stopped = True
            return self._text[: min(found)]
        keep = max(_overlap(self._text, stop) for stop in self._stop)
        cut = len(self._text) - keep
        ready, self._text = self._text[:cut], self._text[cut:]
        return ready

    def release(self) -> str:
        """What was held back for nothing."""
        text, self._text = self._text, ""
        return text


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of text that begins stop."""
    return next(size for size in range(min(len(text), len(stop) - 1), -1, -1) if text.endswith(stop[:size]))
