"""How alike two lines of code are, and whether they are the same but for white space."""

from __future__ import annotations

import re

__all__ = ["plain_literals", "ratio", "words_of"]

_STRING = r"""[A-Za-z]{0,2}(?:\"{3}.*?(?:\"{3}|$)|'{3}.*?(?:'{3}|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)"""
_WORD = re.compile(
    rf"{_STRING}|\d[\w.]*|\.\d[\w.]*|\w+|\*\*=|//=|>>>=|>>=|<<=|\.\.\.|->|=>|:=|::|\*\*|//|<<|&&|\|\||\+\+|--"
    r"|[-+*/%&|^@=!<>]=|\S",
    re.S,
)
_IS_STRING = re.compile(r"([A-Za-z]{0,2})(\"{3}|'{3}|\"|')")


def words_of(code: str) -> list[str]:
    """The tokens of a piece of code that need not parse; a string that is not closed goes on to the end."""
    return _WORD.findall(code)


def plain_literals(words: list[str]) -> list[str]:
    """The same with empty strings and with 0 for numbers, as CodeXGLUE's evaluator writes the rare ones."""
    plain = []
    for word in words:
        string = _IS_STRING.match(word)
        if string:
            word = f"{string[1]}{string[2]}{string[2]}"
        elif word[0].isdigit() or (word[0] == "." and word[1:2].isdigit()):
            word = "0"
        plain.append(word)
    return plain


def ratio(one: str, other: str) -> float:
    """Twice the length of the longest common subsequence over both lengths, in [0, 1]; 1 for two empty texts.

    This is fuzz.ratio of rapidfuzz and of fuzzywuzzy over python-Levenshtein, which CodeXGLUE uses, before it rounds.
    The subsequence bit-parallel (Hyyrö 2004), a column of the table in one big integer.
    """
    if not one and not other:
        return 1.0
    places: dict[str, int] = {}
    for at, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << at
    column = full = (1 << len(one)) - 1
    for character in other:
        hit = column & places.get(character, 0)
        column = (column + hit | column - hit) & full
    return 2 * (len(one) - column.bit_count()) / (len(one) + len(other))
