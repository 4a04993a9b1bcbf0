"""What is masked, and above all what is not."""

from __future__ import annotations

import ast

import pytest

from codling.corpus.clean import CleanConfig, Cleaned, clean

# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
SLACK = "xoxb-" + "123456789012-abcdefghijkl"


def masked(source: str) -> str:
    result = clean(source, "python")
    assert isinstance(result, Cleaned), result
    ast.parse(result.text)
    again = clean(result.text, "python")
    assert isinstance(again, Cleaned)
    assert again.text == result.text, "a mask is masked again"
    return result.text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"key = '{AWS}'\n", "key = '<key>'\n"),
        (f"headers = {{'Authorization': 'token {GITHUB}'}}\n", "headers = {'Authorization': 'token <key>'}\n"),
        (f"x = f'{{a}} {SLACK} {{b}}'\n", "x = f'{a} <key> {b}'\n"),
        ("db = 'postgres://me:hunter2secret@db.local/x'\n", "db = 'postgres://me:<key>@db.local/x'\n"),
        ("password = 'q8Zr2LmX0vT5nB7c'\n", "password = '<key>'\n"),
        ("c = {'api_key': 'q8Zr2LmX0vT5nB7c'}\n", "c = {'api_key': '<key>'}\n"),
        ("author = 'Ada <ada.lovelace@analytical.org>'\n", "author = 'Ada <<email>>'\n"),
        ("x = 'a\\nada@analytical.org'\n", "x = 'a\\n<email>'\n"),
        ("x = '''\nada@analytical.org\n'''\n", "x = '''\n<email>\n'''\n"),
        ("x = b'ada@analytical.org'\n", "x = b'<email>'\n"),
    ],
)
def test_masked(source: str, expected: str) -> None:
    assert masked(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "x = a@b.T\n",  # matrices
        "@app.route('/')\ndef f():\n    pass\n",
        "url = 'git@github.com:a/b.git'\n",
        "x = 'user@example.com'\n",
        "x = 'a @ b.org'\n",
        "password = 'correct horse battery staple'\n",
        "password = 'aaaaaaaaaaaaaaaaaaaaaaaa'\n",
        "tokenizer = 'GPT2BPETokenizer'\n",
        "token = 'start_of_sequence'\n",
        "url = 'http://localhost:8080/x@y'\n",
        "url = f'https://{user}:{password}@host'\n",
        "sha = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'\n",
    ],
)
def test_left_alone(source: str) -> None:
    assert masked(source) == source


def test_only_strings_are_masked() -> None:
    assert masked(f"{AWS} = 1\n") == f"{AWS} = 1\n"


def test_masking_can_be_left_out() -> None:
    source = f"key = '{AWS}'\n"
    assert clean(source, "python", CleanConfig(mask_secrets=False)) == Cleaned(source)


def test_documentation_that_is_kept_is_masked() -> None:
    result = clean('"""By ada@analytical.org."""\n', "python", CleanConfig(keep_docstrings=True))
    assert isinstance(result, Cleaned)
    assert (result.text, result.num_masked) == ('"""By <email>."""\n', 1)
    java = clean("/** By ada@analytical.org. */\nclass A {}\n", "java", CleanConfig(keep_docstrings=True))
    assert isinstance(java, Cleaned)
    assert java.text == "/** By <email>. */\nclass A {}\n"
