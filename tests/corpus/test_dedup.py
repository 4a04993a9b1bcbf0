"""Near-duplicates against the exact Jaccard similarity of the same shingles."""

from __future__ import annotations

import inspect
import json.decoder
import random
import re
import statistics
import textwrap

import numpy as np

from codling.corpus.dedup import NUM_PERMUTATIONS, SHINGLE, Index, signature

TEXTS = [inspect.getsource(module) for module in (json.decoder, random, statistics, textwrap)]


def exact(a: str, b: str) -> float:
    def shingles(text: str) -> set[tuple[str, ...]]:
        tokens = re.findall(r"\w+|[^\w\s]", text)
        return set(zip(*(tokens[i:] for i in range(SHINGLE)), strict=False))

    return len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))


def estimated(a: str, b: str) -> float:
    one, other = (np.frombuffer(signature(text), "<u4") for text in (a, b))
    return float(np.mean(one == other))


def damaged(text: str, share: float, seed: int) -> str:
    """A copy with some of its lines replaced."""
    draw = random.Random(seed)
    return "\n".join(f"new_{draw.random()}" if draw.random() < share else line for line in text.split("\n"))


def test_the_estimate_is_near_the_exact_similarity() -> None:
    for text in TEXTS:
        for share in (0.02, 0.1, 0.3):
            copy = damaged(text, share, seed=1)
            assert abs(estimated(text, copy) - exact(text, copy)) < 4 * 0.5 / NUM_PERMUTATIONS**0.5


def test_layout_does_not_count_and_names_do() -> None:
    assert signature("x = f(a,b)\n") == signature("x=f( a,\n  b )")
    assert signature("x = f(a,b)\n") != signature("x = f(a,c)\n")


def test_signatures_stay_the_same_between_versions() -> None:
    """Work that an older run left is compared with today's: these bytes must not move."""
    assert signature("def f(x):\n    return x + 1\n")[:8].hex() == "e1d761c0471914cc"


def test_short_texts_have_signatures() -> None:
    assert len(signature("")) == len(signature("x")) == 4 * NUM_PERMUTATIONS
    assert signature("x") != signature("y")


def test_the_index_keeps_the_first_and_finds_its_copies() -> None:
    index = Index(0.7)
    for number, text in enumerate(TEXTS):
        assert index.find_or_add(signature(text)) is None
        found = index.find_or_add(signature(damaged(text, 0.03, seed=number)))
        assert found is not None
        assert found[0] == number
        assert found[1] >= 0.7
    assert index.find_or_add(signature(damaged(TEXTS[0], 0.6, seed=9))) is None


def test_the_index_misses_next_to_nothing() -> None:
    """Of 200 copies just above the threshold, the bands find all (the chance to miss one is 0.0002)."""
    index, found, total = Index(0.7), 0, 0
    for number in range(200):
        lines = TEXTS[number % 4].split("\n")
        text = "\n".join(lines[number % 50 :: 2]) + f"\n# {number}" * 3
        copy = damaged(text, 0.045, seed=number)
        fresh = Index(0.7)
        fresh.find_or_add(signature(text))
        if estimated(text, copy) >= 0.71:
            total += 1
            found += fresh.find_or_add(signature(copy)) is not None
    assert total > 100
    assert found == total
    assert index.find_or_add(signature("x")) is None
