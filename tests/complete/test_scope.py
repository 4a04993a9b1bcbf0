"""Names that are known come before names from nowhere, if both are nearly as probable."""

from __future__ import annotations

import math

import pytest

from codling.complete.scope import in_scope_first

BEFORE = "import numpy as np\n\ndef f(values):\n    total = "


def ranked(*rows: tuple[str, float], before: str = BEFORE, line: str = "    total = ", after: str = "") -> list[str]:
    found = in_scope_first([(text, math.log(score)) for text, score in rows], before, after, line, "python")
    return [text for text, _ in found]


def test_known_names_first_when_nearly_as_probable() -> None:
    assert ranked(("sum(numbers)", 0.21), ("sum(values)", 0.2)) == ["sum(values)", "sum(numbers)"]
    assert ranked(("sum(numbers)", 0.4), ("sum(values)", 0.2)) == ["sum(numbers)", "sum(values)"]
    assert ranked(("sum(numbers)", 0.21), ("sum(values)", 0.2), after="\nnumbers = 1\n")[0] == "sum(numbers)"


@pytest.mark.parametrize(
    "text",
    [
        "np.anything(values)",  # attributes are not in the file
        "max(values, key=len)",  # nor are names of arguments
        "'whatever it says'",
        "None",
    ],
)
def test_what_is_not_held_against_a_suggestion(text: str) -> None:
    assert ranked((text, 0.21), ("values", 0.2)) == [text, "values"]


def test_what_binds_names_is_not_judged() -> None:
    rows = ("pandas as pd", 0.21), ("numpy as np", 0.2)
    assert ranked(*rows, before="import ", line="import ")[0] == "pandas as pd"


def test_half_a_word_that_goes_on_is_a_name() -> None:
    assert ranked(("ues", 0.2), ("id", 0.21), before=BEFORE + "val", line="    total = val") == ["ues", "id"]
