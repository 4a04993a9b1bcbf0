"""Cleaning against CPython's own parser and tokenizer, on real code and on every oddity of Python's syntax."""

from __future__ import annotations

import ast
import io
import sysconfig
import tokenize
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.corpus.clean import CleanConfig, Cleaned, Dropped, clean
from codling.errors import CorpusError

STDLIB = Path(sysconfig.get_path("stdlib"))
PLAIN = CleanConfig(mask_secrets=False, max_bytes=10_000_000)


def cleaned(source: str | bytes, language: str = "python", **options: object) -> str:
    result = clean(source, language, CleanConfig(**options))  # type: ignore[arg-type]
    assert isinstance(result, Cleaned), result
    return result.text


class Reduced(ast.NodeTransformer):
    """What cleaning does, done to CPython's tree: the oracle."""

    def visit_List(self, node: ast.List) -> ast.AST:
        return ast.List([], node.ctx) if _lines(node) > 100 else self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        return ast.Tuple([], node.ctx) if _lines(node) > 100 else self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        return ast.Dict([], []) if _lines(node) > 100 else self.generic_visit(node)

    def visit_Set(self, node: ast.Set) -> ast.AST:
        empty = ast.Call(ast.Name("set", ast.Load()), [], [])
        return empty if _lines(node) > 100 else self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body:
                kept = [statement for statement in body if not _is_prose(statement)]
                setattr(node, name, kept if kept or isinstance(node, ast.Module) else [ast.Pass()])
        return node


def _lines(node: ast.expr) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_prose(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def parsed(source: str | bytes) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def assert_same_but_reduced(source: str | bytes, text: str) -> None:
    assert ast.dump(Reduced().visit(parsed(source))) == ast.dump(parsed(text))
    assert not [
        token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type == tokenize.COMMENT
    ]


def assert_tidy(text: str) -> None:
    assert "\r" not in text
    assert not text or (text.endswith("\n") and not text.endswith("\n\n") and not text.startswith("\n"))


@pytest.mark.parametrize(
    "folder", [".", "asyncio", "email", "json", "multiprocessing", "unittest", "encodings", "lib2to3"]
)
def test_real_modules_keep_their_meaning(folder: str) -> None:
    """The tree of a cleaned module is the module's own, less prose and large literals; cleaning is idempotent."""
    num_cleaned = 0
    for path in sorted((STDLIB / folder).glob("*.py"))[:40]:
        source = path.read_bytes()
        result = clean(source, "python", PLAIN)
        assert isinstance(result, Cleaned), (path, result)
        assert_same_but_reduced(source, result.text)
        assert_tidy(result.text)
        assert clean(result.text, "python", PLAIN).text == result.text, path  # type: ignore[union-attr]
        num_cleaned += 1
    if (STDLIB / folder).is_dir():
        assert num_cleaned > 3


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = '# no comment'  # a comment\n", "x = '# no comment'\n"),
        ("# top\n\nimport os\n", "import os\n"),
        ("x = 1\n\n# about y\n\ny = 2\n", "x = 1\n\ny = 2\n"),
        ("x = 1\n\n\n\n\n\ny = 2\n", "x = 1\n\n\ny = 2\n"),
        ("x = 1   \n\t\n", "x = 1\n"),
        ("x = 1", "x = 1\n"),
        ("", ""),
        ("# only a comment", ""),
        ('"""Only documentation."""\n', ""),
        ('def f():\n    """Doc."""\n', "def f():\n    pass\n"),
        ('def f():\n    """Doc."""\n\n    return 1\n', "def f():\n    return 1\n"),
        ('def f(): "doc"\n', "def f(): pass\n"),
        ('def f(): "doc"; return 1\n', "def f(): return 1\n"),
        ('"a"; x = 1; "b"\n', "x = 1\n"),
        ('class A:\n    x: int = 1\n    "About x."\n', "class A:\n    x: int = 1\n"),
        ('class A:\n    "a" "b"\n    ("c")\n', "class A:\n    pass\n"),
        ('def f():\n    f"{x}"\n', 'def f():\n    f"{x}"\n'),
        ('def f():\n    b"bytes"\n', 'def f():\n    b"bytes"\n'),
        ('if x:\n    # why\n    "doc"  # and more\n    # end\nelse:\n    y\n', "if x:\n    pass\nelse:\n    y\n"),
        ("x = [  # first\n    1,\n    # second\n    2,\n]\n", "x = [\n    1,\n    2,\n]\n"),
        ("if x:\n\ty = 1 # tab\n", "if x:\n\ty = 1\n"),
        ("x = 1\n\f\ndef f():\n    pass\n", "x = 1\n\ndef f():\n    pass\n"),
        ("x = 1\n\fy = 2\n", "x = 1\ny = 2\n"),
        ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
        ("x = 1\ry = 2\r", "x = 1\ny = 2\n"),
        ('x = """a\r\n  \r\n\r\n\r\n\r\nb  \r\n"""\r\n', 'x = """a\n  \n\n\n\nb  \n"""\n'),
        ("x = 1 + \\\n    2\n", "x = 1 + \\\n    2\n"),
        ("x = 1 \\\n# comment ends the line\ny = 2\n", "x = 1 \\\n\ny = 2\n"),
        ("\ufeffx = 1\n", "x = 1\n"),
        ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nx = 'ü'\n", "x = 'ü'\n"),
        ("x = '''\n# in a string\n'''  # after\n", "x = '''\n# in a string\n'''\n"),
        ("x = 'a\\\n  # in a string'\n", "x = 'a\\\n  # in a string'\n"),
    ],
)
def test_cases(source: str, expected: str) -> None:
    assert cleaned(source) == expected
    assert cleaned(expected) == expected


