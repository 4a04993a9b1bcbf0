"""Where a lexical token ends: a word, a number, an operator, a bracket, a quote.

One set of rules for Python, Java and their kin. The white space before a token belongs to it. Within a string literal
or a comment a token is a word, too.
"""

from __future__ import annotations

import re

__all__ = ["extends", "is_word", "token_end", "word_before"]

# fmt: off
OPERATORS = (
    "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "//", "**", "->", "<<", ">>", "&=", "|=", "^=", "%=", "@=", ":=",
    "//=", "**=", ">>=", "<<=", "&&", "||", "++", "--", "::", "...", ">>>", "=>", '""', "''", '"""', "'''",
)
# fmt: on
_WORD = re.compile(r"\w*")  # what is_word says of each character
_BEGINNINGS = frozenset(operator[:size] for operator in (*OPERATORS, "..") for size in range(1, len(operator) + 1))


def is_word(character: str) -> bool:
    """Letters, digits and the underscore, in any script."""
    return character.isalnum() or character == "_"


def word_before(text: str) -> str:
    """The word that a text ends in the middle of, or empty."""
    start = len(text)
    while start and is_word(text[start - 1]):
        start -= 1
    return text[start:]


def extends(token: str, character: str, word: str = "") -> bool:
    """Whether a character goes on with a token instead of ending it.

    Args:
        token: what there is of it, white space before it included.
        word: the word before the cursor that the token goes on with, if any.
    """
    if character == "\n":
        return False
    if not token.strip(" \t"):
        return True
    core = token.lstrip(" \t")
    if is_word(core[-1]):
        whole = word + core if core == token else core
        return is_word(character) or (character == "." and whole[0].isdigit() and "." not in whole)
    if core[-1] == "." and len(core) > 1 and core[0].isdigit():
        return is_word(character)  # 1. goes on to 1.5
    return core + character in _BEGINNINGS


def token_end(text: str, word: str = "") -> int | None:
    """Length of the first token of a text; None if it may go on beyond the text's end."""
    start = len(text) - len(text.lstrip(" \t"))
    word_end = _WORD.match(text, start).end()  # type: ignore[union-attr]
    for at in range(max(1, start, word_end), len(text)):  # spaces and the letters of a word go on in any case
        if not extends(text[:at], text[at], word):
            return at
    return None
