"""Where a text answers a query: the words, exact strings and matches that a list of hits shows marked."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from codling.search.grep import patterns_of
from codling.search.query import Query
from codling.search.terms import query_terms, stem, terms_of
from codling.search.words import identifier_spans, word_spans

__all__ = ["Span", "marks"]

Span = tuple[int, int]
"Beginning and end in a text, in code points."

_MAX_SECONDS = 0.05  # for one text: an expression that takes longer leaves it unmarked
_MAX_SPANS = 400  # in one text


def marks(text: str, query: Query) -> list[Span]:
    """What of a text to mark, from its beginning on, without overlaps.

    Exact strings and expressions where the query has some; otherwise identifiers that are the query's, and the words of
    others that have a stem in common with it.
    """
    found = _literal(text, query) if query.is_literal else _words(text, query)
    return _merged(text, sorted(found)[:_MAX_SPANS])


def _literal(text: str, query: Query) -> list[Span]:
    spans: list[Span] = []
    for pattern in patterns_of(query):
        with contextlib.suppress(TimeoutError):
            for match in pattern.finditer(text, timeout=_MAX_SECONDS):
                if match.end() > match.start():
                    spans.append(match.span())
                if len(spans) >= _MAX_SPANS:
                    break
    return spans


def _words(text: str, query: Query) -> Iterator[Span]:
    terms = _query_terms(query.text)
    if not terms:
        return
    for start, end in identifier_spans(text):
        identifier = text[start:end]
        if terms.isdisjoint(terms_of(identifier).split()):  # remembered there, so that most cost next to nothing
            continue
        if stem(identifier.replace("_", "").lower()) in terms:
            yield start, end
        else:
            yield from (word for word in word_spans(text, start, end) if stem(text[slice(*word)].lower()) in terms)


@functools.lru_cache(maxsize=256)
def _query_terms(text: str) -> frozenset[str]:
    return frozenset(query_terms(text)) if text else frozenset()


def _merged(text: str, spans: list[Span]) -> list[Span]:
    """Spans that touch, or that only an underscore separates, become one."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and (start <= merged[-1][1] or not text[merged[-1][1] : start].strip("_")):
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
