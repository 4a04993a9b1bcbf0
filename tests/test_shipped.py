"""The bundle that ships is whole, small, and as good as its card says on code that it was not trained on."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from codling.bundle import Bundle, load_bundle
from codling.complete import Completer
from codling.corpus.clean import CleanConfig, Cleaned, clean
from codling.engine import load_model
from codling.engine.evaluation import evaluate
from codling.types import Kind


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    folder = Path(__file__).parent.parent / "src" / "codling" / "bundles" / "python-char"
    return load_bundle(folder)


def test_it_is_small_and_says_what_it_was_trained_on(shipped: Bundle) -> None:
    card = shipped.card
    assert shipped.num_bytes <= 10_000_000
    assert card.training["device"]
    assert len(card.curve) > 10
    lines = dict.fromkeys(("train", "valid", "test"), 0)
    for project in card.data["projects"]:
        assert project["name"]
        assert project["version"]
        assert project["licence"]
        lines[project["split"]] += project["lines"]
    assert lines["train"] >= 2_000_000
    assert {score.graph for score in card.scores} == {"float32", "int8"}
    for score in card.scores:
        assert score.accuracy >= 0.80


def test_it_predicts_the_standard_library(shipped: Bundle) -> None:
    """Not data science, and not in the corpus: a floor for any change of engine or export, not a score."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    texts = []
    for name in ("statistics", "csv", "heapq"):
        cleaned = clean((stdlib / f"{name}.py").read_bytes(), "python", CleanConfig())
        assert isinstance(cleaned, Cleaned)
        texts.append(cleaned.text)
    score = evaluate(load_model(shipped), texts)
    assert score.accuracy > 0.76
    assert score.bits_per_char < 1.3


@pytest.mark.parametrize(
    ("prefix", "suggestion"),
    [
        ("import numpy as np\nimport pandas as ", "pd"),
        ("import os\nimport sys\n\n\nif __name__ == ", '"__main__":'),
        (
            "class Model:\n    def __init__(self, alpha, beta):\n        self.alpha = alpha\n        self.beta = ",
            "beta",
        ),
        ("rows = []\nfor i in ran", "ge"),
    ],
)
def test_it_completes_what_anybody_would_type(shipped: Bundle, prefix: str, suggestion: str) -> None:
    completion = Completer(load_model(shipped), sure=0).complete(prefix)
    assert completion.suggestions[0].text.replace("'", '"').startswith(suggestion)


@pytest.mark.parametrize("kind", ["line", "block"])
def test_a_list_holds_no_noise(shipped: Bundle, kind: Kind) -> None:
    prefix = "import numpy as np\n\n\ndef mean(xs):\n    return np."
    found = Completer(load_model(shipped), sure=0).complete(prefix, "\n", kind=kind, limit=8).suggestions
    assert found
    assert all(suggestion.score >= 1e-4 * found[0].score for suggestion in found)
    ranking = Completer(load_model(shipped)).complete(prefix, "\n", kind="token", limit=8).suggestions
    assert len(ranking) == 8
