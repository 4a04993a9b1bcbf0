"""Whole lines: a file is cut at a random token, and the rest of that line is to be written.

CodeXGLUE's protocol (Lu et al. 2021, line-level code completion): Python to the line's end; Java to the first ``;`` or
``}``, which count, or ``{``, which does not. Lines are compared token by token, so white space does not matter.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codling.evaluate.lexemes import Lexeme, lexemes
from codling.evaluate.similarity import plain_literals, ratio, words_of
from codling.evaluate.tally import share

__all__ = ["CompleteLine", "LineCase", "LineResult", "draw_lines", "measure_lines", "summarise_lines"]

MAX_TRUTH = 400  # characters of a line; longer ones are data

_ATTEMPTS = 20  # cuts tried for each case that is wanted


@dataclass(frozen=True, slots=True)
class LineCase:
    """A cut, and what its author wrote there."""

    path: str
    language: str
    prefix: str
    suffix: str
    "What follows the rest of the line."
    truth: str
    at_start: bool
    "The cut is before the line's first token."


@dataclass(frozen=True, slots=True)
class LineResult:
    """What a completer wrote for a case."""

    case: LineCase
    answer: str
    exact: bool
    similarity: float
    exact_plain: bool
    "The same with literals left empty, as CodeXGLUE does it with the rare ones."
    similarity_plain: float


CompleteLine = Callable[[LineCase], str]
"Writes the rest of the line, or more; what goes beyond the language's end of a line is cut off."


def draw_lines(texts: Mapping[str, str], language: str, num: int, seed: int = 0) -> list[LineCase]:
    """Draw a file, and in it a token before which to cut, until there are num cases; fewer if files have too few.

    Args:
        texts: by path; each must parse.

    Raises:
        InputError: a text does not parse.
    """
    choose = random.Random(seed)
    paths = sorted(texts)
    known: dict[str, list[Lexeme]] = {}
    seen: set[tuple[str, int]] = set()
    cases: list[LineCase] = []
    for _ in range(_ATTEMPTS * num if paths else 0):
        if len(cases) == num:
            break
        path = choose.choice(paths)
        text = texts[path]
        if path not in known:
            known[path] = lexemes(text, language)
        found = known[path]
        if not found:
            continue
        at = choose.randrange(len(found))
        start, end = found[at].start, _line_end(text, found, at, language)
        if found[at].kind == "newline" or end <= start or (path, start) in seen:
            continue
        truth = text[start:end]
        if len(truth) > MAX_TRUTH or (language == "python" and "\n" in truth):
            continue  # a string over several lines
        seen.add((path, start))
        at_start = not text[text.rfind("\n", 0, start) + 1 : start].strip()
        cases.append(LineCase(path, language, text[:start], text[end:], truth, at_start))
    return cases


def measure_lines(
    cases: Sequence[LineCase], complete: CompleteLine, progress: Callable[[int], None] | None = None
) -> list[LineResult]:
    """Ask for every case, in order; progress is told of each."""
    results = []
    for case in cases:
        results.append(judge_line(case, complete(case)))
        if progress is not None:
            progress(1)
    return results


def judge_line(case: LineCase, answer: str) -> LineResult:
    """Compare an answer with what stood there."""
    truth, given = words_of(case.truth), _to_line_end(words_of(_first_line(answer, case.language)), case.language)
    plain_truth, plain_given = plain_literals(truth), plain_literals(given)
    return LineResult(
        case,
        answer,
        exact=given == truth,
        similarity=ratio(" ".join(given), " ".join(truth)),
        exact_plain=plain_given == plain_truth,
        similarity_plain=ratio(" ".join(plain_given), " ".join(plain_truth)),
    )


def summarise_lines(results: Sequence[LineResult], seed: int = 0) -> dict[str, Any]:
    """Shares with their number and 95 % interval (files are drawn): all cuts, those at a line's start, those within."""
    groups = {
        "all": list(results),
        "at_start": [row for row in results if row.case.at_start],
        "within": [row for row in results if not row.case.at_start],
    }
    return {name: _summary(rows, seed) for name, rows in groups.items() if rows}


def _summary(rows: Sequence[LineResult], seed: int) -> dict[str, Any]:
    files: dict[str, list[LineResult]] = {}
    for row in rows:
        files.setdefault(row.case.path, []).append(row)
    measures: dict[str, Callable[[LineResult], float]] = {
        "exact": lambda row: row.exact,
        "similarity": lambda row: row.similarity,
        "exact_plain": lambda row: row.exact_plain,
        "similarity_plain": lambda row: row.similarity_plain,
        "answered": lambda row: bool(row.answer.strip()),
    }
    summary: dict[str, Any] = {
        name: share([(sum(map(measure, group)), len(group)) for group in files.values()], seed)
        for name, measure in measures.items()
    }
    summary["tokens_per_line"] = sum(len(words_of(row.case.truth)) for row in rows) / len(rows)
    return summary


def _line_end(text: str, found: Sequence[Lexeme], at: int, language: str) -> int:
    for lexeme in found[at:]:
        if lexeme.kind == "newline":
            return lexeme.start
        if language != "python" and lexeme.kind == "operator":
            mark = text[lexeme.start : lexeme.end]
            if mark in (";", "}"):
                return lexeme.end
            if mark == "{":
                return lexeme.start
    return found[-1].end


def _first_line(answer: str, language: str) -> str:
    return answer.strip().partition("\n")[0] if language == "python" else answer


def _to_line_end(words: list[str], language: str) -> list[str]:
    if language == "python":
        return words
    for at, word in enumerate(words):
        if word in (";", "}"):
            return words[: at + 1]
        if word == "{":
            return words[:at]
    return words
