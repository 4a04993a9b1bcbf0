"""The guard lets real code pass and stops what goes round in circles."""

from __future__ import annotations

import argparse
import ast
import subprocess
import textwrap
import tokenize
from pathlib import Path

import pytest

from codling.engine.loops import MAX_BLANK_LINES, MAX_INDENT, LoopGuard


def stopped_at(text: str, context: str = "") -> int | None:
    """Where the guard would first forbid the next character of a text."""
    guard = LoopGuard(context)
    for at, character in enumerate(text):
        if character in guard.forbidden():
            return at
        guard.push(character)
    return None


@pytest.mark.parametrize("module", [argparse, ast, subprocess, textwrap, tokenize])
def test_real_files_pass(module: object) -> None:
    """A sample from a perfect model would be such a file, so almost nothing in it may look like a loop."""
    source = Path(module.__file__).read_text(encoding="utf-8")  # type: ignore[attr-defined]
    guard = LoopGuard(source)
    caught = 0
    for character in source:
        caught += character in guard.forbidden()
        guard.push(character)
    assert caught <= len(source) / 20_000


@pytest.mark.parametrize(
    "code",
    [
        "row = [0, 0, 0, 0, 0, 0, 0, 0]\n",
        "=" * 79 + "\n",
        "# " + "-" * 77 + "\n",
        "mask = 0x0000000000000000\n",
        "assert matrix == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]\n",
        "                    deep = 1\n" * 2,
        "    )\n" * 3,
        "import a\n\n\ndef f():\n    pass\n\n\ndef g():\n    pass\n\n\ndef h():\n    pass\n",
        "\t\t\tif (a) {\n\t\t\t}\n",
        "self.a, self.b, self.c, self.d, self.e, self.f, self.g, self.h = row\n",
        "x = x.replace('a', 'b').replace('c', 'd').replace('e', 'f').replace('g', 'h')\n",
    ],
)
def test_legitimate_repetition_passes(code: str) -> None:
    assert stopped_at(code) is None


@pytest.mark.parametrize(
    ("loop", "at_most"),
    [
        (" ", MAX_INDENT),
        ("\t", MAX_INDENT // 4),
        ("\n", MAX_BLANK_LINES + 1),
        ("    \n", 30),
        ("a", 24),
        (")", 24),
        ("=", 81),
        ("0, ", 90),
        ("self.", 90),
        ("    x = np.array(x)\n", 100),
        ("        self.assertEqual(self.value, other.value)\n", 200),
        ("if a:\n    pass\nelse:\n    return [b for b in c]\n", 200),
    ],
)
def test_loops_are_stopped(loop: str, at_most: int) -> None:
    at = stopped_at(loop * 400)
    assert at is not None
    assert at <= at_most


def test_what_the_file_does_is_plausible() -> None:
    deep = " " * 60 + "argument,\n"
    assert stopped_at(deep) is not None
    assert stopped_at(deep, context="def f(\n" + deep) is None


def test_the_context_s_own_repetition_is_not_held_against_the_sample() -> None:
    assert stopped_at("0, 0, 0]\n", context="table = [" + "0, " * 100) is None


def test_the_same_loop_again_is_stopped_sooner_and_then_for_good() -> None:
    guard = LoopGuard()
    lengths = []
    while not guard.stuck:
        length = 0
        while " " not in guard.forbidden():
            guard.push(" ")
            length += 1
        guard.broke()
        lengths.append(length)
        guard.push("x")
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < lengths[0] / 4
    assert len(lengths) == 4


def test_a_sample_that_found_its_way_out_is_forgiven() -> None:
    guard = LoopGuard()
    guard.broke()
    for character in Path(textwrap.__file__).read_text(encoding="utf-8")[:2_000]:
        guard.push(character)
    assert guard.num_breaks == 0
