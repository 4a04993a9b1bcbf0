"""Where the true next token stands in the list that the user sees."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from codling.complete.lexical import token_end
from codling.evaluate.lexemes import LexemeKind
from codling.evaluate.sources import Sample
from codling.evaluate.tally import share

__all__ = ["LIST", "ListTokens", "RankCase", "draw_ranks", "measure_ranks", "summarise_ranks"]

LIST = 10  # suggestions that are looked at; what stands further down is not found


@dataclass(frozen=True, slots=True)
class RankCase:
    """A cursor where a token begins."""

    path: str
    language: str
    prefix: str
    truth: str
    "The next token in the completer's sense: of a string, its opening quote; of 1e-5, 1e."
    kind: LexemeKind


ListTokens = Callable[[RankCase], Sequence[str]]
"Next tokens, best first; white space around them does not matter."


def draw_ranks(sample: Sample, num: int, seed: int = 0) -> list[RankCase]:
    """Draw places among all tokens of all files but line ends, which no list offers, and a file's first token."""
    places = [
        (file, lexeme)
        for file in sample.files
        for lexeme in sample.lexemes[file.name]
        if lexeme.kind != "newline" and lexeme.start > 0
    ]
    drawn = random.Random(seed).sample(range(len(places)), min(num, len(places)))
    cases = []
    for file, lexeme in (places[i] for i in sorted(drawn)):  # in the files' order, for neighbours share states
        token = file.text[lexeme.start : lexeme.end]
        token = token[: token_end(token)]
        cases.append(RankCase(file.name, file.language, file.text[: lexeme.start], token, lexeme.kind))
    return cases


def measure_ranks(
    cases: Sequence[RankCase], list_tokens: ListTokens, progress: Callable[[int], None] | None = None
) -> list[int | None]:
    """The place of the truth in each list, from 1; None if it is not among the first LIST."""
    ranks: list[int | None] = []
    for case in cases:
        listed = [token.strip() for token in list_tokens(case)][:LIST]
        ranks.append(listed.index(case.truth) + 1 if case.truth in listed else None)
        if progress is not None:
            progress(1)
    return ranks


def summarise_ranks(cases: Sequence[RankCase], ranks: Sequence[int | None], seed: int = 0) -> dict[str, Any]:
    """Mean reciprocal rank (0 for what was not found) and how often the first is right, of all and of identifiers."""
    summary: dict[str, Any] = {}
    for name, kinds in (("", None), ("_identifiers", ("identifier",))):
        files: dict[str, list[int | None]] = {}
        for case, rank in zip(cases, ranks, strict=True):
            if kinds is None or case.kind in kinds:
                files.setdefault(case.path, []).append(rank)
        counts = files.values()
        summary[f"mrr{name}"] = share([(sum(1 / r for r in group if r), len(group)) for group in counts], seed)
        summary[f"first{name}"] = share([(sum(r == 1 for r in group), len(group)) for group in counts], seed)
    return summary
