"""codling sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import call_codling


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny: Path):
    def run(*arguments: object, stdin: bytes = b"", model: Path = tiny) -> tuple[int, str, str]:
        return call_codling(["sample", *arguments, "--model", model], stdin, monkeypatch, capsys)

    return run


def test_repeatable(run) -> None:
    code, first, err = run("import os", "--seed", 4, "--length", 60)
    assert (code, err, len(first)) == (0, "", 61)
    assert run("import os", "--seed", 4, "--length", 60)[1] == first
    assert run("import os", "--seed", 5, "--length", 60)[1] != first


def test_a_drawn_seed_repeats_the_sample(run) -> None:
    answer = json.loads(run("import os", "--json", "--length", 40)[1])
    again = json.loads(run("import os", "--json", "--length", 40, "--seed", answer["seed"])[1])
    assert again["text"] == answer["text"]
    assert answer["num_chars"] == 40
    assert answer["ms"] > 0


def test_where_the_prompt_comes_from(run, tmp_path: Path) -> None:
    path = tmp_path / "prompt.py"
    path.write_text("import os", encoding="utf-8")
    expected = run("import os", "--seed", 4, "--length", 30)[1]
    assert run("-", "--seed", 4, "--length", 30, stdin=b"import os")[1] == expected
    assert run("--prompt-file", path, "--seed", 4, "--length", 30)[1] == expected


def test_greedy(run) -> None:
    greedy = run("import os", "--greedy", "--length", 30)[1]
    assert run("import os", "--temperature", 0, "--length", 30)[1] == greedy
    assert run("import os", "--top-k", 1, "--length", 30)[1] == greedy


def test_the_loop_of_spaces(run, space_lover: Path) -> None:
    stuck = run("x", "--seed", 1, "--no-loop-guard", "--length", 500, model=space_lover)[1]
    assert " " * 400 in stuck
    freed = run("x", "--seed", 1, "--length", 500, model=space_lover)[1]
    assert " " * 41 not in freed


@pytest.mark.parametrize(
    "wrong",
    [
        ("x", "--temperature", "-1"),
        ("x", "--top-p", "2"),
        ("x", "--length", "-5"),
        ("x", "--prompt-file", "also.py"),
        ("--prompt-file", "missing.py"),
    ],
)
def test_mistakes_are_one_line(run, wrong: tuple) -> None:
    code, out, err = run(*wrong)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_a_prompt_that_is_no_text(run) -> None:
    assert run("-", stdin=b"\xff\xfe")[0] == 2
    assert run("-", stdin=b"a\0b")[0] == 2
