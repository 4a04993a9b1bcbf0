"""Where a suggested block ends."""

from __future__ import annotations

import pytest

from codling.complete.block import MAX_LINES, BlockEnd
from codling.complete.context import prepare


def ended(prefix: str, text: str, language: str | None = None) -> str | None:
    """The block, from feeding the text character by character as a decoder does; None if it has no end."""
    find_end = BlockEnd(prepare(prefix), language)
    for size in range(1, len(text) + 1):
        end = find_end(text[:size])
        if end is not None:
            return text[:end]
    return None


@pytest.mark.parametrize(
    ("prefix", "text", "block"),
    [
        # the cursor's line opens a block
        ("def f(x):", "\n    y = x\n\n    return y\n\n\ndef g", "\n    y = x\n\n    return y"),
        ("class A:\n    def f(self", "):\n        return 1\n\n    def g", "):\n        return 1"),
        ("    if a:", "\n        b()\n    c()", "\n        b()"),
        # it stands in one
        ("def f(x):\n    y", " = x\n    return y\n\ndef g", " = x\n    return y"),
        (
            "def f(x):\n    ",
            "y = x\n    if y:\n        z\n    return y\nx",
            "y = x\n    if y:\n        z\n    return y",
        ),
        ("def f(x):\n", "    y = x\n    return y\n\n\nx", "    y = x\n    return y"),
        # nothing is indented less
        ("import os", "\nimport sys\n\nx = 1", "\nimport sys"),
        # brackets
        ("x = f(", "\n    a,\n    b,\n)\ny", "\n    a,\n    b,\n)"),
    ],
)
def test_python(prefix: str, text: str, block: str) -> None:
    assert ended(prefix, text) == block


def test_java_keeps_the_closing_brace() -> None:
    prefix = "class A {\n    int f(int x) {"
    text = "\n        return x;\n    }\n\n    int g() {"
    assert ended(prefix, text, "java") == "\n        return x;\n    }"
    text = "\n        if (x) {\n            y();\n        } else {\n            z();\n        }\n    }\n}"
    assert ended(prefix, text, "java") == text.removesuffix("\n}")


def test_not_ended_while_the_indentation_is_being_written() -> None:
    find_end = BlockEnd(prepare("def f():\n    x"))
    assert find_end(" = 1") is None
    assert find_end(" = 1\n") is None
    assert find_end(" = 1\n  ") is None
    assert find_end(" = 1\n    y") is None
    assert find_end(" = 1\n  y") == len(" = 1")


def test_bounded() -> None:
    block = ended("def f():", "\n    x = x + 1" * 100)
    assert block is not None
    assert block.count("\n") == MAX_LINES - 1
