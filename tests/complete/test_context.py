"""What the model reads of a file, and what the file gets of its answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.complete.context import INDENT, MAX_PREFIX, prepare
from codling.errors import InputError


def test_plain() -> None:
    context = prepare("import os\n\ndef f():\n    return os", ".path\n\n\nprint(1)\n")
    assert context.text == "import os\n\ndef f():\n    return os"
    assert context.line == "    return os"
    assert context.indent == 4
    assert context.rest == ".path"
    assert context.next_line == "print(1)"
    assert not context.on_blank_line


def test_windows_line_ends() -> None:
    context = prepare("if a:\r\n    b", "\r\nc\r\n")
    assert context.text == "if a:\n    b"
    assert context.rest == ""
    assert context.next_line == "c"
    assert context.restore("x\n    y") == "x\r\n    y"


def test_line_ends_of_the_first_line_come_from_below() -> None:
    assert prepare("import", "\r\nimport b\r\n").restore("a\nb") == "a\r\nb"
    assert prepare("import", "\nimport b\n").restore("a\nb") == "a\nb"


def test_tabs() -> None:
    context = prepare("class A:\n\tdef f(self):\n\t\tif x:", "")
    assert context.text == "class A:\n    def f(self):\n        if x:"
    assert context.indent == 8
    assert context.restore("\n            return 1\n        y") == "\n\t\t\treturn 1\n\t\ty"


def test_tabs_on_the_cursor_s_own_line() -> None:
    assert prepare("if x:\n\ty = 1\n", "").restore("    z") == "\tz"
    assert prepare("if x:\n\ty", "").restore("    = 1") == "    = 1"  # not at the line's start


def test_tabs_from_below_when_nothing_above_is_indented() -> None:
    assert prepare("class A:\n", "\tdef g(self):\n\t\tpass\n").step == "\t"
    assert prepare("class A:\n", "    def g(self):\n        pass\n").step == INDENT


def test_a_tab_inside_a_line_stays() -> None:
    assert prepare('x = "a\tb"').text == 'x = "a\tb"'


def test_lone_surrogates_become_replacement_characters() -> None:
    assert prepare("a = '\ud800' # \U0001f41f").text == "a = '\ufffd' # \U0001f41f"


@pytest.mark.parametrize(("prefix", "suffix"), [("a\0b", ""), ("a", "b\0")])
def test_binary(prefix: str, suffix: str) -> None:
    with pytest.raises(InputError, match="NUL"):
        prepare(prefix, suffix)


def test_of_a_huge_file_only_the_end_is_looked_at() -> None:
    line = "value = compute(value)\n"
    context = prepare(line * 3_000_000 + "val", line * 3_000_000)
    assert MAX_PREFIX <= len(context.text) < 2 * MAX_PREFIX
    assert context.line == "val"


def test_a_huge_line() -> None:
    context = prepare("x" * 100_000_000)
    assert MAX_PREFIX <= len(context.line) < 2 * MAX_PREFIX


def test_the_cut_stays_while_someone_types() -> None:
    text = "a = 1\n" * 20_000
    cuts = {len(text[:end]) - len(prepare(text[:end]).text) for end in range(100_000, 100_400)}
    assert len(cuts) == 1


@given(st.text(alphabet=st.sampled_from("ab \t\r\n:é🐟"), max_size=60), st.text(alphabet="ab \r\n\t", max_size=30))
def test_any_text(prefix: str, suffix: str) -> None:
    context = prepare(prefix, suffix)
    assert "\r" not in context.text
    assert context.text.endswith(context.line)
    assert "\n" not in context.line + context.rest
    restored = context.restore("x\n        y")
    assert restored.replace("\r\n", "\n").replace("\t", "    ") == "x\n        y"


@given(
    st.text(alphabet="ab \n", max_size=60),
    st.lists(st.integers(1, 7), max_size=20),
    st.sampled_from(["x\n", "if a:\n\tb\n", "if a:\r\n\tb\r\n", "if a:\n\tb"]),
)
def test_a_stream_is_restored_as_the_whole_is(text: str, sizes: list[int], prefix: str) -> None:
    context = prepare(prefix)
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    pieces.append(text[at:])
    assert "".join(context.restore_stream(piece for piece in pieces)) == context.restore(text)
    assert context.plain(context.restore(text)) == text
