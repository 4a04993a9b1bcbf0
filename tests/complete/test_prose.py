"""What is left out of a text that the model reads, at every keystroke."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import random
import textwrap
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling import Completer
from codling.complete.prose import ProseFilter
from codling.corpus.clean import CleanConfig, Cleaned, clean
from codling.engine.prefix import PrefixReader
from ngram_model import NgramModel

SOURCE = '''\
#!/usr/bin/env python
"""A module."""

import os  # for paths


class Empty(Exception):
    """Raised when there is nothing."""


def area(width, height=1):
    """Compute.

    # not a comment
    """

    # The product.
    text = "# no comment" + '\\'#' + f"""{width} # none"""
    return (width *  # wide
            # and high
            height)


table = {
    "a": 1,  # first
}
'''


@pytest.mark.parametrize("source", [SOURCE, *map(inspect.getsource, (argparse, inspect, textwrap, typing))])
def test_as_the_corpus_is_cleaned(source: str) -> None:
    expected = clean(source, "python", CleanConfig(mask_secrets=False, max_literal_lines=0))
    assert isinstance(expected, Cleaned)
    assert ProseFilter()(source).rstrip() == expected.text.rstrip()


def test_what_the_cursor_stands_in_stays() -> None:
    filtered = ProseFilter()
    assert filtered("# first\nx = 1\n# the sum") == "x = 1\n# the sum"
    assert filtered("x = 1  # one") == "x = 1  # one"
    assert filtered('def f():\n    """Return the') == 'def f():\n    """Return the'
    assert filtered('def f():\n    """Return the\n\n    # 1') == 'def f():\n    """Return the\n\n    # 1'
    assert filtered("f(a,  # one\n  b  # two") == "f(a,\n  b  # two"
    assert filtered("x = 'a # b\ny = 2  # two\n") == "x = 'a # b\ny = 2\n"  # a string that was not closed


def test_a_bracket_that_was_not_closed_does_not_hide_the_rest() -> None:
    text = 'print((1,\ndef f(x):\n    """Say."""\n    return x  # so\n'
    assert ProseFilter()(text) == "print((1,\ndef f(x):\n    return x\n"


def test_an_empty_body_is_filled_when_it_is_left() -> None:
    filtered = ProseFilter()
    text = 'class A(B):\n    """Text."""\n'
    assert filtered(text + "    ") == "class A(B):\n    "
    assert filtered(text + "    x") == "class A(B):\n    x"
    assert filtered(text + "\n\ndef") == "class A(B):\n    pass\n\n\ndef"


def test_the_beginning_may_be_missing() -> None:
    text = 'the end of a text\n"""\nx = 1  # one\ndef f():\n    """Text."""\n    return 1  # one\n'
    kept = 'the end of a text\n"""\nx = 1  # one\ndef f():\n    return 1\n'
    assert ProseFilter()(text, whole=False) == kept


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["#", '"""', "'", '"', "\\", "(", "]", "\n", "    ", "def f():", "x", " "]), max_size=30)
)
def test_warm_is_as_cold(parts: list[str]) -> None:
    warm, text = ProseFilter(), ""
    for part in parts:
        text += part
        assert warm(text) == ProseFilter()(text)


def test_typing_costs_one_step_behind_comments() -> None:
    reader, without_prose = PrefixReader(NgramModel(SOURCE)), ProseFilter()
    source = inspect.getsource(textwrap)
    start = random.Random(0).randrange(3_000, 5_000)
    reader.read(without_prose(source[:start]))
    begun = reader.num_steps
    for end in range(start, start + 300):
        reader.read(without_prose(source[:end]))
    assert reader.num_steps - begun < 2 * 300  # as many as characters, and some more where comments end


@pytest.mark.parametrize(("cleaning", "path", "answer"), [({"keep_docstrings": False}, "a.py", "1"), ({}, "a.py", "2")])
def test_only_for_models_of_cleaned_code(cleaning: dict[str, bool], path: str, answer: str) -> None:
    """The model has learned what follows with a comment before it and without one."""
    model = NgramModel("a = 0\nb = 1\na = 0\n# then\nb = 2\n", order=16)
    model.card = dataclasses.replace(model.card, cleaning=cleaning)
    suggestions = Completer(model).complete("a = 0\n# then\nb = ", kind="token", path=path).suggestions
    assert suggestions[0].text == answer
