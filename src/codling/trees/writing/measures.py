"""What written programs are worth beside the right ones: exact matches, and BLEU as the literature computes it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from codling.errors import InputError
from codling.trees.writing.pairs import read_program

__all__ = ["bleu_tokens", "corpus_bleu", "exact", "sentence_bleu"]

_ORDER = 4


def exact(code: str, right: str) -> bool:
    """Whether two programs have the same tree; lines of programs are completed first."""
    try:
        return read_program(code) == read_program(right)
    except InputError:
        return code.split() == right.split()


def bleu_tokens(code: str) -> list[str]:
    """Tokens as the CoNaLa and Hearthstone evaluations cut them (Ling et al. 2016; Yin & Neubig 2017)."""
    code = re.sub(r"([^A-Za-z0-9_])", r" \1 ", code)
    code = re.sub(r"([a-z])([A-Z])", r"\1 \2", code)
    return re.sub(r"[\"']", "`", code).split()


def _counts(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def _matches(tokens: Sequence[str], right: Sequence[str], order: int) -> tuple[int, int]:
    """n-grams that the right program has as well, and n-grams in all."""
    found = _counts(tokens, order)
    return sum((found & _counts(right, order)).values()), sum(found.values())


def _brevity(length: int, right: int) -> float:
    return 1.0 if length > right else math.exp(1 - right / max(1, length))


def corpus_bleu(codes: Sequence[str], rights: Sequence[str]) -> float:
    """BLEU-4 over all programs together, in [0, 100], not smoothed: CoNaLa's measure (Papineni et al. 2002)."""
    matched, total = [0] * _ORDER, [0] * _ORDER
    length = right_length = 0
    for code, right in zip(codes, rights, strict=True):
        tokens, right_tokens = bleu_tokens(code), bleu_tokens(right)
        length, right_length = length + len(tokens), right_length + len(right_tokens)
        for order in range(_ORDER):
            hits, all_of = _matches(tokens, right_tokens, order + 1)
            matched[order] += hits
            total[order] += all_of
    if min(matched) == 0:
        return 0.0
    mean = sum(math.log(hits / all_of) for hits, all_of in zip(matched, total, strict=True)) / _ORDER
    return 100 * _brevity(length, right_length) * math.exp(mean)


def sentence_bleu(code: str, right: str) -> float:
    """BLEU of one program, in [0, 100]: Hearthstone's measure is its mean.

    Smoothed as there: the n-th order without a match counts 1 / 2ⁿ for the n-th such (Chen & Cherry 2014, method 3).
    """
    tokens, right_tokens = bleu_tokens(code), bleu_tokens(right)
    if not tokens or not right_tokens:
        return 100.0 * (tokens == right_tokens)
    order = min(_ORDER, len(right_tokens))
    logs, missed = 0.0, 0
    for n in range(1, order + 1):
        hits, all_of = _matches(tokens, right_tokens, n)
        if n == 1 and hits == 0:
            return 0.0
        value = float(hits)
        if hits == 0:
            missed += 1
            value = 1 / 2**missed
        logs += math.log(value / max(1, all_of)) / order
    return 100 * _brevity(len(tokens), len(right_tokens)) * math.exp(logs)
