"""Counts against a dictionary that is filled token by token."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.engine.ngram_cache import _CAUTION, FILE, FOLDER, LEVELS, MAX_CANDIDATES, PROJECT, blend
from codling.engine.ngrams import MAX_ORDER, Matches, Places, context_after, contexts_of, match_few
from codling.engine.project_index import ProjectIndex
from codling.vocab import DOC

VOCAB = 7
DOCUMENTS = st.lists(st.lists(st.integers(1, VOCAB - 1), max_size=60), min_size=1, max_size=4)
Counts = dict[tuple[int, ...], Counter[int]]


def joined(documents: list[list[int]]) -> np.ndarray:
    return np.array([token for document in documents for token in (DOC, *document)], np.uint16)


def brute_force(documents: list[list[int]]) -> Counts:
    """What followed each context of 1 to MAX_ORDER tokens; what a document lacks at its start is DOC."""
    counts: Counts = defaultdict(Counter)
    for document in documents:
        padded = [DOC] * MAX_ORDER + document
        for place in range(MAX_ORDER, len(padded)):
            for order in range(1, MAX_ORDER + 1):
                counts[tuple(padded[place - order : place])][padded[place]] += 1
    return counts


def counted(matches: Matches, row: int, order: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for token, length, weight in zip(
        matches.next_R[matches.rows_R == row],
        matches.orders_R[matches.rows_R == row],
        matches.weights_R[matches.rows_R == row],
        strict=True,
    ):
        if length >= order:
            found[int(token)] += int(weight)
    return found


def as_asked(context: list[int]) -> tuple[int, ...]:
    return tuple([*[DOC] * MAX_ORDER, *context][-MAX_ORDER:])


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.lists(st.lists(st.integers(1, VOCAB - 1), max_size=12), min_size=1, max_size=5))
def test_counts_are_those_of_a_dictionary(documents: list[list[int]], asked: list[list[int]]) -> None:
    tokens = joined(documents)
    contexts = np.stack([context_after(context) for context in asked])
    sorted_matches = Places(tokens, cap=10_000).find(contexts)
    compared = match_few(contexts, contexts_of(tokens), tokens)
    counts = brute_force(documents)
    for row, context in enumerate(asked):
        for order in range(1, MAX_ORDER + 1):
            expected = counts.get(as_asked(context)[-order:], Counter())
            assert counted(sorted_matches, row, order) == expected
            assert counted(compared, row, order) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=200, max_size=400), st.integers(2, 40))
def test_a_cap_keeps_the_sizes_right(document: list[int], cap: int) -> None:
    """A sample stands for all that it was drawn from, and longer contexts are not lost to it."""
    tokens = joined([document])
    context = context_after(document[:30])
    exact, capped = Places(tokens, cap=10_000).find(context[None]), Places(tokens, cap=cap).find(context[None])
    sizes = [int((exact.orders_R >= order).sum()) for order in range(1, MAX_ORDER + 1)]
    whole = next((order for order in range(1, MAX_ORDER + 1) if sizes[order - 1] <= cap), None)
    if whole is None:
        assert np.isclose(capped.weights_R.sum(), sizes[-1])
    else:
        for order in range(whole, MAX_ORDER + 1):
            assert counted(capped, 0, order) == counted(exact, 0, order)
        if whole > 1 and (capped.orders_R == whole - 1).any():
            assert np.isclose(capped.weights_R[capped.orders_R >= whole - 1].sum(), sizes[whole - 2])
    assert len(capped.rows_R) <= cap + max(cap, 64)
    own = tokens[capped.places_R]
    assert (own == capped.next_R).all()


def test_a_document_ends_every_context() -> None:
    matches = Places(joined([[1, 2], [3, 4]])).find(context_after([1, 2])[None])
    assert not len(matches.rows_R)  # 3 follows 2 in the array, but not in any document
    assert list(context_after([5, DOC, 4, 6])[:3]) == [6, 4, DOC]


def witten_bell(
    counts: list[dict[tuple[int, ...], Counter[int]]], context: list[int]
) -> tuple[dict[int, float], float]:
    """The chain, link by link: p = (c + T * lower) / (N + T), from nothing upwards; T types, with our caution."""
    probs: dict[int, float] = defaultdict(float)
    left = 1.0
    for order in range(1, MAX_ORDER + 1):
        for level in range(len(LEVELS)):
            found = Counter[int]()
            for each in counts[level:]:
                found += each.get(as_asked(context)[-order:], Counter())
            total, types = sum(found.values()), _CAUTION * len(found)
            if total:
                probs = defaultdict(
                    float, {t: (found[t] + types * probs[t]) / (total + types) for t in {*found, *probs}}
                )
                left *= types / (total + types)
    return {token: p / (1 - left) for token, p in probs.items() if p > 0}, left


@settings(max_examples=100, deadline=None)
@given(
    st.lists(DOCUMENTS, min_size=3, max_size=3),
    st.lists(st.lists(st.integers(1, VOCAB - 1), min_size=1, max_size=10), min_size=1, max_size=4),
)
def test_the_blend_is_a_nested_witten_bell_chain(levels: list[list[list[int]]], asked: list[list[int]]) -> None:
    contexts = np.stack([context_after(context) for context in asked])
    found = [Places(joined(documents), cap=10_000).find(contexts) for documents in levels]
    matches = Matches(*(np.concatenate([getattr(one, name) for one in found]) for name in Matches.__slots__))
    level_of = np.concatenate(
        [np.full(len(one.rows_R), level) for level, one in zip((PROJECT, FOLDER, FILE), found, strict=True)]
    )
    candidates = blend(matches, level_of, len(asked), VOCAB)
    counts = [brute_force(documents) for documents in levels]
    for row, context in enumerate(asked):
        expected, left = witten_bell(counts, context)
        real = candidates.probs_BC[row] > 0
        got = dict(zip(candidates.ids_BC[row, real].tolist(), candidates.probs_BC[row, real].tolist(), strict=True))
        assert got.keys() == expected.keys()
        assert all(np.isclose(got[token], p) for token, p in expected.items())
        assert list(candidates.probs_BC[row]) == sorted(candidates.probs_BC[row], reverse=True)
        assert np.isclose(candidates.features_BF[row, 9], left if expected else 0)


def test_no_more_candidates_than_agreed_and_they_sum_to_one() -> None:
    documents = [[1, token] for token in range(2, 200)]
    matches = Places(joined(documents), cap=10_000).find(context_after([1])[None])
    candidates = blend(matches, np.full(len(matches.rows_R), FILE), 1, 300)
    assert candidates.ids_BC.shape == (1, MAX_CANDIDATES)
    assert np.isclose(candidates.probs_BC.sum(), 1)


def test_nothing_known_is_no_candidates() -> None:
    matches = Places(joined([[1, 2, 3]])).find(context_after([6])[None])
    candidates = blend(matches, np.zeros(0, np.int64), 1, VOCAB)
    assert not candidates.probs_BC.any()
    assert not candidates.features_BF.any()


def test_an_index_knows_folders_and_leaves_the_asking_file_out() -> None:
    files = {
        "a/b/own.py": np.array([1, 2], np.uint16),
        "a/b/c/below.py": np.array([1, 3], np.uint16),
        "a/bb/other.py": np.array([1, 4], np.uint16),
        "top.py": np.array([1, 5], np.uint16),
        "a/b.py": np.array([1, 6], np.uint16),
    }
    index = ProjectIndex(files)
    context = context_after([DOC, 1])[None]

    def asked(path: str, *without: str) -> dict[int, int]:
        matches, levels = index.find(context, path, without)
        return dict(zip(matches.next_R.tolist(), levels.tolist(), strict=True))

    assert asked("a/b/own.py") == {3: FOLDER, 4: PROJECT, 5: PROJECT, 6: PROJECT}
    assert asked("a/b/new.py") == {2: FOLDER, 3: FOLDER, 4: PROJECT, 5: PROJECT, 6: PROJECT}
    assert asked("a/b/own.py", "top.py", "a/b.py", "not-there.py") == {3: FOLDER, 4: PROJECT}
    assert set(asked("new.py").values()) == {FOLDER}  # all lies below the top
    for path, tokens in files.items():
        found = index.tokens_of(path)
        assert found is not None
        assert list(found) == list(tokens)
    assert index.tokens_of("a") is None
