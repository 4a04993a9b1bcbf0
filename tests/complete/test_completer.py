"""The whole way from an editor's text to suggestions."""

from __future__ import annotations

import inspect
import json
import math
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling import Completer
from codling.complete.scope import NEAR
from codling.engine.sampling import SamplingConfig
from codling.errors import BundleError, CancelledError, ConfigError, InputError
from codling.vocab import DOC, BpeVocab
from ngram_model import NgramModel

SOURCE = inspect.getsource(textwrap)
LIBRARY = """import numpy as np


def mean(values):
    total = np.sum(values)
    return total / len(values)


def median(values):
    ordered = np.sort(values)
    return ordered[len(values) // 2]


class Table:
    def __init__(self, rows):
        self.rows = rows

    def column(self, name):
        return [row[name] for row in self.rows]
"""


@pytest.fixture(scope="module", params=["characters", "sub-words"])
def ngram(request: pytest.FixtureRequest) -> Completer:
    """Whatever a token is, the answers are the same."""
    if request.param == "characters":
        return Completer(NgramModel(LIBRARY * 3, order=24))
    return Completer(NgramModel(LIBRARY * 3, order=8, vocab=BpeVocab.train([LIBRARY] * 8, 400)))


@pytest.fixture(scope="module")
def tiny_completer(tiny: Path) -> Completer:
    return Completer(tiny, sure=0)


def texts(completer: Completer, prefix: str, suffix: str = "", **options) -> list[str]:
    return [row.text for row in completer.complete(prefix, suffix, **options).suggestions]


def cursor(at: str, text: str = LIBRARY) -> tuple[str, str]:
    """The text before and after a place that is marked by what stands before it."""
    end = text.index(at) + len(at)
    return text[:end], text[end:]


@pytest.mark.parametrize(
    ("at", "line"),
    [
        ("import", " numpy as np"),
        ("import num", "py as np"),  # in the middle of a word
        ("total = np.", "sum(values)"),
        ("    ordered", " = np.sort(values)"),
        ("def column(", "self, name):"),
    ],
)
def test_line(ngram: Completer, at: str, line: str) -> None:
    prefix, _ = cursor(at)
    assert texts(ngram, prefix) == [line]


def test_a_finished_line_needs_nothing(ngram: Completer) -> None:
    assert texts(ngram, cursor("total = np.sum(values)")[0]) == []


def test_an_empty_prefix(ngram: Completer) -> None:
    assert texts(ngram, "") == ["import numpy as np"]
    assert texts(ngram, "", kind="token") == ["import"]


def test_on_an_empty_line_something_is_suggested(ngram: Completer) -> None:
    assert texts(ngram, cursor("/ len(values)\n\n\n")[0]) == ["def median(values):"]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("    total = np.sum(", ")\n", "values"),
        ("    total = np.", "sum(values)\n", None),
        ("    total = ", " / len(values)\n", "np.sum(values)"),
        ("    return ordered[", "]\n", "len(values) // 2"),
    ],
)
def test_the_suffix_is_not_repeated(ngram: Completer, before: str, after: str, line: str | None) -> None:
    prefix = LIBRARY[: LIBRARY.index(before) + len(before)]
    assert texts(ngram, prefix, after) == ([line] if line else [])


def test_tokens_are_ranked(ngram: Completer) -> None:
    answer = ngram.complete(cursor("total = np.")[0].replace("total", "x"), kind="token", limit=5)
    assert [row.text for row in answer.suggestions][:2] == ["sum", "sort"] or [row.text for row in answer.suggestions][
        :2
    ] == ["sort", "sum"]
    scores = [row.score for row in answer.suggestions]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) <= 1 + 1e-6


def test_several_lines_differ_and_are_ranked(ngram: Completer) -> None:
    answer = ngram.complete("def me", kind="line", limit=3)
    lines = [row.text for row in answer.suggestions]
    assert {"an(values):", "dian(values):"} <= set(lines)
    assert len(set(lines)) == len(lines)
    scores = [row.score for row in answer.suggestions]
    assert scores == sorted(scores, reverse=True)


