"""Prefers, among suggestions that are nearly as probable, those whose names are known where the cursor stands."""

from __future__ import annotations

import builtins
import functools
import itertools
import keyword
import math
import re
from collections.abc import Sequence

from codling.complete.lexical import word_before

__all__ = ["in_scope_first"]

NEAR = 1.25  # times as probable, up to which a suggestion with a name from nowhere steps back behind others
_NEAR_NATS = math.log(NEAR)
_SCANNED = 32_768  # characters above the cursor's line whose names are known, which takes about 0.3 ms once a line

_NAME = re.compile(r"[^\W\d]\w*")
_USED = re.compile(r"(?<![\w.])[^\W\d]\w*(?!\w|\s*=[^=]|\s*:|\s*[\"'])")  # not an attribute, nor what is named here
_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?")
_BINDS = re.compile(r"\s*(?:import|from|def|class|for|with|async|lambda|except|global|nonlocal|package)\b")
_JAVA_WORDS = """
abstract assert boolean break byte case catch char class const continue default do double else enum extends final
finally float for if implements import instanceof int interface long native new null package private protected public
return short static super switch synchronized this throw throws transient true false try var void volatile while record
yield String System Math Integer Long List ArrayList Map HashMap Set HashSet Arrays Collections Object Double Boolean
Character StringBuilder Scanner Exception RuntimeException Override
"""
_JAVA = frozenset(_JAVA_WORDS.split())
_PYTHON = frozenset((*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "cls"))


def in_scope_first(
    rows: Sequence[tuple[str, float]], before: str, after: str, line: str, language: str | None
) -> list[tuple[str, float]]:
    """Order suggestions with their log-probabilities, in nats, best first.

    One that uses a name which stands nowhere in the file, and means nothing to the language, comes after those that are
    at least 1 / NEAR times as probable. What binds names, such as an import, is not judged, and nothing in a language
    that is not known.
    """
    ranked = sorted(rows, key=lambda row: -row[1])
    known_words = {"python": _PYTHON, "java": _JAVA}.get(language or "")
    near = any(left[1] - right[1] <= _NEAR_NATS for left, right in itertools.pairwise(ranked))
    if known_words is None or not near or _BINDS.match(line):
        return ranked
    start = len(before) - len(line)
    names = (known_words, _names(before[max(0, start - _SCANNED) : start]), _names(line), _names(after))
    half = word_before(line)
    after_dot = line.removesuffix(half).endswith(".")

    def worth(row: tuple[str, float]) -> float:
        text = row[0]
        if _BINDS.match(text):
            return row[1]
        used = _STRING.sub('""', ("." if after_dot else "") + half + text)
        unknown = [name for name in _USED.findall(used) if not any(name in known for known in names)]
        return row[1] - _NEAR_NATS if unknown else row[1]

    return sorted(ranked, key=lambda row: -worth(row))


@functools.lru_cache(maxsize=16)  # those around the cursor's line stay the same while it is typed
def _names(text: str) -> frozenset[str]:
    return frozenset(_NAME.findall(text))
