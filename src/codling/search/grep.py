"""Exact strings and regular expressions: trigrams say which files can have a match, the files' texts which do.

Trigram index: Cox, "Regular Expression Matching with a Trigram Index" (2012). Differs: of an expression only the
literals that every match must have are used; what that leaves over is searched with a bound on the time.
"""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from codling.search.catalogue import Catalogue
from codling.search.lexical import LexicalStore
from codling.search.query import Query
from codling.search.unit import Entry

__all__ = ["Grep", "Match", "grep", "patterns_of", "required_runs"]

MAX_SECONDS = 2.0  # for one query: an expression that takes longer shows what it has found by then
_MAX_BLOCKS = 20_000  # of text that may hold a string; one that is in more tells nothing
_FEW_TEXTS = 50  # that may have a match: looking at them is cheaper than asking further
_MAX_UNITS = 300  # that ranking gets to see
_MAX_MATCHES = 1_000  # counted in one file
_MAX_ALTERNATIVES = 16  # of an expression, before it counts as having no literals


@dataclass(frozen=True, slots=True)
class Match:
    """A unit that holds all that was asked for."""

    entry: Entry
    num_matches: int
    lines: tuple[int, ...]
    "1-based lines in which a match begins, the first hundred."


@dataclass(frozen=True, slots=True)
class Grep:
    """What exact search found."""

    matches: list[Match]
    is_complete: bool
    "Whether every file was looked at; otherwise time ran out, or there were more units than are shown."


def grep(
    query: Query,
    catalogue: Catalogue,
    lexical: LexicalStore,
    *,
    files: frozenset[int] | None = None,
    max_seconds: float = MAX_SECONDS,
) -> Grep:
    """The innermost units that hold a match of every exact string and of the expression.

    Args:
        files: only these, by number; None for all.
    """
    patterns = patterns_of(query)
    phrases = [phrase.lower() for phrase in query.phrases]
    needles = [phrases]
    if query.pattern is not None:
        needles = [phrases + runs for runs in required_runs(query.pattern)]
    deadline = time.monotonic() + max_seconds
    candidates = _candidates(needles, lexical)
    matches: list[Match] = []
    for text_id, file in catalogue.text_ids(candidates):
        if files is not None and file not in files:
            continue
        remaining = deadline - time.monotonic()
        if remaining <= 0 or len(matches) >= _MAX_UNITS:
            return Grep(matches, False)
        text = catalogue.text_of(text_id)
        lowered = text.lower()
        if not any(all(needle in lowered for needle in each) for each in needles):
            continue  # far cheaper to know than by the expression
        try:
            lines = [_lines(pattern, text, remaining) for pattern in patterns]
        except TimeoutError:
            return Grep(matches, False)
        if all(lines):
            matches += _units(catalogue.in_text(text_id), lines)
    return Grep(matches, True)


def patterns_of(query: Query) -> list[regex.Pattern[str]]:
    """What of a query is looked for exactly, as expressions that can be given up after a while."""
    patterns = [_literal(phrase) for phrase in query.phrases]
    if query.pattern is not None:
        patterns.append(regex.compile(query.pattern.pattern, _flags(query.pattern.flags)))
    return patterns


def _candidates(alternatives: Sequence[Sequence[str]], lexical: LexicalStore) -> set[int] | None:
    """Numbers of the texts that may have a match; None for all."""
    found: set[int] = set()
    for needles in alternatives:
        texts: set[int] | None = None
        for needle in sorted(needles, key=len, reverse=True):
            having = lexical.texts_with(needle, _MAX_BLOCKS)
            if having is not None:
                texts = having if texts is None else texts & having
            if texts is not None and len(texts) <= _FEW_TEXTS:
                break
        if texts is None:
            return None
        found |= texts
    return found


def required_runs(pattern: re.Pattern[str]) -> list[list[str]]:
    """Runs of literals, in lower case: every match has all runs of at least one list; an empty list says nothing."""
    try:
        alternatives = _alternatives(sre_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    except (re.error, RecursionError, AttributeError):
        return [[]]
    found = [[run.lower() for run in runs if len(run) > 2] for runs in alternatives]
    return found if len(found) <= _MAX_ALTERNATIVES and all(found) else [[]]


def _alternatives(parsed: Any) -> list[list[str]]:
    """Runs of literals that a match must have, for each way that the expression can go."""
    ways: list[list[str]] = [[""]]  # the last run of each way is still open
    for operator, argument in parsed:
        if operator is sre.LITERAL:
            for way in ways:
                way[-1] += chr(argument)
            continue
        inner: list[list[str]] | None = None
        if operator is sre.SUBPATTERN:
            inner = _alternatives(argument[-1])
        elif operator is sre.BRANCH:
            inner = [way for branch in argument[1] for way in _alternatives(branch)]
        elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT) and argument[0] > 0:
            inner = _alternatives(argument[2])
        elif operator is sre.ATOMIC_GROUP:
            inner = _alternatives(argument)
        elif operator is sre.AT:
            continue  # an anchor takes no characters
        if inner is not None and len(ways) * len(inner) <= _MAX_ALTERNATIVES:
            ways = [[*way, *more, ""] for way in ways for more in inner]
        else:
            for way in ways:
                way.append("")
    return ways


def _literal(phrase: str) -> regex.Pattern[str]:
    has_capitals = any(character.isupper() for character in phrase)
    return regex.compile(regex.escape(phrase, special_only=True), 0 if has_capitals else regex.IGNORECASE)


def _flags(flags: int) -> int:
    pairs = ((re.IGNORECASE, regex.I), (re.MULTILINE, regex.M), (re.DOTALL, regex.S), (re.VERBOSE, regex.X))
    return sum(int(other) for one, other in pairs if flags & one) | int(regex.V0)


def _lines(pattern: regex.Pattern[str], text: str, seconds: float) -> list[int]:
    """1-based lines in which matches begin, one for each match.

    Raises:
        TimeoutError: it takes longer than that.
    """
    found: list[int] = []
    line, position = 1, 0
    for match in pattern.finditer(text, timeout=seconds, concurrent=True):
        line += text.count("\n", position, match.start())
        position = match.start()
        found.append(line)
        if len(found) >= _MAX_MATCHES:
            break
    return found


def _units(entries: Sequence[Entry], lines: Sequence[Sequence[int]]) -> Iterator[Match]:
    """Units that hold a line of each pattern, and no smaller one that does."""
    holding = []
    for entry in entries:
        own = [[line for line in each if entry.top_line <= line <= entry.end_line] for each in lines]
        if all(own):
            holding.append((entry, own))
    for entry, own in holding:
        inner = [e for e, _ in holding if _is_inside(e, entry)]
        rest = [[line for line in each if not any(e.top_line <= line <= e.end_line for e in inner)] for each in own]
        if not inner or all(rest):
            counted = own if not inner else rest
            shown = sorted({line for each in counted for line in each})[:100]
            yield Match(entry, sum(map(len, counted)), tuple(shown))


def _is_inside(inner: Entry, outer: Entry) -> bool:
    """Whether a unit is in another; a module is around whatever shares its only line."""
    same = (inner.top_line, inner.end_line) == (outer.top_line, outer.end_line)
    if inner.id == outer.id or (same and outer.kind != "module"):
        return False
    return outer.top_line <= inner.top_line and inner.end_line <= outer.end_line
