"""Texts as terms of the lexical index: identifiers whole and split, English words by their stems.

``getUserName`` and ``get_user_name`` both give getusername, get, user, name, so that either is found by the other, by
its words, and by all of them in a row. Index and queries go through the same functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import chain, pairwise

from codling.search.words import identifiers, split_identifier

__all__ = ["LANGUAGE_WORDS", "STOP_WORDS", "query_terms", "terms_of", "terms_of_identifiers", "without_languages"]

_MAX_CACHED = 300_000  # identifiers, about 60 MB
_MAX_TERM_CHARS = 60  # longer ones are keys and hashes
_MAX_JOINED = 4  # words of a query that may be one identifier

STOP_WORDS = frozenset(
    (
        *(
            "a",
            "an",
            "the",
            "of",
            "to",
            "in",
            "on",
            "at",
            "is",
            "are",
            "was",
            "be",
            "it",
            "its",
            "that",
            "this",
            "these",
        ),
        *(
            "those",
            "and",
            "or",
            "with",
            "without",
            "from",
            "by",
            "for",
            "as",
            "into",
            "how",
            "do",
            "does",
            "did",
            "can",
        ),
        *("could", "should", "would", "i", "you", "we", "my", "your", "our", "what", "which", "where", "when", "who"),
        *("why", "there", "then", "than", "so", "such", "not"),
    )
)
"Words of a question that say nothing about code; as names they are kept."


LANGUAGE_WORDS = {
    **{name: name for name in ("python", "java", "javascript", "typescript", "rust", "ruby", "php", "kotlin")},
    "python2": "python",
    "python3": "python",
    "golang": "go",
    "csharp": "csharp",
    "cpp": "cpp",
}
"Words that name a language, and its name in codling.search.languages."


def terms_of(text: str, max_terms: int = 4_000) -> str:
    """All terms of a text or a stretch of code, in order, separated by spaces.

    Args:
        max_terms: identifiers read at most.
    """
    return terms_of_identifiers(identifiers(text), max_terms)


def terms_of_identifiers(found: Sequence[str], max_terms: int = 4_000) -> str:
    """See terms_of."""
    return " ".join(map(_cache.__getitem__, found[:max_terms] if len(found) > max_terms else found))


def query_terms(text: str) -> tuple[str, ...]:
    """The terms of a query, each once; neighbours also as one identifier.

    Stop words are left out where others remain, and names of languages where two others do: code seldom names its own.
    """
    words = identifiers(text)
    telling = without_languages([word for word in words if word.lower() not in STOP_WORDS] or words)
    terms = dict.fromkeys(chain.from_iterable(_cache[word].split() for word in telling))
    if 1 < len(words) <= _MAX_JOINED:
        terms[stem("".join(words).lower().replace("_", ""))] = None
    for first, second in pairwise(telling):
        if first.islower() and second.islower() and "_" not in first + second:
            terms[stem(first + second)] = None
    return tuple(terms)


def without_languages(words: list[str]) -> list[str]:
    """Words without names of languages, where two others remain: ranking takes those for a wish, not for content."""
    others = [word for word in words if word.lower() not in LANGUAGE_WORDS]
    return others if len(others) > 1 else words


@functools.cache
def _analyzer() -> Callable[[str], list[str]]:
    import tantivy

    stemmer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.stemmer("english")).build()
    return stemmer.analyze


def stem(word: str) -> str:
    """The stem of a lower-case English word (Porter 2): ``parsing`` and ``parsed`` are one."""
    if len(word) <= 3:
        return word
    found = _analyzer()(word)
    return found[0] if found else word


class _Cache(dict[str, str]):
    """Identifier to its terms; a miss is computed once."""

    def __missing__(self, identifier: str) -> str:
        if len(self) > _MAX_CACHED:
            self.clear()
        parts = [stem(part) for part in split_identifier(identifier)]
        if len(parts) > 1:
            parts.insert(0, stem(identifier.replace("_", "").lower()))
        terms = " ".join(part for part in parts if len(part) <= _MAX_TERM_CHARS)
        self[identifier] = terms
        return terms


_cache = _Cache()
