"""Documentation as prose: what a docstring or a comment says, without its quotes, marks and indentation."""

from __future__ import annotations

import inspect
import re

__all__ = ["comment_prose", "docstring_prose", "is_licence"]

_QUOTED = re.compile(r"""(?s)\A[A-Za-z]{0,2}('''|\"\"\"|'|")(.*?)\1\Z""")
_MARK = re.compile(r"^[ \t]*(?://[/!]?|/\*+!?|\*+/|\*(?!\*)|#+[!:]?|--+|;+|=begin\b|=end\b)[ \t]?")
_CLOSING = re.compile(r"\*+/[ \t]*$")
_DIRECTIVE = re.compile(
    r"(?m)^[ \t]*(?:frozen_string_literal:|-\*-|vim?:|eslint-|!/|pylint:|type: ignore|noqa|ruff:|mypy:|@ts-).*\n?"
)
_MARKUP = re.compile(
    r"</?(?:summary|param|returns|remarks|para|value|exception|typeparam|see|c|code|p|pre|ul|li|br|b|i|a)\b[^>\n]*>"
)
_INLINE_TAG = re.compile(r"\{@\w+\s+([^{}]*)\}")
_LICENCE = re.compile(
    r"(?i)copyright|\blicen[cs]ed? (?:under|as|to)|SPDX-License|all rights reserved|redistribution and use"
)


def docstring_prose(literal: str) -> str:
    """The text of a string literal as a reader sees it, indentation off."""
    found = _QUOTED.match(literal)
    return inspect.cleandoc(found.group(2) if found else literal).strip()


def comment_prose(comment: str) -> str:
    """The text of one comment or a run of them."""
    lines = [_CLOSING.sub("", _MARK.sub("", line.rstrip())) for line in comment.split("\n")]
    text = _INLINE_TAG.sub(r"\1", _MARKUP.sub("", "\n".join(lines)))
    return inspect.cleandoc(_DIRECTIVE.sub("", text)).strip()


def is_licence(prose: str) -> bool:
    """Whether a comment speaks of rights and not of the code."""
    return _LICENCE.search(prose[:2000]) is not None