def test_docstrings_stay_when_asked() -> None:
    source = '"""Doc."""\n\n\ndef f():\n    """About f.\n\n    # not a comment\n    """  # a comment\n'
    assert cleaned(source, keep_docstrings=True) == source.replace("  # a comment", "")


@pytest.mark.parametrize(("opening", "closing", "empty"), [("[", "]", "[]"), ("(", ")", "()"), ("{", "}", "set()")])
def test_large_literals_become_empty(opening: str, closing: str, empty: str) -> None:
    items = "".join(f"    {i},\n" for i in range(120))
    assert cleaned(f"x = {opening}\n{items}{closing}\ny = 1\n") == f"x = {empty}\ny = 1\n"
    small = f"x = {opening}\n{''.join(f'    {i},' + chr(10) for i in range(98))}{closing}\n"
    assert cleaned(small) == small, "100 lines are not more than 100"
    assert len(cleaned(f"x = {opening}\n{items}{closing}\n", max_literal_lines=0)) > 120


def test_a_large_dictionary_goes_from_the_outside() -> None:
    rows = "".join(f"    'k{i}': [\n        {i},\n    ],\n" for i in range(60))
    assert cleaned(f"f(x={{\n{rows}}}, y=2)\n") == "f(x={}, y=2)\n"


def test_declared_encodings() -> None:
    assert cleaned("# coding: latin-1\nx = 'é'\n".encode("latin-1")) == "x = 'é'\n"
    assert cleaned("\ufeffx = 'é'\n".encode()) == "x = 'é'\n"
    assert clean(b"x = '\xe9'\n", "python") == Dropped("encoding", "invalid or missing encoding declaration")
    assert clean(b"# coding: no-such\nx = '\xe9'\n", "python").reason == "encoding"  # type: ignore[union-attr]
    assert clean(b"# coding: rot13\nx = '\xe9'\n", "python").reason == "encoding"  # type: ignore[union-attr]
    assert clean("x = '\ud800'", "python").reason == "encoding"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "source",
    [
        "print 'x'\n",
        "exec 'x'\n",
        "raise E, 'x'\n",
        "try:\n    pass\nexcept A, e:\n    pass\n",
        "x = 0777\n",
        "if x:\ny\n",
        "def f(:\n",
        "x = {{ cookiecutter.name }} +\n",
        "import {{ name }}\n",
    ],
)
def test_what_is_no_python_3_is_dropped(source: str) -> None:
    result = clean(source, "python")
    assert isinstance(result, Dropped)
    assert result.reason == "not-parsing"


