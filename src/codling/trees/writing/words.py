"""Descriptions as words, each of which can be copied into a program.

A word is what a person would copy: a name, a number, a sign, and a quoted text as a whole, read as the literal it is.
What a quoted text says is split into words besides, since a program often uses only part of it. Records of the form
``Murloc Raider NAME_END 2 ATK_END …`` (the cards of Ling et al. 2016) give each field as a whole, and joined into one
name, as classes and constants are called. The text behind the last marker is read without its markup; what it
emphasizes are terms, which programs have as names: ``<b>Divine Shield</b>`` gives ``divine_shield``, too.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["KINDS", "MAX_WORDS", "Word", "words_of"]

KINDS = ("name", "number", "sign", "single", "double", "code", "raw", "inner", "field", "joined", "marker")
"""What a word is: a name or number or sign; the contents of '…', "…" or `…`; a quoted text as it is spelt, where that
is another one; a word of a quoted text; a field of a record, the names that are made of it, and the marker
behind it."""

MAX_WORDS = 160
"A description is cut after so many words: the longest of the training sets has fewer."

_MAX_INNER = 24  # words of a quoted text that stand by themselves: longer ones are prose, copied as a whole or not
_QUOTED = re.compile(
    r"(?<![\w'\"`])(?P<prefix>[urbURB]{0,2})(?P<quote>['\"`])(?P<body>(?:\\.|(?!(?P=quote)).)*)(?P=quote)(?!\w)", re.S
)
_PLAIN = re.compile(r"[^\W\d]\w*|\d+\.\d+|\d+|[^\w\s]")
_MODULE = re.compile(r"(?:(?<=from )|(?<=import )|(?<=module ))[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_MARKER = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*_END\b")
_MARKUP = re.compile(r"</?\w+>")
_TERM = re.compile(r"<b>(.*?)</b>", re.S)
_QUOTES = {"'": "single", '"': "double", "`": "code"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word: what copying it gives, and its kind, one of KINDS."""

    value: str
    kind: str


def words_of(description: str) -> list[Word]:
    """The words of a description, in order, at most MAX_WORDS."""
    found: list[Word] = []
    start = 0
    for marker in _MARKER.finditer(description):
        found += _field(description[start : marker.start()].strip())
        found.append(Word(marker[0], "marker"))
        start = marker.end()
    for word in _prose(description[start:]) if found else _text(description):
        found.append(word)
        if len(found) >= MAX_WORDS:
            break
    return found[:MAX_WORDS]


def _field(text: str) -> Iterator[Word]:
    joined = "".join(part[:1].upper() + part[1:] for part in re.sub(r"[^\w\s]", "", text).split())
    if re.fullmatch(r"-?\d+", text):
        yield Word(text, "number")
    elif joined == text or not joined:
        yield from _plain(text)
        if text.isalpha() and not text.isupper():
            yield Word(text.upper(), "joined")
    else:
        yield Word(text, "field")
        yield Word(joined, "joined")


def _prose(text: str) -> Iterator[Word]:
    start = 0
    for term in _TERM.finditer(text):
        yield from _text(_MARKUP.sub(" ", text[start : term.start()]))
        yield from _plain(_MARKUP.sub(" ", term[1]))
        for phrase in re.findall(r"[^\W\d_]+(?:\s+[^\W\d_]+)*", term[1]):
            yield Word("_".join(phrase.lower().split()), "joined")
        start = term.end()
    yield from _text(_MARKUP.sub(" ", text[start:]))


def _text(text: str) -> Iterator[Word]:
    start = 0
    for quoted in _QUOTED.finditer(text):
        yield from _plain(text[start : quoted.start()])
        yield from _quotation(quoted)
        start = quoted.end()
    yield from _plain(text[start:])


def _quotation(quoted: re.Match[str]) -> Iterator[Word]:
    spelt = quoted["body"]
    value = spelt if quoted["quote"] == "`" else _literal(quoted[0], spelt)
    yield Word(value, _QUOTES[quoted["quote"]])
    if value != spelt:
        yield Word(spelt, "raw")
    inner = _PLAIN.findall(spelt)
    if len(inner) > 1:
        for part in inner[:_MAX_INNER]:
            yield Word(part, "inner")


def _literal(text: str, spelt: str) -> str:
    """What a quoted text is as a literal of Python; as it is spelt, where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError):
        return spelt
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else spelt


def _plain(text: str) -> Iterator[Word]:
    start = 0
    for module in _MODULE.finditer(text):
        yield from _parts(text[start : module.start()])
        yield Word(module[0], "joined")  # as a whole, since an import takes it so
        start = module.start()
    yield from _parts(text[start:])


def _parts(text: str) -> Iterator[Word]:
    for part in _PLAIN.findall(text):
        kind = "number" if part[0].isdigit() else "name" if part[0].isalnum() or part[0] == "_" else "sign"
        yield Word(part, kind)
