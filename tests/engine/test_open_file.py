"""A file that is typed in: what is known of it after any edits is what a fresh start would know."""

from __future__ import annotations

import inspect
import textwrap
from functools import cache
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.engine import open_file
from codling.engine.ngrams import Matches, context_after, contexts_of
from codling.engine.open_file import MAX_CHANGED, LineEncoder, OpenFile, settled
from codling.vocab import BpeVocab, CharVocab, Vocab

SOURCE = inspect.getsource(textwrap)


@cache
def bpe() -> BpeVocab:
    return BpeVocab.train([SOURCE, inspect.getsource(inspect)], 700)


def as_set(matches: Matches) -> set[tuple[int, ...]]:
    columns = (matches.rows_R, matches.places_R, matches.next_R, matches.orders_R)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert len(rows) == len(set(rows)), "a place was found twice"
    return set(rows)


EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.lists(st.integers(0, 4), max_size=30)), min_size=1, max_size=12
)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from([0, 8, 40, 320]),
    st.lists(st.integers(0, 4), max_size=200),
    EDITS,
    st.lists(st.integers(1, 4), min_size=1, max_size=9),
)
def test_after_edits_all_is_as_if_built_anew(
    max_changed: int, start: list[int], edits: list[tuple[float, int, list[int]]], asked: list[int]
) -> None:
    """Tokens 0 are DOC: the file's parts before and behind the cursor are documents of their own."""
    with patch.object(open_file, "MAX_CHANGED", max_changed):
        tokens = np.array(start, np.uint16)
        file = OpenFile(cap=10_000)
        file.update(tokens)
        contexts = np.stack([context_after(asked), context_after(asked[:1]), context_after([])])
        for where, num_deleted, inserted in edits:
            place = int(where * len(tokens))
            tokens = np.concatenate([tokens[:place], np.array(inserted, np.uint16), tokens[place + num_deleted :]])
            file.update(tokens)
            fresh = OpenFile(cap=10_000)
            fresh.update(tokens)
            assert as_set(file.find(contexts)) == as_set(fresh.find(contexts))
            if len(tokens):  # its own contexts, each of which it knows in full length
                near = contexts_of(tokens)[max(0, place - 3) : place + len(inserted) + 12]
                assert as_set(file.find(near)) == as_set(fresh.find(near))


def test_small_edits_take_no_new_snapshot() -> None:
    """Otherwise every keystroke would sort the whole file."""
    tokens = np.array(bpe().encode(SOURCE), np.uint16)
    file = OpenFile()
    file.update(tokens)
    snapshot = file._snapshot
    middle = len(tokens) // 2
    for size in range(1, MAX_CHANGED - 1, 20):
        file.update(np.concatenate([tokens[:middle], tokens[:size], tokens[middle:]]))
        assert file._snapshot is snapshot
    file.update(np.concatenate([tokens[:middle], tokens[: 2 * MAX_CHANGED], tokens[middle:]]))
    assert file._snapshot is not snapshot


PIECES = st.sampled_from(
    [
        "\n",
        "    ",
        "\n    ",
        "x",
        "self",
        ".",
        " = ",
        "(",
        "é",
        "\U0001f41f",
        "\r\n",
        "\t",
        '"""',
        "  ",
        "def f",
        "\n\n",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.booleans(),
    st.lists(PIECES, max_size=40),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.lists(PIECES, max_size=6)), min_size=1, max_size=12),
)
def test_text_that_changes_is_encoded_as_a_whole(
    is_bpe: bool, start: list[str], edits: list[tuple[float, int, list[str]]]
) -> None:
    vocab: Vocab = bpe() if is_bpe else CharVocab()
    encode = LineEncoder(vocab)
    text = "".join(start)
    assert encode(text).tolist() == vocab.encode(text)
    for where, num_deleted, inserted in edits:
        place = int(where * len(text))
        text = text[:place] + "".join(inserted) + text[place + num_deleted :]
        assert encode(text).tolist() == vocab.encode(text)


def test_only_lines_that_changed_are_encoded_again() -> None:
    class Counting(CharVocab):
        num = 0

        def encode(self, text: str) -> list[int]:
            self.num += len(text)
            return super().encode(text)

    vocab = Counting()
    encode = LineEncoder(vocab)
    encode(SOURCE)
    place = SOURCE.index("return") + 6
    vocab.num = 0
    encode(SOURCE[:place] + "ed" + SOURCE[place:])
    encode(SOURCE[:place] + SOURCE[place:])
    assert vocab.num < 400


def test_what_is_half_typed_does_not_count() -> None:
    assert settled("x = nump") == "x ="
    assert settled("x = foo.") == "x = foo"
    assert settled("if x:\n    ") == "if x:"
    assert settled("if x:\n    retu") == "if x:"
    assert settled("a ==") == "a"
    assert settled("") == ""
    assert settled("word") == ""
    long = "x" * (open_file._MAX_UNSETTLED * 3)
    assert long.startswith(settled(long))
