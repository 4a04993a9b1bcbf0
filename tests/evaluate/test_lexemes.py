"""Tokens are those of the language's own tokenizer."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import io
import keyword
import textwrap
import token as token_types
import tokenize
from collections import Counter

import pytest

from codling.corpus.clean import CleanConfig, Cleaned, clean
from codling.errors import CorpusError, InputError
from codling.evaluate.lexemes import KINDS, lexemes

JAVA = """
import java.util.*;

@Override public class A<T extends List<List<Integer>>> {
    /** Prose. */ int x = 0x1F, y = .5e3; char c = '"'; String s = "a \\" b"; // a comment
    void f(int... a) { x >>>= 1; this.x++; Runnable r = A::new; for (;;) {} }
}
"""


def texts(source: str, language: str = "python") -> list[str]:
    return [source[found.start : found.end] for found in lexemes(source, language)]


def as_cpython_has_it(source: str) -> list[str]:
    """CPython's tokens in the way that CodeXGLUE's preprocessing keeps them."""
    kept: list[str] = []
    for found in tokenize.generate_tokens(io.StringIO(source).readline):
        if found.type in (token_types.NEWLINE, token_types.NL):
            if kept and kept[-1] != "\n":
                kept.append("\n")
        elif found.type not in (token_types.COMMENT, token_types.INDENT, token_types.ENDMARKER) and found.string:
            kept.append(found.string)
    return kept[:-1] if kept and kept[-1] == "\n" else kept


@pytest.mark.parametrize("module", [textwrap, dataclasses, argparse, ast, tokenize])
def test_python_as_cpython_has_it(module) -> None:
    cleaned = clean(inspect.getsource(module).encode(), "python", CleanConfig())
    assert isinstance(cleaned, Cleaned)
    has_fstring = "f'" in cleaned.text or 'f"' in cleaned.text
    if not (has_fstring and hasattr(token_types, "FSTRING_START")):  # several tokens from Python 3.12 on
        assert texts(cleaned.text) == as_cpython_has_it(cleaned.text)
    kinds = Counter(row.kind for row in lexemes(cleaned.text, "python"))
    assert set(kinds) == set(KINDS)


def test_kinds() -> None:
    source = "if x not in [1.5, 'é']:\n    return None, f'{x}'  # why\n\n\n@a\nclass B: pass\n"
    rows = [(source[row.start : row.end], row.kind[0]) for row in lexemes(source, "python")]
    assert rows == [
        ("if", "k"), ("x", "i"), ("not", "k"), ("in", "k"), ("[", "o"), ("1.5", "n"), (",", "o"), ("'é'", "s"),
        ("]", "o"), (":", "o"), ("\n", "n"), ("return", "k"), ("None", "k"), (",", "o"), ("f'{x}'", "s"), ("\n", "n"),
        ("@", "o"), ("a", "i"), ("\n", "n"), ("class", "k"), ("B", "i"), (":", "o"), ("pass", "k"),
    ]  # fmt: skip


def test_words_of_the_language_are_keywords() -> None:
    for module in (argparse, ast):
        source = inspect.getsource(module)
        for row in lexemes(source, "python"):
            word = source[row.start : row.end]
            if row.kind == "identifier":
                assert not keyword.iskeyword(word)
            elif row.kind == "keyword":
                assert keyword.iskeyword(word) or keyword.issoftkeyword(word)


def test_java() -> None:
    expected = (
        "import java . util . * ; @ Override public class A < T extends List < List < Integer > > > { int x = 0x1F , "
        "y = .5e3 ; char c = CHAR ; String s = STRING ; void f ( int ... a ) { x >>>= 1 ; this . x ++ ; "
        "Runnable r = A :: new ; for ( ; ; ) { } } }"
    )
    literals = {"CHAR": "'\"'", "STRING": '"a \\" b"'}
    assert texts(JAVA, "java") == [literals.get(word, word) for word in expected.split(" ")]
    kinds = {JAVA[row.start : row.end]: row.kind for row in lexemes(JAVA, "java")}
    assert kinds["0x1F"] == kinds[".5e3"] == "number"
    assert kinds["'\"'"] == kinds['"a \\" b"'] == "string"
    assert kinds["List"] == kinds["x"] == "identifier"
    assert kinds["int"] == kinds["this"] == kinds["void"] == "keyword"
    assert kinds[">>>="] == kinds["@"] == "operator"
    assert "\n" not in kinds  # line ends are white space there


def test_prose_and_joined_lines_do_not_count() -> None:
    source = '"""Doc."""\ndef f():\n    \'a\' "b"\n    # c \\\n    x = \\\n        1\n    g("s")\n'
    assert texts(source) == 'def f ( ) : | x = 1 | g ( "s" )'.replace("|", "\n").split(" ")


def test_what_does_not_parse() -> None:
    with pytest.raises(InputError, match="does not parse as python"):
        lexemes("def f(:\n", "python")
    with pytest.raises(CorpusError, match="unknown language"):
        lexemes("x", "pyhton")


def test_nothing() -> None:
    assert lexemes("", "python") == lexemes("\n# only a comment\n", "python") == []
