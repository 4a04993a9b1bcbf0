"""Samples: repeatable, of the right distribution, whole characters, and out of the loop of spaces."""

from __future__ import annotations

import inspect
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.engine import load_model
from codling.engine.pieces import Pieces
from codling.engine.prefix import PrefixReader
from codling.engine.sampling import SamplingConfig, draw, sample
from codling.errors import ConfigError
from codling.vocab import BpeVocab, CharVocab
from ngram_model import NgramModel
from tiny_bundle import tiny_bundle

SOURCE = inspect.getsource(textwrap)


class Sampler:
    def __init__(self, model) -> None:
        self.model = model
        self.reader = PrefixReader(model)
        self.pieces = Pieces(model.vocab)

    def __call__(self, prompt: str, **settings) -> str:
        return "".join(self.stream(prompt, **settings))

    def stream(self, prompt: str, cancelled=None, **settings):
        start = self.reader.read(prompt)
        return sample(self.reader, self.pieces, start, SamplingConfig(**settings), context=prompt, cancelled=cancelled)


@pytest.fixture(scope="module")
def tiny_sampler(tiny: Path) -> Sampler:
    return Sampler(load_model(tiny))


@pytest.fixture(scope="module")
def ngram() -> Sampler:
    return Sampler(NgramModel(SOURCE, order=64))


def test_same_seed_same_sample(tiny_sampler: Sampler, tiny: Path) -> None:
    first = tiny_sampler("import os\n", seed=7)
    assert len(first) == 300
    assert tiny_sampler("import os\n", seed=7) == first
    assert Sampler(load_model(tiny))("import os\n", seed=7) == first
    assert tiny_sampler("import os\n", seed=8) != first


def test_greedy_is_temperature_zero_and_needs_no_seed(tiny_sampler: Sampler) -> None:
    greedy = tiny_sampler("def f", greedy=True, max_chars=60)
    assert greedy == tiny_sampler("def f", temperature=0, max_chars=60)
    assert greedy == tiny_sampler("def f", top_k=1, max_chars=60, seed=3)
    assert greedy == tiny_sampler("def f", top_p=1e-9, max_chars=60, seed=4)


def test_greedy_takes_the_most_likely(ngram: Sampler) -> None:
    start = SOURCE.index("def fill(")
    assert ngram(SOURCE[:start], greedy=True, max_chars=200) == SOURCE[start : start + 200]


def test_draws_follow_the_distribution() -> None:
    probabilities_V = np.array([0.5, 0.25, 0.125, 0.125], np.float32)
    random = np.random.default_rng(0)
    counts = np.bincount(
        [draw(np.log(probabilities_V), SamplingConfig(temperature=1), random) for _ in range(20_000)], minlength=4
    )
    chi_squared = ((counts - 20_000 * probabilities_V) ** 2 / (20_000 * probabilities_V)).sum()
    assert chi_squared < 16.3  # 3 degrees of freedom: 1 in 1000


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({"top_k": 2}, {0, 1}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.51}, {0, 1}),
        ({"top_p": 0.89}, {0, 1, 2}),
        ({"top_p": 0.91}, {0, 1, 2, 3}),
        ({"top_k": 3, "top_p": 0.99}, {0, 1, 2}),
        ({"temperature": 0.01}, {0}),
    ],
)
def test_what_may_be_drawn(settings: dict, allowed: set[int]) -> None:
    log_probs_V = np.log(np.array([0.5, 0.25, 0.15, 0.1], np.float32))
    config = SamplingConfig(**{"temperature": 1.0} | settings)
    random = np.random.default_rng(1)
    assert {draw(log_probs_V, config, random) for _ in range(300)} == allowed


@given(st.integers(0, 2**32), st.floats(0, 5), st.integers(0, 5), st.floats(0.01, 1))
def test_forbidden_tokens_are_never_drawn(seed: int, temperature: float, top_k: int, top_p: float) -> None:
    random = np.random.default_rng(seed)
    log_probs_V = random.normal(size=8).astype(np.float32)
    forbidden = random.random(8) < 0.6
    log_probs_V[forbidden] = -np.inf
    token = draw(log_probs_V, SamplingConfig(temperature=temperature, top_k=top_k, top_p=top_p), random)
    assert (token is None) == forbidden.all()
    if token is not None:
        assert not forbidden[token]


def test_lengths(tiny_sampler: Sampler) -> None:
    assert tiny_sampler("x", seed=1, max_chars=0) == ""
    assert len(tiny_sampler("x", seed=1, max_chars=37)) == 37
    assert len(tiny_sampler("x", seed=1, max_chars=100, max_tokens=5)) <= 5
    assert tiny_sampler("x", seed=1, max_chars=37) == tiny_sampler("x", seed=1, max_chars=80)[:37]


def ending(stream) -> bool:
    """What a stream returns when it is read to its end."""
    while True:
        try:
            next(stream)
        except StopIteration as end:
            return end.value


