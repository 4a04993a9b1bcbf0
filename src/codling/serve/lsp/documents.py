"""The open texts, as their editor has them, and positions in them.

A line ends with \\n, \\r\\n or \\r and with nothing else, as the protocol has it: a form feed or U+2028 ends none.
Nothing is ever read from disk: a text that no editor opened is not there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from lsprotocol import types

from codling.errors import InputError

__all__ = ["MAX_CHARS", "Document", "Documents", "Encoding", "path_of", "units"]

MAX_CHARS = 1_000_000
"Of a text; a longer one gets no suggestions, for no person edits it."

Encoding = Literal["utf-8", "utf-16", "utf-32"]
"What a position's column counts."

_LINE_END = re.compile("\r\n|\n|\r")

Change = types.TextDocumentContentChangePartial | types.TextDocumentContentChangeWholeDocument


class Document:
    """One open text."""

    def __init__(self, uri: str, language_id: str, version: int, text: str, encoding: Encoding) -> None:
        self.uri, self.language_id, self.version = uri, language_id, version
        self.path = path_of(uri)
        "None for a text that is no file."
        self.text: str | None = None
        "None while it is longer than MAX_CHARS."
        self.was_shortened = False
        "The last change only took something away, as a backspace does."
        self._encoding = encoding
        self._lines: list[int] | None = None
        self._set(text)

    def change(self, changes: Sequence[Change], version: int) -> None:
        """Apply an editor's changes, one after the other. What lies beyond the text's end means its end."""
        self.was_shortened = False
        for change in changes:
            before = self.text
            if isinstance(change, types.TextDocumentContentChangeWholeDocument):
                self._set(change.text)
                self.was_shortened = before is not None and len(change.text) < len(before)
            elif before is not None:
                start, end = sorted((self._offset(change.range.start), self._offset(change.range.end)))
                self._set(before[:start] + change.text + before[end:])
                self.was_shortened = not change.text and start < end
        self.version = version

    def offset(self, position: types.Position) -> int:
        """Characters before a position; beyond a line's end means its end, as the protocol says.

        Raises:
            InputError: the text has no such line, or is too long to be kept.
        """
        if self.text is None:
            raise InputError(f"{self.uri} has more than {MAX_CHARS:,} characters")
        if position.line >= len(self._starts):
            raise InputError(f"{self.uri} has lines 0 to {len(self._starts) - 1}, not {position.line}")
        return self._offset(position)

    def position(self, offset: int) -> types.Position:
        """The position before which so many characters stand."""
        assert self.text is not None
        row = bisect_right(self._starts, offset) - 1
        start = self._starts[row]
        return types.Position(row, units(self.text[start:offset], self._encoding))

    @property
    def _starts(self) -> list[int]:
        if self._lines is None:
            self._lines = [0, *(end.end() for end in _LINE_END.finditer(self.text or ""))]
        return self._lines

    def _offset(self, position: types.Position) -> int:
        assert self.text is not None
        starts = self._starts
        if position.line >= len(starts):
            return len(self.text)
        start = starts[position.line]
        end = starts[position.line + 1] if position.line + 1 < len(starts) else len(self.text)
        line = self.text[start:end].rstrip("\r\n")
        return start + _characters(line, position.character, self._encoding)

    def _set(self, text: str) -> None:
        self.text = text if len(text) <= MAX_CHARS else None
        self._lines = None


class Documents:
    """All open texts of one editor."""

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self._open: dict[str, Document] = {}

    def open(self, item: types.TextDocumentItem) -> Document:
        self._open[item.uri] = Document(item.uri, item.language_id, item.version, item.text, self.encoding)
        return self._open[item.uri]

    def close(self, uri: str) -> None:
        self._open.pop(uri, None)

    def known(self, uri: str) -> Document | None:
        return self._open.get(uri)

    def get(self, uri: str) -> Document:
        """Raises:
        InputError: no editor has opened it.
        """
        document = self._open.get(uri)
        if document is None:
            raise InputError(f"{uri[:200]} is not open; send textDocument/didOpen first")
        return document

    def __iter__(self) -> object:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)


def path_of(uri: str) -> str | None:
    """The file that a URI names; None for an untitled text, one on another machine, and whatever else is no file."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    if parts.scheme != "file" or "\0" in unquote(parts.path) or not parts.path:
        return None
    path = url2pathname(parts.path)
    return f"//{parts.netloc}{path}" if parts.netloc not in ("", "localhost") else path


def units(text: str, encoding: Encoding) -> int:
    """How many units of an encoding a text takes."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _characters(line: str, column: int, encoding: Encoding) -> int:
    """How many characters a column's units are; one in the middle of a character means its beginning."""
    if encoding == "utf-32" or line.isascii():
        return min(column, len(line))
    if encoding == "utf-8":
        data = line.encode("utf-8", "surrogatepass")
        while 0 < column < len(data) and data[column] & 0xC0 == 0x80:
            column -= 1
        return len(data[:column].decode("utf-8", "surrogatepass"))
    data = line.encode("utf-16-le", "surrogatepass")
    end = 2 * column
    if 2 <= end < len(data) and data[end + 1] & 0xFC == 0xDC and data[end - 1] & 0xFC == 0xD8:
        end -= 2
    return len(data[:end].decode("utf-16-le", "surrogatepass"))