def test_block(ngram: Completer) -> None:
    prefix, _ = cursor("def median(values):")
    assert texts(ngram, prefix, kind="block") == [
        "\n    ordered = np.sort(values)\n    return ordered[len(values) // 2]"
    ]
    prefix, _ = cursor("    def __init__(self, rows):")
    assert texts(ngram, prefix, kind="block") == ["\n        self.rows = rows"]
    prefix, _ = cursor("def mean(values):\n")
    assert texts(ngram, prefix, kind="block") == ["    total = np.sum(values)\n    return total / len(values)"]


def test_a_block_stops_where_the_file_goes_on(ngram: Completer) -> None:
    prefix, _ = cursor("def median(values):")
    suffix = "\n    return ordered[len(values) // 2]\n"
    assert texts(ngram, prefix, suffix, kind="block") == ["\n    ordered = np.sort(values)"]


def test_the_line_below_is_not_suggested_again(ngram: Completer) -> None:
    prefix, suffix = cursor("    ordered = np.sort(values)\n")
    assert texts(ngram, prefix) == ["    return ordered[len(values) // 2]"]
    assert texts(ngram, prefix, "\n" + suffix) == []


def test_windows_line_ends(ngram: Completer) -> None:
    prefix, _ = cursor("def median(values):")
    (block,) = texts(ngram, prefix.replace("\n", "\r\n"), kind="block")
    assert block == "\r\n    ordered = np.sort(values)\r\n    return ordered[len(values) // 2]"


def test_tabs(ngram: Completer) -> None:
    prefix, _ = cursor("def median(values):")
    (block,) = texts(ngram, prefix.replace("    ", "\t"), kind="block")
    assert block == "\n\tordered = np.sort(values)\n\treturn ordered[len(values) // 2]"


def probability(completer: Completer, prefix: str, text: str) -> float:
    """Of a text and a line end after a prefix, read from the start, one token after another."""
    model = completer.model
    total, state, log_probs_V = 0.0, model.initial_state(1), None
    prefix_ids = [*completer.model.vocab.encode("\n"), DOC, *model.vocab.encode(prefix)]
    for i, token in enumerate([*prefix_ids, *model.vocab.encode(text + "\n")]):
        if i >= len(prefix_ids):
            total += float(log_probs_V[token])
        log_probs_BTV, state = model.run([[token]], state)
        log_probs_V = log_probs_BTV[0, 0]
    return math.exp(total)


@pytest.mark.parametrize("limit", [1, 4])
@pytest.mark.parametrize("prefix", ["y = self.", "def f(x):\n    return", "x = [1, 2"])
def test_a_line_s_score_is_its_probability(tiny_completer: Completer, prefix: str, limit: int) -> None:
    answer = tiny_completer.complete(prefix, limit=limit)
    assert answer.suggestions
    checked = 0
    for row in answer.suggestions:
        if len(row.text) < 100:  # a limit may have cut off a longer one, which has no line end
            assert row.score == pytest.approx(probability(tiny_completer, prefix, row.text), rel=1e-3)
            checked += 1
    assert checked


def test_a_warm_completer_answers_as_a_cold_one(tiny: Path) -> None:
    warm = Completer(tiny, sure=0)
    for end in range(900, 960):
        kept = warm.complete(SOURCE[:end], limit=2)
        fresh = Completer(tiny, sure=0).complete(SOURCE[:end], limit=2)
        assert [row.text for row in kept.suggestions] == [row.text for row in fresh.suggestions]
        np.testing.assert_allclose(
            [row.score for row in kept.suggestions], [row.score for row in fresh.suggestions], rtol=1e-2
        )


def test_typing_along_a_suggestion_runs_no_model(ngram: Completer) -> None:
    prefix, _ = cursor("total = np.")
    (line,) = texts(ngram, prefix)
    before = ngram.reader.num_steps
    for size in range(1, len(line)):
        assert texts(ngram, prefix + line[:size]) == [line[size:]]
    assert ngram.reader.num_steps == before


def test_temperature_draws(tiny_completer: Completer) -> None:
    drawn = {tuple(texts(tiny_completer, "import", temperature=1.5)) for _ in range(8)}
    assert len(drawn) > 1


