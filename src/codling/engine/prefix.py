"""Reads what stands before the cursor, and remembers the states it passed, so that a keystroke costs one step at most.

A recurrent model's whole memory of a text is its state, a few kilobytes. The reader keeps those it has computed, each
under a fingerprint of all tokens before it. For a new text it goes on from the longest prefix that it knows: one more
character is one step, a backspace none, the suggestion's own next character none (decoding left its states here), and
a jump elsewhere in the file re-reads from the nearest checkpoint before it.

Where tokens are longer than a character, the text is read up to the last place that a token surely ends at, so that
what was read stays the same while someone types on; what stands behind that place is owed to the decoder (see pieces).

What is read is a function of the text alone, never of the requests before it, so a warm reader answers as a cold one.
"""

# T time, V vocabulary

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codling.engine.fingerprints import Fingerprints, PrefixFingerprints
from codling.engine.model import Model, stack_states
from codling.engine.positions import Position, Positions
from codling.errors import CancelledError
from codling.vocab import DOC

__all__ = ["RECENT", "Cancelled", "PrefixReader", "window_start"]

Cancelled = Callable[[], bool]
"Asked between chunks of work; True means that nobody waits for the answer any more."

CONTEXT = (
    2_048  # characters; a two-layer LSTM gains little from more, and each costs a tenth of a millisecond when cold
)
SUBWORD_CONTEXT = 8_192  # characters; what stands in the file is looked up and copied, so more of it pays
RECENT = 8  # tokens of the text that a position knows by name, for caches of n-grams
MAX_LINES = 8_192  # whose tokens are kept, a few hundred bytes each
MAX_ABOVE = 8  # texts above a cursor's line whose tokens are kept: of the files that are open, mostly
CHUNK = 64  # tokens per run when cold, as quick as more: a run of 256 takes 60 MB for what it computes, this one 10
STRIDE = 256  # tokens between the states that are kept on the way, for edits further up
MAX_BYTES = 64 << 20  # about 4,500 states of a 2 x 768 LSTM, or 350 of one that carries a table of matches and keys


@dataclass(frozen=True, slots=True, eq=False)
class _Above:
    """The lines above the cursor's as the model reads them."""

    tokens_T: npt.NDArray[np.int64]
    "What stands before a text included."
    recent: tuple[int, ...]
    "The last RECENT tokens of the text."


