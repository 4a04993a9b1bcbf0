"""Texts and positions, against a text that is rebuilt from its lines in the protocol's own units."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types

from codling.errors import InputError
from codling.serve.lsp.documents import MAX_CHARS, Document, Documents, Encoding, path_of, units

ENCODINGS: list[Encoding] = ["utf-8", "utf-16", "utf-32"]
CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}

texts = st.text(alphabet="a🐟é\n\r\u2028\x0c\ud800", max_size=40)


def document(text: str, encoding: Encoding = "utf-16") -> Document:
    return Document("file:///fish/tank.py", "python", 1, text, encoding)


def lines(text: str) -> list[str]:
    return re.split("\r\n|\n|\r", text)


@settings(deadline=None)
@given(texts, st.sampled_from(ENCODINGS), st.data())
def test_offset_and_position_are_inverse(text: str, encoding: Encoding, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    if offset and text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1  # between the two is no place of its own
    place = document(text, encoding).position(offset)
    assert document(text, encoding).offset(place) == offset
    codec, width = CODECS[encoding]
    line = lines(text)[place.line]
    assert place.character <= len(line.encode(codec, "surrogatepass")) // width


@settings(deadline=None)
@given(texts, texts, st.sampled_from(ENCODINGS), st.data())
def test_changes_do_what_an_editor_did(text: str, new: str, encoding: Encoding, data: st.DataObject) -> None:
    changed = document(text, encoding)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if text[start - 1 : start + 1] == "\r\n" or text[end - 1 : end + 1] == "\r\n":
        return
    where = types.Range(changed.position(start), changed.position(end))
    changed.change([types.TextDocumentContentChangePartial(range=where, text=new)], 2)
    assert changed.text == text[:start] + new + text[end:]
    assert changed.was_shortened == (not new and start < end)
    assert changed.version == 2


@settings(deadline=None)
@given(texts, st.sampled_from(ENCODINGS), st.integers(0, 50), st.integers(0, 2**31 - 1))
def test_any_position_is_a_place_or_an_error(text: str, encoding: Encoding, row: int, column: int) -> None:
    place = types.Position(row, column)
    if row < len(lines(text)):
        assert 0 <= document(text, encoding).offset(place) <= len(text)
    else:
        with pytest.raises(InputError, match="has lines 0 to"):
            document(text, encoding).offset(place)


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 2), ("utf-8", 4), ("utf-16", 2)])
def test_the_middle_of_a_character_means_its_beginning(encoding: Encoding, column: int) -> None:
    assert document("a🐟b", encoding).offset(types.Position(0, column)) == 1


def test_a_form_feed_ends_no_line() -> None:
    text = document("a\x0cb\u2028c\x85d\ne")
    assert text.offset(types.Position(1, 0)) == 8


def test_whole_texts_take_the_place_of_others() -> None:
    text = document("fish = 1")
    text.change([types.TextDocumentContentChangeWholeDocument(text="fish")], 2)
    assert (text.text, text.was_shortened) == ("fish", True)
    text.change([types.TextDocumentContentChangeWholeDocument(text="fishes")], 3)
    assert not text.was_shortened


def test_a_text_beyond_the_bound_is_not_kept_until_it_is_small_again() -> None:
    text = document("x" * (MAX_CHARS + 1))
    where = types.Range(types.Position(0, 0), types.Position(0, 1))
    text.change([types.TextDocumentContentChangePartial(range=where, text="")], 2)
    assert text.text is None
    with pytest.raises(InputError, match="more than"):
        text.offset(types.Position(0, 0))
    text.change([types.TextDocumentContentChangeWholeDocument(text="x")], 3)
    assert text.text == "x"


def test_only_open_texts_exist() -> None:
    documents = Documents()
    item = types.TextDocumentItem(uri="file:///a.py", language_id="python", version=1, text="x")
    documents.open(item)
    assert documents.get("file:///a.py").text == "x"
    documents.close("file:///a.py")
    with pytest.raises(InputError, match="is not open"):
        documents.get("file:///a.py")


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///fish/my%20tank.py", "/fish/my tank.py"),
        ("file://localhost/fish.py", "/fish.py"),
        ("file:///%F0%9F%90%9F.py", "/🐟.py"),
        ("untitled:Untitled-1", None),
        ("https://example.com/a.py", None),
        ("file:", None),
        ("file:///a%00b", None),
        ("file://[::bad/a.py", None),
        ("", None),
        ("\ud800", None),
    ],
)
def test_uris(uri: str, path: str | None) -> None:
    assert path_of(uri) == path


@settings(deadline=None)
@given(st.text(max_size=20), st.sampled_from(ENCODINGS))
def test_units(text: str, encoding: Encoding) -> None:
    codec, width = CODECS[encoding]
    assert units(text, encoding) == len(text.encode(codec, "surrogatepass")) // width
