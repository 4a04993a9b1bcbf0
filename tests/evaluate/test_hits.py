"""A hit is what greedy decoding would have written: told in plain words, and against decoding in earnest."""

# V vocabulary

from __future__ import annotations

import argparse
import inspect
import textwrap

import numpy as np
import pytest

from codling.complete.lexical import extends
from codling.corpus.clean import CleanConfig, Cleaned, clean
from codling.engine.evaluation import Predictions, predict_texts
from codling.engine.model import Model
from codling.evaluate.hits import hits
from codling.evaluate.lexemes import KINDS, Lexeme, lexemes
from codling.vocab import DOC, BpeVocab, CharVocab
from ngram_model import NgramModel


def cleaned(module, size: int | None = None) -> str:
    found = clean(inspect.getsource(module).encode(), "python", CleanConfig())
    assert isinstance(found, Cleaned)
    return found.text[:size]


TEXT = cleaned(textwrap)
OTHER = cleaned(argparse, 30_000)
CHARS = CharVocab()


def judged(text: str, likeliest: str, language: str = "python") -> list[tuple[str, bool, bool]]:
    """Tokens, whether right and whether begun, when these characters are likeliest at the places of the text's."""
    tokens, expected = np.array(CHARS.encode(text), np.int64), np.array(CHARS.encode(likeliest), np.int64)
    assert len(expected) == len(tokens) + 1
    rows = lexemes(text, language)
    found = hits(text, rows, Predictions(tokens, np.zeros(len(tokens)), expected), CHARS.pieces(), language)
    assert [KINDS[kind] for kind in found.kinds] == [row.kind for row in rows]
    return [
        (text[row.start : row.end], bool(right), bool(begun))
        for row, right, begun in zip(rows, found.right, found.begun, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "likeliest", "wrong"),
    [
        ("x = abc\n", "x = abc\n#", []),
        ("x = abc\n", "y = abc\n#", ["x"]),
        ("x = abc\n", "x = abd\n#", ["abc"]),
        ("x = abc\n", "x = abcd#", ["abc"]),  # it would have gone on
        ("x = abc\n", "x = abc(#", []),  # what comes behind is another token's matter
        ("x = abc\n", "x(= abc\n#", ["="]),  # behind x it would have written (
        ("x = abc\n", "x== abc\n#", []),  # the space does not count
        ("x = abc\n", "x ==abc\n#", ["=", "abc"]),  # == is another token than =
        ("x=abc\n", "x =bc\n#", ["=", "abc"]),  # a space where there is none is not tried
        ("a\n\n    b\n", "a\n     b\n#", []),  # a line's indentation is given
        ("a\n\n    b\n", "a(\n    b\n#", ["\n"]),
        ("x = \\\n  1\n", "x = \\\n  1\n#", []),  # so is what joins two lines
        ("x = 1.5\n", "x = 1.57#", ["1.5"]),
        ("é = 'ö'\n", "é = 'ö'\n#", []),
        ("é = 'ö'\n", "é = 'ä'\n#", ["'ö'"]),
    ],
)
def test_in_plain_words(text: str, likeliest: str, wrong: list[str]) -> None:
    assert [token for token, right, _ in judged(text, likeliest) if not right] == wrong


@pytest.mark.parametrize(
    ("text", "likeliest", "right", "begun"),
    [
        ("x = 'ab'\n", "x = 'ab'\n#", True, True),
        ("x = 'ab'\n", "x = 'zz'\n#", False, True),
        ("x = 'ab'\n", "x = \"ab'\n#", False, False),  # CodeXGLUE keeps the kind of quote
        ("x = f'ab'\n", "x = f'zz'\n#", False, True),
        ("x = f'ab'\n", "x = b'ab'\n#", False, False),
        ("x = '''a'''\n", "x = '''b'''\n#", False, True),
        ("x = '''a'''\n", "x = ''a''''\n#", False, False),
        ("x = ''\n", "x = '')#", True, True),
        ("x = ''\n", "x = '''#", False, True),  # it would have gone on to three
        ("x = 12\n", "x = 12\n#", True, True),
        ("x = 12\n", "x = 99\n#", False, True),
        ("x = 12\n", "x = y2\n#", False, False),
    ],
)
def test_literals(text: str, likeliest: str, right: bool, begun: bool) -> None:
    assert judged(text, likeliest)[-1][1:] == (right, begun)


