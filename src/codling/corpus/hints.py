"""Hints of what stands behind the cursor, mixed into training text.

A recurrent model reads from left to right, so what follows the cursor must be told beforehand. At the start of a line
the stream may hold ``SUFFIX … CURSOR``: between them the beginning of what follows the part that is still to be
written. At the desk the hint is read after the lines above, whose state is therefore kept whatever the suffix is: it
costs the reading of a few tokens. (Bavarian et al. 2022 move whole middles to the end of a document for the same end;
that would have the prefix read again with each suffix.)
"""

# N tokens of a document

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from codling.vocab import CURSOR, SUFFIX, Vocab

__all__ = ["HINT_TOKENS", "Hinter"]

HINT_TOKENS = 32  # about three lines; each costs a step of the model when the cursor comes to a new line
_MAX_GAP = 4  # lines that may be missing between the cursor's line and the suffix
_MID_LINE = 0.25  # share of hints whose suffix begins within the line, as when somebody edits it


class Hinter:
    """Puts hints into documents."""

    def __init__(self, vocab: Vocab, share: float) -> None:
        """Args:
        share: of lines that get one, from 0 to 1.
        """
        self.share = share
        self._breaks_V = np.array([piece.startswith(b"\n") for piece in vocab.pieces()])

    def __call__(self, ids: Sequence[int], seed: Sequence[int]) -> npt.NDArray[np.uint16]:
        """A document's tokens with hints among them; what is not a hint is the document.

        Args:
            seed: decides where hints go.
        """
        tokens_N = np.asarray(ids, np.uint16)
        starts = np.concatenate([[0], np.flatnonzero(self._breaks_V[tokens_N])]).astype(np.int64)
        random = np.random.default_rng(seed)
        chosen = np.flatnonzero(random.random(len(starts)) < self.share)
        parts: list[npt.NDArray[np.uint16]] = []
        done = 0
        for line in chosen.tolist():
            start = int(starts[line])
            follows = self._suffix_start(starts, line, len(tokens_N), random)
            hint = tokens_N[follows : follows + HINT_TOKENS]
            if not len(hint):
                continue
            parts += [tokens_N[done:start], np.array([SUFFIX], np.uint16), hint, np.array([CURSOR], np.uint16)]
            done = start
        return np.concatenate([*parts, tokens_N[done:]])

    @staticmethod
    def _suffix_start(starts: npt.NDArray[np.int64], line: int, num: int, random: np.random.Generator) -> int:
        """Where what is not to be written begins: within the line, or at a line's end a little further down."""
        if random.random() < _MID_LINE:
            end = int(starts[line + 1]) if line + 1 < len(starts) else num
            return int(random.integers(int(starts[line]) + 1, max(end, int(starts[line]) + 2)))
        below = line + 1 + min(int(random.geometric(0.6)) - 1, _MAX_GAP)
        return int(starts[below]) if below < len(starts) else num
