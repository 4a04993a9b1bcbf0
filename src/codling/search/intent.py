"""What a query is: a name, a description, or both; and whether it asks for tests, examples or prose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from codling.search.terms import LANGUAGE_WORDS, STOP_WORDS, stem
from codling.search.words import identifiers, split_identifier

__all__ = ["Intent", "intent_of", "stems"]

_CODE = re.compile(r"[a-z\d][A-Z]|\w_\w|^_\w|\w\.\w|::|->|#|^[A-Z]{2,}[a-z]|\(\)$")
_MARKS = "`'\".,;:?!()[]{}<>"
_PATHS = re.compile(r"::|->|#")

_TESTS = frozenset(map(stem, ("test", "tests", "testing", "unittest", "spec", "fixture", "mock")))
_EXAMPLES = frozenset(map(stem, ("example", "examples", "demo", "sample", "tutorial", "benchmark", "script")))
_PROSE = frozenset(map(stem, ("readme", "changelog", "license", "licence", "install", "tutorial", "contributing")))


@dataclass(frozen=True, slots=True)
class Intent:
    """A query as ranking sees it."""

    form: Literal["symbol", "phrase", "mixture"]
    "A single word or name; words; words among which at least one looks like a name."
    symbol: str
    "The name that is asked for, with dots between its parts; empty for anything but a symbol."
    names: frozenset[str]
    "Words of a mixture that look like names."
    stems: frozenset[str]
    "Of the telling words and of the words of names."
    language: str
    "The language that a description names, as codling.search.languages does; empty for none."
    wants_tests: bool
    wants_examples: bool
    wants_prose: bool


@lru_cache(maxsize=256)
def intent_of(text: str) -> Intent:
    """Read a query's words; filters, exact strings and expressions are gone from them."""
    words = [word for word in (word.strip(_MARKS) for word in text.split()) if word]
    named = frozenset(_PATHS.sub(".", word) for word in words if _CODE.search(word))
    all_words = [part for word in identifiers(text) for part in split_identifier(word)]
    silent = STOP_WORDS | LANGUAGE_WORDS.keys()
    telling = frozenset(stem(word) for word in all_words if word not in silent) or frozenset(map(stem, all_words))
    form: Literal["symbol", "phrase", "mixture"] = "mixture" if named else "phrase"
    return Intent(
        form="symbol" if len(words) == 1 else form,
        symbol=_PATHS.sub(".", words[0]) if len(words) == 1 else "",
        names=named,
        stems=telling,
        language=next((LANGUAGE_WORDS[word] for word in all_words if word in LANGUAGE_WORDS), "") if words[1:] else "",
        wants_tests=bool(telling & _TESTS),
        wants_examples=bool(telling & _EXAMPLES),
        wants_prose=bool(telling & _PROSE),
    )


@lru_cache(maxsize=100_000)
def stems(name: str) -> frozenset[str]:
    """Stems of the words of a name."""
    return frozenset(stem(part) for word in identifiers(name) for part in split_identifier(word))