def test_java_brackets_that_look_like_an_operator() -> None:
    text = "class A { List<List<B>> x; }\n"
    assert all(right for _, right, _ in judged(text, text + "#", "java"))
    line = "class A {\n  int x;\n}\n"  # line ends are white space: any will do
    assert all(right for _, right, _ in judged(line, "class A {   int x; }\n#", "java"))
    assert [row[0] for row in judged(line, "class A {B  int x;\n}\n#", "java") if not row[1]] == ["int"]


def greedy(model: Model, text: str, rows: list[Lexeme]) -> tuple[list[bool], list[bool]]:
    """Decode in earnest at each token, from the end of the one before: is it right, and is it spelt as in the file?

    A line's first token is decoded behind the true line end and indentation.
    """
    pieces = model.vocab.pieces()
    ids = model.vocab.encode(text)
    ends = np.cumsum([len(pieces[token]) for token in ids]).tolist()
    right, as_spelt = [], []
    read, (log_probs_BTV, true_state) = 0, model.run([[DOC]], model.initial_state(1))
    for i, row in enumerate(rows):
        before = rows[i - 1] if i else None
        whole = next(place for place, end in enumerate(ends) if end > row.start)
        start = whole
        if before is not None and before.kind != "newline" and not text[before.end : row.start].strip():
            start = next(place for place, end in enumerate(ends) if end > before.end)
        if start > read:
            log_probs_BTV, true_state = model.run([ids[read:start]], true_state)
            read = start
        log_probs_V, state = log_probs_BTV[0, -1], true_state
        written = b""
        chosen: list[int] = []
        token = text[row.start : row.end].encode()
        while len(written.lstrip(b" \t")) <= len(token) and len(chosen) < 400:
            chosen.append(int(log_probs_V.argmax()))
            written += pieces[chosen[-1]]
            if chosen[-1] == DOC:
                break
            answer_BTV, state = model.run([[chosen[-1]]], state)
            log_probs_V = answer_BTV[0, -1]
        bare = written.lstrip(b" \t")
        behind = bare[len(token) :].decode("utf-8", "replace")[:1]
        true_last = next(place for place, end in enumerate(ends) if end >= row.end)
        spelt = chosen[: true_last + 1 - start] == ids[start : true_last + 1]
        ends_there = (
            row.kind in ("newline", "string")
            or not behind
            or not extends(token.decode(), behind)
            or (spelt and chosen[true_last + 1 - start :][:1] == ids[true_last + 1 : true_last + 2])
        )
        right.append(bare.startswith(token) and ends_there)
        as_spelt.append(spelt)
    return right, as_spelt


@pytest.mark.parametrize("vocab", [CharVocab(), BpeVocab.train([TEXT, OTHER], 700)], ids=["characters", "sub-words"])
def test_as_decoding_in_earnest(vocab) -> None:
    text = TEXT
    model = NgramModel(OTHER, text[: len(text) // 2], order=8, vocab=vocab)
    rows = lexemes(text, "python")
    (predictions,) = predict_texts(model, [text])
    found = hits(text, rows, predictions, vocab.pieces(), "python").right.tolist()
    expected, as_spelt = greedy(model, text, rows)
    assert len(rows) > 300
    assert 0.3 < np.mean(expected) < 0.95  # both kinds are there
    for row, ours, earnest, spelt in zip(rows, found, expected, as_spelt, strict=True):
        if spelt or not earnest:
            assert ours == earnest, (text[row.start : row.end], row)
    # Right, but in other white space or other pieces: counted only where the first piece shows it.
    odd = [ours for ours, earnest, spelt in zip(found, expected, as_spelt, strict=True) if earnest and not spelt]
    assert len(odd) < 0.05 * len(rows)


def test_operators_that_the_vocabulary_joins_fall_together() -> None:
    text = "x[::2]\n" * 30
    vocab = BpeVocab.train([text], 300)
    assert b"::" in [vocab.pieces()[token] for token in vocab.encode(text)]
    (predictions,) = predict_texts(NgramModel(text, vocab=vocab), [text])
    rows = lexemes(text, "python")
    found = hits(text, rows, predictions, vocab.pieces(), "python")
    assert len(found.right) == len(rows)
    assert found.right[-7:].all()
    predictions.likeliest[:] = vocab.encode(":")[0]  # never the joined one
    found = hits(text, rows, predictions, vocab.pieces(), "python")
    assert not found.right[[text[row.start : row.end] == ":" for row in rows]].any()
