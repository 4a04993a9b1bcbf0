"""The files that a model is measured on, and the projects that they stand in."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codling.errors import InputError
from codling.evaluate.lexemes import Lexeme, lexemes

__all__ = ["Sample", "SourceFile", "draw_files", "parsed_by_language"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """A file to measure on, as the model is to read it."""

    name: str
    "What it is called in reports; no two have the same."
    text: str
    language: str
    "Empty where nobody knows; such a text has no lexical tokens."
    project: str = ""
    "All files of one name know each other."
    path: str = ""
    "Within the project, with / between folders."
    root: Path | None = None
    "The project's folder; None for a file by itself."


@dataclass(frozen=True, slots=True)
class Sample:
    """The files drawn, with their tokens."""

    files: tuple[SourceFile, ...]
    lexemes: Mapping[str, list[Lexeme]]
    "By name; empty for a file without a known language or that does not parse."
    unparsed: tuple[str, ...]
    "Names of the files that do not parse."

    @property
    def texts(self) -> dict[str, str]:
        """Those that have tokens."""
        return {file.name: file.text for file in self.files if self.lexemes[file.name]}


def draw_files(files: Sequence[SourceFile], max_tokens: int = 0, seed: int = 0) -> Sample:
    """Draw files until they have so many lexical tokens; at least one, and each is taken whole.

    Args:
        max_tokens: 0 for all files.

    Returns:
        The sample, in the order of the files that were given.
    """
    order = list(range(len(files)))
    if max_tokens:
        random.Random(seed).shuffle(order)
    found: dict[int, list[Lexeme]] = {}
    unparsed: list[str] = []
    num_tokens = 0
    for i in order:
        file = files[i]
        found[i] = []
        if file.language:
            try:
                found[i] = lexemes(file.text, file.language)
            except InputError:
                unparsed.append(file.name)
        num_tokens += len(found[i])
        if max_tokens and num_tokens >= max_tokens:
            break
    drawn = sorted(found)
    return Sample(tuple(files[i] for i in drawn), {files[i].name: found[i] for i in drawn}, tuple(sorted(unparsed)))


def parsed_by_language(files: Sequence[SourceFile]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Texts by language and name, and the names of the files that do not parse or whose language nobody knows."""
    sample = draw_files(files)
    texts: dict[str, dict[str, str]] = {}
    for file in sample.files:
        if sample.lexemes[file.name]:
            texts.setdefault(file.language, {})[file.name] = file.text
    return dict(sorted(texts.items())), sorted(file.name for file in sample.files if not sample.lexemes[file.name])