def test_says_whether_it_ended_by_itself(ngram: Sampler, tiny_sampler: Sampler) -> None:
    start = SOURCE[: SOURCE.index("def fill(")]
    assert ending(ngram.stream(start, greedy=True, max_chars=3_000, stop=("return",)))
    assert not ending(ngram.stream(start, greedy=True, max_chars=20, stop=("return",)))
    assert not ending(ngram.stream(start, greedy=True, max_tokens=0))
    assert not ending(tiny_sampler.stream("x", seed=1, max_tokens=9))
    assert not ending(tiny_sampler.stream("x", seed=1, cancelled=lambda: True))
    looping = Sampler(NgramModel("abc " * 100, order=8))
    assert ending(looping.stream("abc abc", greedy=True, max_chars=3_000))


def test_tokens_that_only_spell_the_prompt_do_not_count() -> None:
    sampler = Sampler(NgramModel(SOURCE, order=8, vocab=BpeVocab.train([SOURCE], 500)))
    for prompt in ("        text = text.exp", "        self.wid", "    def _split_ch"):
        assert sampler.reader.read(prompt).owed
        for num in (1, 2, 3):
            text = sampler(prompt, greedy=True, max_tokens=num)
            assert text
            assert sampler(prompt, greedy=True, max_tokens=num + 1).startswith(text)


def test_stops_before_a_stop_text(ngram: Sampler) -> None:
    start = SOURCE.index("def fill(")
    expected = SOURCE[start : SOURCE.index("return", start)]
    pieces = list(ngram.stream(SOURCE[:start], greedy=True, max_chars=3_000, stop=("return", "never there")))
    assert "".join(pieces) == expected
    whole = ngram(SOURCE[:start], greedy=True, max_chars=50, stop=("never there",))
    assert whole == SOURCE[start : start + 50]  # nothing held back is lost


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_holding_back_loses_and_leaks_nothing(text: str, stops: list[str]) -> None:
    from codling.engine.sampling import _HeldBack

    held, shown = _HeldBack(tuple(stops)), ""
    for character in text:
        shown += held.push(character)
        if held.stopped:
            break
    else:
        shown += held.release()
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    if not ends:
        assert shown == text
    else:  # the stop text that is complete first decides; of several, the longest
        complete = text[: min(ends)]
        assert shown == complete[: min(complete.find(stop) for stop in stops if stop in complete)]


def test_cancelled_stream_ends(tiny_sampler: Sampler) -> None:
    seen: list[str] = []
    for piece in tiny_sampler.stream("x", seed=1, max_chars=1_000, cancelled=lambda: len(seen) >= 5):
        seen.append(piece)
    assert len(seen) == 5


def test_characters_come_out_whole() -> None:
    """Emoji and umlauts are spelt in bytes here, and yet no half of one is ever shown."""
    text = 'names = ["🐟", "köder", "鱈", "🐟"]\n' * 30
    model = NgramModel(text, vocab=CharVocab())
    got = list(Sampler(model).stream("names", temperature=0.7, seed=5, max_chars=90, loop_guard=False))
    assert "�" not in "".join(got)
    assert "🐟" in got
    assert "鱈" in got
    assert all(len(piece) == 1 for piece in got)


def test_random_bytes_never_make_broken_text(tmp_path: Path) -> None:
    """A model without any character of its own writes bytes only, and still well-formed text."""
    sampler = Sampler(load_model(tiny_bundle(tmp_path, characters="\n")))
    drawn = sampler("", temperature=3.0, seed=0, max_chars=120, loop_guard=False)
    drawn.encode("utf-8")
    assert len(drawn) == 120
    assert any(ord(character) > 0x7FF for character in drawn)


def longest_run(text: str, characters: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character in characters else 0
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("how", [{"greedy": True}, {"temperature": 0.8, "seed": 1}])
def test_the_loop_of_spaces_is_broken(space_lover: Path, how: dict) -> None:
    """The paper's section V.B: "stuck in a loop of spaces, thus only generating spaces"."""
    sampler = Sampler(load_model(space_lover))
    stuck = sampler("import os\n", max_chars=1_000, loop_guard=False, **how)
    assert len(stuck) == 1_000
    assert longest_run(stuck, " ") > 900
    freed = sampler("import os\n", max_chars=1_000, **how)
    assert longest_run(freed, " ") <= 40
    assert len(freed) < 200  # it went back to spaces every time, so the sample ends
    assert freed.strip()  # but other things were tried


def test_other_loops_are_broken() -> None:
    model = NgramModel("x = 1\n" + "    y = y + 1\n" * 100)
    sampler = Sampler(model)
    assert sampler("x", greedy=True, max_chars=2_000, loop_guard=False).count("y = y + 1") > 100
    assert sampler("x", greedy=True, max_chars=2_000).count("y = y + 1") < 20


def test_the_guard_leaves_good_samples_alone(ngram: Sampler) -> None:
    expected = SOURCE[20:4_000]
    assert ngram(SOURCE[:20], greedy=True, max_chars=3_980) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0},
        {"top_p": 1.1},
        {"max_chars": -1},
        {"max_tokens": -1},
        {"seed": -1},
        {"stop": ("",)},
    ],
)
def test_values_out_of_range(wrong: dict) -> None:
    with pytest.raises(ConfigError):
        SamplingConfig(**wrong)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_prompt_from_anywhere(tiny: Path, at: int) -> None:
    text = inspect.getsource(subprocess)[at : at + 300]
    drawn = Sampler(load_model(tiny))(text, seed=1, max_chars=20)
    drawn.encode()
