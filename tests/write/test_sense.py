"""What a search leaves aside although it parses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codling.errors import InputError
from codling.trees.grammar import actions_of, read_source
from codling.write.sense import MAX_RECENT, is_senseless, loops


@pytest.mark.parametrize(
    "code",
    [
        "len(len(s))",
        "return int(int(s))",
        "x = [sum(len(each)) for each in xs]",
        "if a and b and a: pass",
        "sorted(abs(x))",
    ],
)
def test_senseless(code: str) -> None:
    assert is_senseless(code)


@pytest.mark.parametrize(
    "code",
    [
        "len(s)",
        "os.path.dirname(os.path.dirname(path))",
        "max(max(row) for row in rows)",
        "list(map(list, rows))",
        "sum(map(len, rows))",
        "int(s, 16)",
        "f(f(x))",
        "a and not a.b or b",
        "str(len(s))",
        "sorted(sorted(xs), key=len)",
    ],
)
def test_sensible(code: str) -> None:
    assert not is_senseless(code)


@given(st.lists(st.integers(0, 2), min_size=4, max_size=16), st.lists(st.integers()), st.integers(6, 9))
def test_what_goes_round_loops(period: list[int], before: list[int], times: int) -> None:
    assert loops((before + period * times)[-MAX_RECENT:])


@given(st.lists(st.integers(0, 3), max_size=MAX_RECENT))
def test_what_loops_has_a_period(steps: list[int]) -> None:
    periods = [
        period
        for period in range(1, len(steps) // 6 + 1)
        if 6 * period >= 24 or len(set(steps[-24:])) == 1
        if all(steps[-i] == steps[-i - period] for i in range(1, 5 * period + 1))
    ]
    assert loops(steps) == bool(periods and len(steps) >= 24)


def test_a_loop_is_seen_when_it_comes_round_the_sixth_time() -> None:
    steps = [1, 2, 3, 4, 5] * 6
    assert loops(steps) and not loops(steps[1:])
    assert not loops([1, 1, 2] * 7)  # short ones are lists of numbers, rather than loops
    assert loops([1] * 24) and not loops([1] * 23)


def test_hardly_a_file_of_the_standard_library_has_either() -> None:
    senseless = looping = 0
    library = Path(json.__file__).parents[1]
    files = [*sorted(library.glob("json/*.py")), library / "textwrap.py", library / "heapq.py"]
    for path in files:
        source = path.read_text(encoding="utf-8")
        senseless += is_senseless(source)
        try:
            actions = list(actions_of(read_source(source)))
        except InputError:
            continue
        looping += any(loops(actions[max(0, end - MAX_RECENT) : end]) for end in range(len(actions)))
    assert (senseless, looping) == (0, 0)
