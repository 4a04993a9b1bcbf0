"""The sentence of a documentation that says what a thing does, and the rest."""

from __future__ import annotations

import re

__all__ = ["rest_of", "summary_of"]

_END = re.compile(
    r"(?<=[.!?])\s+(?=[A-Z`'\"(])|(?<=[.!?])\s*$|\n\s*\n"
    r"|\n\s*(?:Args|Arguments|Parameters|Params|Returns?|Raises|Yields|Examples?|Notes?|Usage)\s*:?\s*\n"
    r"|\s(?=[:@\\](?:param|return|returns|rtype|type|raises?|throws|arg|see|since|brief|deprecated|example)\b)|\n\s*>>>"
)
_MARKUP = re.compile(r"\{@\w+\s+([^}]*)\}|</?\w+[^<>]*>|:\w+:`~?([^`]*)`|[`*]{1,2}")
_MAX_SUMMARY = 300  # characters


def summary_of(doc: str) -> str:
    """The first sentence, on one line, without markup."""
    text = _END.split(doc.strip(), maxsplit=1)[0] if doc.strip() else ""
    plain = _MARKUP.sub(lambda match: f" {match[1] or match[2] or ''} " if match[1] or match[2] else "", text)
    return " ".join(plain.split())[:_MAX_SUMMARY]


def rest_of(doc: str) -> str:
    """What follows the first sentence."""
    parts = _END.split(doc.strip(), maxsplit=1)
    return parts[1].strip() if len(parts) > 1 and parts[1] else ""
