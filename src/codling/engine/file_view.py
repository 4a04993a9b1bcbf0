"""One open file, as its editor has it, and what its project knows besides."""

# B contexts, K tokens of each

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from codling.engine.ngram_cache import FILE, Candidates, blend
from codling.engine.ngrams import MAX_ORDER, Matches, Tokens, context_after, join_matches
from codling.engine.open_file import LineEncoder, OpenFile, settled
from codling.vocab import DOC, Vocab

__all__ = ["FileView", "FindOthers"]

FindOthers = Callable[[Tokens, str], list[tuple[Matches, npt.NDArray[np.int64]]]]
"Given contexts [B, K] and the path of the file they are in: matches in other files, and the level of each."


class FileView:
    """One open file and what its project says about it. Safe to use from several threads at once."""

    def __init__(self, vocab: Vocab, path: str, find_others: FindOthers) -> None:
        """Args:
        path: in the project, with / between folders; empty for a file outside.
        find_others: what the project's other files know.
        """
        self.path = path
        self._vocab = vocab
        self._find_others = find_others
        self._before, self._after = LineEncoder(vocab), LineEncoder(vocab)
        self._open = OpenFile()
        self._lock = threading.Lock()

    def update(self, text_before: str, text_after: str = "") -> OpenFile:
        """Take what the editor has around the cursor, as the model reads it: \\n at line ends, without prose.

        What stands on the cursor's own line behind it, and the word or operator that the text before ends with, are
        not counted, for they are still being changed.

        Returns:
            What the file holds now. It stays as it is when somebody else updates the file.
        """
        _, line_end, below = text_after.partition("\n")
        with self._lock:
            before, after = self._before(settled(text_before)), self._after(line_end + below)
            held = copy.copy(self._open)  # an update replaces its parts and changes none of them
            held.update(np.concatenate([_DOC, before, _DOC, after]))
            self._open = held
            return held

    def candidates(self, contexts: Sequence[Sequence[int]], held: OpenFile | None = None) -> Candidates:
        """What the cache expects after each of B sequences of tokens.

        Args:
            contexts: the last tokens that the model has read, and what a beam has added to them; the last eight count,
                of those behind the last DOC.
            held: what the file holds, from update; None for what it was told last.
        """
        contexts_BK = np.zeros((len(contexts), MAX_ORDER), np.uint16)
        for row, tokens in enumerate(contexts):
            contexts_BK[row] = context_after(tokens)
        parts = self._find_others(contexts_BK, self.path)
        own = (held or self._open).find(contexts_BK)
        parts.append((own, np.full(len(own.rows_R), FILE)))
        matches = join_matches([part for part, _ in parts])
        levels_R = np.concatenate([levels for _, levels in parts])
        return blend(matches, levels_R, len(contexts), self._vocab.size)


_DOC = np.array([DOC], np.uint16)
