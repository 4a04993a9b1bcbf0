"""What a user typed, read: words, exact strings, a regular expression, and filters.

``parse json lang:go -path:test`` looks for two words in Go files outside tests; ``"exit code 2"`` for an exact
string; ``re:/def \\w+_atomically/`` for a regular expression; ``kind:class``, ``path:src/*.py`` and ``repo:codling``
narrow it down.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from codling.errors import CodlingError, nearest
from codling.search.languages import LANGUAGES
from codling.search.unit import KINDS

__all__ = ["Filters", "Query", "QueryError", "parse_query"]

MAX_QUERY_CHARS = 4_000  # a longer one is a file that went astray
_FILTERS = ("lang", "path", "kind", "repo")
_ALIASES = {"language": "lang", "file": "path", "type": "kind", "project": "repo", "l": "lang", "f": "path"}
_KIND_ALIASES = {"struct": "class", "trait": "interface", "protocol": "interface", "fn": "function", "func": "function"}
_KIND_ALIASES |= {"def": "function", "const": "constant", "variable": "constant", "var": "constant", "text": "chunk"}
_LANGUAGE_ALIASES = {"py": "python", "js": "javascript", "jsx": "javascript", "ts": "typescript", "tsx": "typescript"}
_LANGUAGE_ALIASES |= {"rs": "rust", "golang": "go", "c++": "cpp", "cxx": "cpp", "c#": "csharp", "cs": "csharp"}
_LANGUAGE_ALIASES |= {"rb": "ruby", "kt": "kotlin", "other": "text"}
_TOKEN = re.compile(
    r"""
      (?P<minus>-)?(?P<key>[a-z]+):(?:"(?P<quoted>(?:\\.|[^"\\])*)"|(?P<value>[^\s"/][^\s]*))
    | re:/(?P<pattern>(?:\\.|[^/\\])*)/(?P<flags>[a-z]*)(?=\s|$)
    | "(?P<phrase>(?:\\.|[^"\\])*)"
    | (?P<word>\S+)
    """,
    re.VERBOSE,
)


class QueryError(CodlingError):
    """A query that cannot be read: a regular expression that is none, a filter's value that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Where to look. Values of one filter are alternatives; different filters must all hold."""

    languages: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    "A part of the path, or a glob (``*``, ``**``, ``?``) over the whole of it; case counts only if it has capitals."
    repos: tuple[str, ...] = ()
    "A part of the index's name or root."
    not_languages: frozenset[str] = frozenset()
    not_kinds: frozenset[str] = frozenset()
    not_paths: tuple[str, ...] = ()
    not_repos: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != _NO_FILTERS


_NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, read."""

    raw: str
    "As typed."
    text: str
    "The words outside filters, exact strings and regular expressions, joined by single spaces; may be empty."
    phrases: tuple[str, ...] = ()
    "Exact strings: a hit holds all of them. Case counts only if they have capitals."
    pattern: re.Pattern[str] | None = None
    "A hit has a match of it. Flags are set: multi-line, and case as the user said."
    filters: Filters = field(default_factory=Filters)

    @property
    def is_literal(self) -> bool:
        """Whether it asks for exact strings or a regular expression, which decide what may be a hit at all."""
        return bool(self.phrases or self.pattern)


def parse_query(raw: str) -> Query:
    """Read what a user typed.

    Raises:
        QueryError: a bad regular expression, an unknown kind, a query that is too long.
    """
    if len(raw) > MAX_QUERY_CHARS:
        raise QueryError(f"the query has {len(raw):,} characters; at most {MAX_QUERY_CHARS:,} are read")
    words: list[str] = []
    phrases: list[str] = []
    pattern: re.Pattern[str] | None = None
    found: dict[str, list[str]] = {}
    for match in _TOKEN.finditer(raw):
        key = match["key"] and _ALIASES.get(match["key"], match["key"])
        if key in _FILTERS:
            value = match["value"] if match["quoted"] is None else _unquoted(match["quoted"])
            names = [name for name in value.split(",") if name] if key in ("lang", "kind") else [value]
            found.setdefault(("not_" if match["minus"] else "") + key, []).extend(names)
        elif match["pattern"] is not None:
            if pattern is not None:
                raise QueryError("one regular expression at a time: join them as re:/one|other/")
            pattern = _compiled(match["pattern"], match["flags"])
        elif match["phrase"] is not None:
            if phrase := _unquoted(match["phrase"]):
                phrases.append(phrase)
        else:
            words.append(match.group())
    if pattern is None and raw.lstrip().startswith("re:/"):
        raise QueryError("the regular expression has no end: write re:/…/, a slash in it as \\/")
    return Query(raw=raw, text=" ".join(words), phrases=tuple(phrases), pattern=pattern, filters=_filters(found))


def _unquoted(text: str) -> str:
    return re.sub(r"\\([\"\\])", r"\1", text)


def _compiled(pattern: str, flags: str) -> re.Pattern[str]:
    if unknown := set(flags) - {"i", "s", "x"}:
        raise QueryError(f"unknown flag {sorted(unknown)[0]!r} after the regular expression; known: i, s, x")
    value = re.MULTILINE
    for letter in flags:
        value |= {"i": re.IGNORECASE, "s": re.DOTALL, "x": re.VERBOSE}[letter]
    try:
        return re.compile(pattern.replace("\\/", "/"), value)
    except (re.error, RecursionError, OverflowError) as error:
        raise QueryError(f"re:/{pattern}/ is no regular expression: {error}") from None


def _filters(found: dict[str, list[str]]) -> Filters:
    return Filters(
        languages=_known("language", found.get("lang", ()), _LANGUAGE_ALIASES, _languages()),
        kinds=_known("kind", found.get("kind", ()), _KIND_ALIASES, KINDS),
        paths=tuple(found.get("path", ())),
        repos=tuple(found.get("repo", ())),
        not_languages=_known("language", found.get("not_lang", ()), _LANGUAGE_ALIASES, _languages()),
        not_kinds=_known("kind", found.get("not_kind", ()), _KIND_ALIASES, KINDS),
        not_paths=tuple(found.get("not_path", ())),
        not_repos=tuple(found.get("not_repo", ())),
    )


def _languages() -> list[str]:
    return sorted({language.name for language in LANGUAGES} | {"text"})


def _known(what: str, values: Iterable[str], aliases: Mapping[str, str], known: Collection[str]) -> frozenset[str]:
    found = {aliases.get(value.lower(), value.lower()) for value in values}
    if unknown := sorted(found - set(known)):
        others = nearest(unknown[0], known) or f"; known: {', '.join(known)}"
        raise QueryError(f"unknown {what} {unknown[0]!r}{others}")
    return frozenset(found)