def test_a_budget_cuts_short(tiny: Path) -> None:
    completer = Completer(tiny, sure=0)
    completer.complete(SOURCE[:500])
    answer = completer.complete(SOURCE[:501], kind="block", budget_ms=0.0)
    assert answer.ms < 50
    assert all(len(row.text) < 40 for row in answer.suggestions)


@pytest.mark.parametrize("kind", ["token", "line", "block"])
def test_cancelled(tiny: Path, kind: str) -> None:
    with pytest.raises(CancelledError):
        Completer(tiny, sure=0).complete(SOURCE[:500], kind=kind, cancelled=lambda: True)
    completer = Completer(tiny, sure=0)
    completer.complete(SOURCE[:500])
    asked: list[int] = []

    def later() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(CancelledError):
        completer.complete(SOURCE[:500] + "x", kind=kind, limit=3, cancelled=later)


@pytest.mark.parametrize(
    "wrong", [{"kind": "word"}, {"limit": 0}, {"limit": 51}, {"temperature": -1.0}, {"temperature": float("nan")}]
)
def test_arguments_out_of_range(tiny_completer: Completer, wrong: dict) -> None:
    with pytest.raises(ConfigError):
        tiny_completer.complete("import", **wrong)


def test_binary_text(tiny_completer: Completer) -> None:
    with pytest.raises(InputError):
        tiny_completer.complete("\x7fELF\0\0")
    with pytest.raises(InputError):
        tiny_completer.sample("\0", SamplingConfig())  # at once, so that a server can still answer with a status


def test_a_huge_file_costs_what_a_large_one_costs(tiny: Path) -> None:
    completer = Completer(tiny, sure=0)
    completer.complete("value = compute(value)\n" * 1_000_000 + "val")
    assert completer.reader.num_steps < 10_000
    completer.complete("x" * 100_000_000)
    assert completer.reader.num_steps < 20_000


@given(
    st.text(st.sampled_from("ab:( )\n\t\r\"'=[]{}é🐟\ud800"), max_size=40),
    st.text(st.sampled_from("ab:( )\n\"'"), max_size=10),
    st.sampled_from(["token", "line", "block"]),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_sent(tiny: Path, prefix: str, suffix: str, kind: str, limit: int) -> None:
    completer = _shared(tiny)
    answer = completer.complete(prefix, suffix, kind=kind, limit=limit)  # type: ignore[arg-type]
    assert len(answer.suggestions) <= limit
    assert answer.model == "tiny"
    for row in answer.suggestions:
        assert row.text.strip()
        assert 0 < row.score <= 1
        assert row.text == row.text.rstrip(" \t")
        row.text.encode("utf-8")
        if kind == "line":
            assert "\n" not in row.text
    scores = [row.score for row in answer.suggestions]
    assert all(score * NEAR >= max(scores[at:]) for at, score in enumerate(scores))


_COMPLETERS: dict[Path, Completer] = {}


def _shared(path: Path) -> Completer:
    return _COMPLETERS.setdefault(path, Completer(path, sure=0))


def test_sample_streams(tiny_completer: Completer) -> None:
    config = SamplingConfig(seed=3, max_chars=80)
    pieces = list(tiny_completer.sample("import os\n", config))
    assert len(pieces) > 40
    assert "".join(tiny_completer.sample("import os\n", config)) == "".join(pieces)
    taken: list[str] = []
    for piece in tiny_completer.sample("import os\n", config, cancelled=lambda: len(taken) > 3):
        taken.append(piece)
    assert 3 < len(taken) < 10


def test_model_card_and_vocabulary_are_at_hand(tiny_completer: Completer) -> None:
    assert tiny_completer.model.card.name == "tiny"
    assert tiny_completer.model.vocab.unit == "character"


def test_no_such_model() -> None:
    with pytest.raises(BundleError, match="no bundle"):
        Completer("no-such-model")


def test_importing_costs_nothing_heavy() -> None:
    code = (
        "import sys, codling.complete, codling; codling.Completer; "
        "print([name for name in ('numpy', 'onnxruntime', 'torch', 'tree_sitter') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_completing_needs_no_torch(tiny: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "from codling import Completer\n"
        f"print(len(Completer({str(tiny)!r}, sure=0).complete('x = [1, 2').suggestions))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
