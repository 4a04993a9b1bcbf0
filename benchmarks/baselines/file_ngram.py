"""The peer of a completion benchmark: a token n-gram with back-off that knows nothing but the file before the cursor.

That is what an editor's word-based completion has to go on, used better: the longest context of up to ORDER tokens that
occurs in the file decides, and what followed it most often (of equals, most recently) comes first.
"""

from __future__ import annotations

import re
from collections import defaultdict

__all__ = ["FileNgram"]

ORDER = 6  # tokens of context; files are too small for longer ones to tell more
MAX_TOKENS = 80  # of a line

_TOKEN = re.compile(
    r"[ \t]*(?:\d\w*(?:\.\w*)?|\w+|\*\*=|//=|>>=|<<=|\.\.\.|==|!=|<=|>=|[-+*/&|^%@:]=|//|\*\*|->|<<|>>"
    r"|\"{3}|'{3}|\"\"|''|[^\w\s])|[ \t]*\n|[ \t]+"
)


class FileNgram:
    """Suggests how a text goes on from what stands in it already."""

    def __init__(self, prefix: str) -> None:
        """Count the tokens of the file before the cursor; a word that the cursor stands in is to be completed."""
        word = re.search(r"[ \t]*\w+$", prefix)
        self.begun = word[0] if word else ""
        tokens = _TOKEN.findall(prefix[: len(prefix) - len(self.begun)])
        self._tail = ["\n"] * ORDER + tokens
        self._followers: defaultdict[tuple[str, ...], dict[str, tuple[int, int]]] = defaultdict(dict)
        for i in range(ORDER, len(self._tail)):
            for size in range(ORDER + 1):
                known = self._followers[tuple(self._tail[i - size : i])]
                known[self._tail[i]] = (known.get(self._tail[i], (0, 0))[0] + 1, i)

    def tokens(self, limit: int) -> list[str]:
        """The next tokens, best first, each without what stands before the cursor already."""
        return [token[len(self.begun) :] for token in self._next(self._tail, self.begun, limit) if token.strip()]

    def line(self) -> str:
        """The rest of the line."""
        tail, begun, text = list(self._tail), self.begun, ""
        for _ in range(MAX_TOKENS):
            best = self._next(tail, begun, 1)
            if not best or best[0].endswith("\n"):
                break
            text += best[0][len(begun) :]
            tail.append(best[0])
            begun = ""
        return text.rstrip()

    def _next(self, tail: list[str], begun: str, limit: int) -> list[str]:
        found: list[str] = []
        for size in range(ORDER, -1, -1):
            known = self._followers.get(tuple(tail[len(tail) - size :]), {})
            for token in sorted(known, key=lambda token: known[token], reverse=True):
                if token not in found and token.startswith(begun) and len(token) > len(begun):
                    found.append(token)
            if len(found) >= limit:
                break
        return found[:limit]
