"""What the documents say of the program is so: commands and options exist, links lead somewhere, examples parse."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from codling.cli.app import make_app

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/*.md", "recipes/*/*.md", "editors/*/README.md") for path in ROOT.glob(pattern)
)
_FENCE = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def document(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def fences(path: Path) -> Iterator[tuple[str, str]]:
    """Language and text of each block of code."""
    for indent, language, text in _FENCE.findall(path.read_text(encoding="utf-8")):
        yield language, re.sub(f"^{indent}", "", text, flags=re.MULTILINE)


def commands(path: Path) -> Iterator[list[str]]:
    """The words behind `codling` wherever a block for the shell calls it."""
    for language, text in fences(path):
        if language not in ("", "sh", "bash", "console", "shell"):
            continue
        for line in text.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|[|&;$(]\s*|\bpython -m )codling ([a-z].*)", line.strip())
            if found:
                lexer = shlex.shlex(found[1], posix=True, punctuation_chars=True)
                lexer.whitespace_split = True
                words = list(lexer)
                ends = [i for i, word in enumerate(words) if word and set(word) <= set("|&;<>()")]
                yield words[: ends[0]] if ends else words


def check(words: list[str]) -> None:
    """Fail where a command or an option of it does not exist."""
    command: Any = typer.main.get_command(make_app())
    position = 0
    while hasattr(command, "commands"):
        assert position < len(words), f"{' '.join(words)}: a command is missing"
        name = words[position]
        assert name in command.commands, f"there is no `codling {' '.join(words[: position + 1])}`"
        command, position = command.commands[name], position + 1
    options = {"-h", "--help"} | {
        name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in words[position:]:
        if re.match(r"--?[a-zA-Z]", word):
            assert word.partition("=")[0] in options, f"`codling {' '.join(words[:position])}` has no {word}"


def test_every_command_and_option_exists(document: Path) -> None:
    for words in commands(document):
        check(words)


def test_commands_are_found_and_mistakes_seen() -> None:
    assert sum(1 for path in DOCUMENTS for _ in commands(path)) > 60
    for words in (["serv"], ["serve", "--prot", "1"], ["corpus", "--json"], ["bundle"]):
        with pytest.raises(AssertionError):
            check(words)


def anchors(path: Path) -> set[str]:
    """As GitHub makes them from headings."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in _HEADING.findall(text)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        there = (document.parent / unquote(target)).resolve() if target else document
        assert there.exists(), link
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), link


def test_python_parses(document: Path) -> None:
    for language, text in fences(document):
        if language == "python":
            ast.parse(text)