def test_syntax_newer_than_this_interpreter_is_kept() -> None:
    assert cleaned("type X = int  # alias\n") == "type X = int\n"
    assert cleaned("def f[T](x: T) -> T:  # generic\n    return x\n") == "def f[T](x: T) -> T:\n    return x\n"
    assert cleaned('x = f"{a["b"]}"  # nested\n') == 'x = f"{a["b"]}"\n'


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"\x7fELF\0\0", "binary"),
        (b"x = '" + b"a" * 1_100_000 + b"'\n", "too-large"),
        (b"(" * 200_000, "not-parsing"),
        (b"(" * 5_000 + b")" * 5_000, "not-parsing"),
        (b"x = " + b"-" * 100_000 + b"1\n", "not-parsing"),
        (b"x" + b".a" * 100_000 + b"\n", "not-parsing"),
        (b"".join(b" " * i + b"if x:\n" for i in range(800)) + b" " * 800 + b"pass\n", "not-parsing"),
    ],
)
def test_absurd_input_has_a_reason(source: bytes, reason: str) -> None:
    result = clean(source, "python")
    assert isinstance(result, Dropped)
    assert result.reason == reason


def test_many_docstrings_do_not_take_quadratic_time() -> None:
    assert cleaned('"a"\n' * 100_000 + "x = 1\n") == "x = 1\n"


JAVA = """\
package a; // the package
/* A licence. */
/**
 * Documentation.
 */
public class A {
    // a comment
    int x = 1; /* after */

    String s = "/* no comment */ // neither";
    int/*here*/y;
}
"""


def test_java() -> None:
    expected = (
        'package a;\npublic class A {\n    int x = 1;\n\n    String s = "/* no comment */ // neither";\n    int y;\n}\n'
    )
    assert cleaned(JAVA, "java") == expected
    assert "/**\n * Documentation.\n */\npublic" in cleaned(JAVA, "java", keep_docstrings=True)
    rows = "".join(f"        {i},\n" for i in range(120))
    assert cleaned(f"class A {{\n    int[] x = {{\n{rows}    }};\n}}\n", "java") == "class A {\n    int[] x = {};\n}\n"
    assert clean("class A {", "java") == Dropped("not-parsing", "syntax error")


def test_unknown_language() -> None:
    with pytest.raises(CorpusError, match="did you mean 'python'"):
        clean("x", "pyhton")


STATEMENTS = (
    "x = 1",
    "x = '#'; y = \"# '\"",
    "s = '''a\n   # b\n\n\n\n   '''",
    "t = f'{x!r:>{w}} # {y}'",
    "z = [\n    1,  # one\n    # two\n    2,\n]",
    "w = 1 + \\\n    2",
    '"""doc\n# doc\n"""',
    "'a' 'b'",
    "('c')",
    "def f(a, b=1):  # f\n    '''doc'''\n    return a  # a",
    "class A:\n    'doc'\n    # nothing more",
    "if x:\n    pass\n# between\nelse:\n    # why\n    'why'",
    "# comment",
    "#!weird",
    "@d  # decorated\ndef g():  # g\n\n    # first\n\n    'doc'; y = 1; 'more'",
    "match x:\n    case [1, 2]:  # two\n        'doc'\n    case _: pass",
    "\f",
    "   ",
    "",
    "async def h():\n\t'tab'\n\tawait x\t# tab",
    "x = 'é🐟'  # ü",
)


@given(
    st.lists(st.sampled_from(STATEMENTS), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n", "\n\n\n\n"]),
)
@settings(max_examples=200, deadline=None)
def test_any_mixture_of_oddities(statements: list[str], line_end: str, end: str) -> None:
    source = ("\n".join(statements) + end).replace("\n", line_end)
    text = cleaned(source)
    assert_same_but_reduced(source.encode(), text)
    assert_tidy(text)
    assert cleaned(text) == text


@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_nothing_raises(source: str | bytes) -> None:
    for language in ("python", "java"):
        assert isinstance(clean(source, language), Cleaned | Dropped)
