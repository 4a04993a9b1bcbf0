"""What a programmer calls a token: words, numbers, strings, operators and line ends, by the language's grammar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from codling.errors import InputError

if TYPE_CHECKING:
    from tree_sitter import Node

    from codling.corpus.languages import Language

__all__ = ["KINDS", "Lexeme", "LexemeKind", "lexemes", "white_space"]

LexemeKind = Literal["identifier", "keyword", "operator", "number", "string", "newline"]
KINDS: tuple[LexemeKind, ...] = get_args(LexemeKind)

_ENDS_LINES = ("python",)  # languages whose grammar has line ends; elsewhere they are white space
_IDENTIFIERS = ("identifier", "type_identifier")
_CHARACTERS = ("character_literal",)  # a literal like a string, which it is in all languages but Java's
_SKIPPED = ("line_continuation",)


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A token's place in a text, in code points."""

    start: int
    end: int
    kind: LexemeKind


def lexemes(text: str, language: str) -> list[Lexeme]:
    """All tokens of a text in order; white space, comments and documentation are none.

    A string literal is one token with its prefix and quotes, an f-string too. In Python a line end between two tokens
    is one, however many blank lines follow; the last one of a file is not, nor one behind a backslash (as CodeXGLUE has
    it, Lu et al. 2021). Elsewhere line ends are white space.

    Raises:
        CorpusError: no such language.
        InputError: the text does not parse.
    """
    from codling.corpus.languages import language_named

    row = language_named(language)
    source = text.encode("utf-8", "surrogatepass")
    tree = row.parser().parse(source)
    if tree.root_node.has_error:
        raise InputError(f"the text does not parse as {language}; leave it out, or mend it")
    if len(source) == len(text):
        spans = list(_spans(tree.root_node, row, source))
    else:
        starts = (np.frombuffer(source, np.uint8) & 0xC0) != 0x80  # bytes that begin a character
        place = np.concatenate([[0], np.cumsum(starts)]).tolist()
        spans = [(place[start], place[end], kind) for start, end, kind in _spans(tree.root_node, row, source)]
    found: list[Lexeme] = []
    for start, end, kind in spans:
        if found and language in _ENDS_LINES:
            newline = _line_end(text, found[-1].end, start)
            if newline is not None:
                found.append(Lexeme(newline, newline + 1, "newline"))
        found.append(Lexeme(start, end, kind))
    return found


def white_space(language: str) -> str:
    """The characters between tokens that are none."""
    return " \t" if language in _ENDS_LINES else " \t\n"


def _spans(root: Node, language: Language, source: bytes) -> Iterator[tuple[int, int, LexemeKind]]:
    """Byte spans of the leaves that count, in order."""
    cursor = root.walk()
    while True:
        node = cursor.node
        assert node is not None
        down = False
        if node.type in language.strings or node.type in _CHARACTERS:
            if not _is_prose(node, language):
                yield node.start_byte, node.end_byte, "string"
        elif node.type in language.comments or node.type in _SKIPPED:
            pass
        elif cursor.goto_first_child():
            down = True
        else:
            yield from _words(node, source)
        while not down and not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _words(leaf: Node, source: bytes) -> Iterator[tuple[int, int, LexemeKind]]:
    at = leaf.start_byte
    for word in source[leaf.start_byte : leaf.end_byte].split():  # a grammar may take "not in" for one
        start = source.index(word, at)
        at = start + len(word)
        yield start, at, _kind(leaf.type, word)


def _kind(node: str, word: bytes) -> LexemeKind:
    if node in _IDENTIFIERS:
        return "identifier"
    first = chr(word[0])
    if first.isdigit() or (first == "." and word[1:2].isdigit()):
        return "number"
    return "keyword" if first.isalpha() or (first in "_@" and word[1:2].isalpha()) else "operator"


def _is_prose(string: Node, language: Language) -> bool:
    """Whether a string is documentation: a statement of its own."""
    parent = string.parent
    while parent is not None and parent.type in (*language.string_concatenations, language.parentheses):
        parent = parent.parent
    return parent is not None and parent.type == language.statement and parent.named_child_count == 1


def _line_end(text: str, start: int, end: int) -> int | None:
    """The first line end of a gap between tokens that no backslash takes back."""
    at = text.find("\n", start, end)
    while at > 0 and text[at - 1] == "\\" and "#" not in text[start:at]:
        at = text.find("\n", at + 1, end)
    return None if at == -1 else at
