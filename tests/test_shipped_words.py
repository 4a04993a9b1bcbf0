"""The sub-word bundles that ship are whole, small, and know what anybody would type."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from codling.bundle import Bundle, default_model, load_bundle
from codling.complete import Completer
from codling.corpus.clean import CleanConfig, Cleaned, clean
from codling.engine import load_model
from codling.engine.evaluation import evaluate
from codling.engine.gate import GATE_FILE, load_gate

BUNDLES = Path(__file__).parent.parent / "src" / "codling" / "bundles"


def shipped(language: str) -> Bundle:
    return load_bundle(BUNDLES / language)


@pytest.mark.parametrize("language", ["python", "java"])
def test_it_is_small_and_says_how_it_came_about(language: str) -> None:
    bundle = shipped(language)
    card = bundle.card
    assert default_model(language) == language
    assert card.languages == (language,)
    assert bundle.num_bytes <= 20_000_000
    assert bundle.file(GATE_FILE).is_file() and load_gate(bundle) is not None
    assert card.training["tokens"] == sum(run["tokens"] for run in card.training["runs"])
    steps = [row["step"] for row in card.curve]
    assert steps == sorted(steps) and steps[-1] >= card.training["best_step"]
    assert {project["split"] for project in card.data["projects"]} == {"train", "valid", "test"}


def test_it_predicts_the_standard_library() -> None:
    """Not data science, and not in the corpus: a floor for any change of engine or export, not a score."""
    texts = []
    for name in ("statistics", "csv", "heapq"):
        cleaned = clean((Path(sysconfig.get_path("stdlib")) / f"{name}.py").read_bytes(), "python", CleanConfig())
        assert isinstance(cleaned, Cleaned)
        texts.append(cleaned.text)
    score = evaluate(load_model(shipped("python")), texts)
    assert score.accuracy > 0.45
    assert score.bits_per_char < 1.6


@pytest.mark.parametrize(
    ("language", "prefix", "suggestion"),
    [
        ("python", "import numpy as np\nimport pandas as ", "pd"),
        ("python", "import os\nimport sys\n\n\nif __name__ == ", '"__main__":'),
        ("python", "import numpy as np\n\nx = np.arr", "ay("),  # in the middle of a word
        (
            "python",
            "class M:\n    def __init__(self, alpha, beta):\n        self.alpha = alpha\n        self.beta = ",
            "beta",
        ),
        ("java", "import java.util.Scanner;\n\npublic class A {\n    public static void main(String", "[]"),
        ("java", "import java.util.*;\n\nclass A {\n    void f() {\n        Scanner sc = new Scanner(", "System.in);"),
        ("java", "class A {\n    int f(int n) {\n        for (int i = 0; i < ", "n; i++)"),
    ],
)
def test_it_completes_what_anybody_would_type(language: str, prefix: str, suggestion: str) -> None:
    completer = Completer(load_model(shipped(language)), sure=0)
    found = completer.complete(prefix, language=language, limit=3).suggestions
    assert any(each.text.strip().replace("'", '"').startswith(suggestion) for each in found), found