class PrefixReader:
    """Reads texts with one model and remembers states. Safe to use from several threads at once."""

    def __init__(
        self,
        model: Model,
        *,
        context: int | None = None,
        chunk: int = CHUNK,
        stride: int = STRIDE,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Args:
        context: characters that are read at least, where the text has so many; at most half as many more are. None
            for what pays with the model's kind of tokens.
        chunk: tokens per run of the model; between runs a request can be cancelled.
        stride: tokens between the states that are kept of a text that is read.
        max_bytes: states kept, in bytes; the least recently used go first.
        """
        self.model = model
        if context is None:
            context = CONTEXT if model.vocab.unit == "character" else SUBWORD_CONTEXT
        self.context = context
        self.chunk, self.stride = chunk, stride
        self.num_steps = 0
        "Tokens that the model has read so far, for metrics."
        self.num_calls = 0
        "Calls of the model so far."
        # What was read must not go for what was only guessed: it costs more to compute again.
        self._read, self._guessed = Positions(max_bytes // 2), Positions(max_bytes // 2)
        self._lock = threading.Lock()
        self._fingerprints = Fingerprints()
        # In training a document follows another one; straight after zeros its first words would be guessed badly.
        self._before = model.vocab.encode("\n")
        self._line_tokens = functools.lru_cache(MAX_LINES)(self._encode_line)
        self._above = functools.lru_cache(MAX_ABOVE)(self._encode_above)

    def read(self, text: str, cancelled: Cancelled | None = None) -> Position:
        """Stand at the end of a text, of which at most the last 1.5 x context characters are read.

        Returns:
            The position after the last token that surely ends in the text; what stands behind it is owed.

        Raises:
            CancelledError: cancelled() became true first; what was read until then is remembered.
        """
        vocab = self.model.vocab
        window = text[window_start(text, self.context) :]
        owed = window[vocab.seam(window) :].encode("utf-8", "surrogatepass")
        start = max(0, window.rfind("\n"))
        above = self._above(window[:start])
        line_tokens = list(self._line_tokens(window[start:]))
        num_owed = len(owed)
        while num_owed > 0:  # a token ends at the seam, so these are whole ones
            num_owed -= len(vocab.pieces()[line_tokens.pop()])
        tokens_T = np.concatenate([above.tokens_T, np.array(line_tokens, np.int64)])
        position = self.read_tokens(tokens_T, cancelled, keep=len(above.tokens_T))
        recent = (*above.recent, *line_tokens)[-RECENT:]
        return dataclasses.replace(position, owed=owed, recent=recent)

    def _encode_line(self, line: str) -> tuple[int, ...]:
        return tuple(self.model.vocab.encode(line))

    def _encode_above(self, text: str) -> _Above:
        tokens = [DOC]
        if text:
            first, *others = text.split("\n")
            tokens += self._line_tokens(first)
            for line in others:
                tokens += self._line_tokens("\n" + line)
        return _Above(np.array([*self._before, *tokens], np.int64), tuple(tokens[-RECENT:]))

    def read_tokens(
        self, tokens_T: npt.NDArray[np.int64], cancelled: Cancelled | None = None, *, keep: int = 0
    ) -> Position:
        """Stand at the end of tokens, of which there is at least one.

        Args:
            keep: the state after so many of them is remembered, too; 0 for none.
        """
        fingerprints = self._fingerprints.of_prefixes(tokens_T)
        position = self._longest_known(fingerprints)
        start = position.num_tokens if position else 0
        state = position.state if position else self.model.initial_state(1)
        for end in self._run_ends(len(tokens_T), start, keep):
            if cancelled is not None and cancelled():
                if position is not None:
                    self._keep_read(position)  # to go on from
                raise CancelledError("the request was cancelled")
            log_probs_BTV, state = self.model.run(tokens_T[None, start:end], state)
            # a copy, for a view would keep the whole run's probabilities alive
            position = Position(log_probs_BTV[0, -1].copy(), state, end, fingerprints(end))
            is_kept = end % self.stride == 0 or end in (keep, len(tokens_T))
            self._remember(self._read, [position] if is_kept else [], end - start)
            start = end
        assert position is not None  # tokens are never empty
        self._keep_read(position)
        return position

    def step(self, position: Position, token: int) -> Position:
        """The position one token further on; free when it is known already."""
        return self.step_all([(position, token)])[0]

    def step_all(self, steps: Sequence[tuple[Position, int]]) -> list[Position]:
        """The positions one token further on from each of some; those that are not known in one call of the model.

        All are remembered for a while: the next keystroke's search goes much the same ways.
        """
        fingerprints = [
            self._fingerprints.extend(position.fingerprint, position.num_tokens, token) for position, token in steps
        ]
        with self._lock:
            found = [self._find(fingerprint) for fingerprint in fingerprints]
        unknown = [row for row, position in enumerate(found) if position is None]
        if unknown:
            card = self.model.card
            state = stack_states(card, [steps[row][0].state for row in unknown])
            tokens_BT = np.array([[steps[row][1]] for row in unknown], np.int64)
            log_probs_BTV, after = self.model.run(tokens_BT, state)
            axes = [(each.name, each.shape.index(-1)) for each in card.states]
            stepped = []
            for place, row in enumerate(unknown):
                own = {name: _row_of(after[name], axis, place) for name, axis in axes}
                num_tokens = steps[row][0].num_tokens + 1
                stepped.append(Position(log_probs_BTV[place, 0], own, num_tokens, fingerprints[row]))
                found[row] = stepped[-1]
            self._remember(self._guessed, stepped, len(unknown))
        return [position for position in found if position is not None]

    def read_ahead(self, ways: Sequence[tuple[Position, Sequence[int]]]) -> list[npt.NDArray[np.float32]]:
        """How probable tokens are that would follow some positions, in one call of the model; nothing is remembered.

        Args:
            ways: positions, and for each at least one token to come.

        Returns:
            For each the log-probabilities of its tokens, given those before, float32 [T].
        """
        lengths = [len(tokens) for _, tokens in ways]
        tokens_BT = np.zeros((len(ways), max(lengths)), np.int64)  # shorter ones are filled up with what is not used
        for row, (_, tokens) in enumerate(ways):
            tokens_BT[row, : len(tokens)] = tokens
        log_probs_BT = np.empty(tokens_BT.shape, np.float32)
        log_probs_BT[:, 0] = [position.log_probs_V[tokens[0]] for position, tokens in ways]
        if tokens_BT.shape[1] > 1:
            state = stack_states(self.model.card, [position.state for position, _ in ways])
            log_probs_BTV, _ = self.model.run(tokens_BT[:, :-1], state)
            log_probs_BT[:, 1:] = np.take_along_axis(log_probs_BTV, tokens_BT[:, 1:, None], axis=2)[:, :, 0]
            with self._lock:
                self.num_steps += sum(lengths) - len(ways)
                self.num_calls += 1
        return [log_probs_BT[row, :length] for row, length in enumerate(lengths)]

    def known(self, position: Position, token: int) -> Position | None:
        """The position one token further on, if it is remembered."""
        fingerprint = self._fingerprints.extend(position.fingerprint, position.num_tokens, token)
        with self._lock:
            return self._find(fingerprint)

    def forget(self) -> None:
        """Drop all states, as after a restart."""
        with self._lock:
            self._read.clear()
            self._guessed.clear()

    @property
    def num_bytes(self) -> int:
        """Memory that the states take."""
        return self._read.num_bytes + self._guessed.num_bytes

    def _run_ends(self, num: int, start: int, keep: int) -> list[int]:
        """Where runs end: at multiples of the chunk and of the stride, at the start of the last line, and at the end.

        The last line's start is what backspaces within that line, just opened, go on from.
        """
        multiples = (range((start // size + 1) * size, num, size) for size in (self.chunk, self.stride))
        return sorted(end for end in {num, keep}.union(*multiples) if start < end <= num)

    def _longest_known(self, fingerprints: PrefixFingerprints) -> Position | None:
        with self._lock:
            for num in range(fingerprints.num_tokens, 0, -1):
                found = self._find(fingerprints(num))
                if found is not None:
                    return found
        return None

    def _keep_read(self, position: Position) -> None:
        """Keep what was guessed and is now read as what is read, for backspaces."""
        with self._lock:
            if self._read.find(position.fingerprint) is None:
                self._read.add([position.copy()])

    def _find(self, fingerprint: tuple[int, int]) -> Position | None:
        return self._read.find(fingerprint) or self._guessed.find(fingerprint)

    def _remember(self, where: Positions, positions: Sequence[Position], num_steps: int) -> None:
        with self._lock:
            self.num_steps += num_steps
            self.num_calls += 1
            if positions:
                where.add(positions)


def window_start(text: str, context: int) -> int:
    """Where to begin reading a text of which at least the last `context` characters matter.

    The start moves in strides of a quarter of that, so that it stays where it is while someone types, and it lands at
    the start of a line, one without indentation if there is such a line within the stride.
    """
    stride = max(1, context // 4)
    earliest = (len(text) - context - stride) // stride * stride
    if earliest <= 0:
        return 0
    first = -1
    end = earliest + stride  # text[earliest:end] never changes while someone types at the end
    newline = text.find("\n", earliest, end)
    while newline != -1 and newline + 1 < end:
        start = newline + 1
        if first == -1:
            first = start
        if text[start].isalpha() or text[start] in "@_":
            return start
        newline = text.find("\n", start, end)
    return first if first != -1 else earliest  # a line longer than the stride is cut


def _row_of(array: npt.NDArray[np.float32], axis: int, row: int) -> npt.NDArray[np.float32]:
    index = (slice(None),) * axis + (slice(row, row + 1),)
    return array[index]
