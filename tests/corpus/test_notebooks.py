"""Notebooks as people leave them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codling.corpus.clean import Dropped
from codling.corpus.notebooks import notebook_code


def notebook(*cells: str | list[str], language: str = "python") -> bytes:
    rows: list[dict[str, Any]] = [{"cell_type": "markdown", "source": ["# Title"]}]
    rows += [{"cell_type": "code", "source": cell, "outputs": []} for cell in cells]
    return json.dumps({"nbformat": 4, "metadata": {"language_info": {"name": language}}, "cells": rows}).encode()


def code(data: bytes) -> str:
    result = notebook_code(data)
    assert not isinstance(result, Dropped), result
    return result[1]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("import numpy as np", "import numpy as np"),
        (["x = 1\n", "y = 2"], "x = 1\ny = 2"),
        ("%matplotlib inline\nx = 1", "x = 1"),
        ("!pip install numpy\nx = 1\nx.mean?", "x = 1"),
        ("%%time\nx = 1", "x = 1"),
        ("%%bash\nls", ""),
        ("s = '''\n%matplotlib inline\n'''", "s = '''\n%matplotlib inline\n'''"),
        ("x = y \\\n% z", "x = y \\\n% z"),
        ("x = (", ""),
        ("print 'python 2'", ""),
        ("", ""),
        ("\ud800", ""),
    ],
)
def test_cells(cell: str | list[str], expected: str) -> None:
    assert code(notebook(cell)) == expected + "\n"


def test_cells_are_parted_by_a_blank_line() -> None:
    assert code(notebook("x = 1\n", "\ny = 2")) == "x = 1\n\ny = 2\n"


def test_the_old_format() -> None:
    data = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}]}
    assert code(json.dumps(data).encode()) == "x = 1\n"


def test_another_language_of_the_table() -> None:
    result = notebook_code(notebook("int x = 1;", language="java"))
    assert not isinstance(result, Dropped)
    assert (result[0].name, result[1]) == ("java", "int x = 1;\n")


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"cells": 1}', b"[" * 100_000, b"\xff\xfe", notebook("x <- 1", language="R")]
)
def test_what_is_no_notebook_of_ours(data: bytes) -> None:
    result = notebook_code(data)
    assert isinstance(result, Dropped)
    assert result.reason == "notebook"
