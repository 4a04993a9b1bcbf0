"""The built wheel in a clean environment, without PyTorch: it completes, it serves, it carries page and bundles."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from serving import Serving

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SHIPPED = "python"
PATIENCE_S = 280  # installing fetches ONNX Runtime and NumPy, when pip has them not at hand


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    (built,) = folder.glob("codling-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment in which nothing but the wheel and what it asks for is installed."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)]
    subprocess.run(command, check=True, timeout=PATIENCE_S)
    return python


def run(python: Path, *arguments: str, home: Path) -> str:
    done = subprocess.run(
        [str(python), "-m", "codling", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=home,  # not the checkout, whose source must not be found
        env={"PATH": "", "CODLING_HOME": str(home), "SYSTEMROOT": "C:\\Windows"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_carries_the_page_and_the_bundles(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "codling/serve/page/index.html" in names
    assert any(name.startswith("codling/serve/page/assets/") and name.endswith(".js") for name in names)
    for file in ("card.json", "model.onnx", "vocab.json"):
        assert f"codling/bundles/{SHIPPED}/{file}" in names
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".map"))]


def test_there_is_no_pytorch(python: Path, tmp_path: Path) -> None:
    code = (
        "import importlib.util as u; print([n for n in ('torch', 'onnx', 'pyarrow', 'matplotlib') if u.find_spec(n)])"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE_S)
    assert done.stdout.strip() == "[]", done.stderr


def test_it_completes(python: Path, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(
        json.dumps({"id": "a", "language": "python", "prefix": "import numpy as np\nimport pandas as "})
        + "\n"
        + json.dumps({"id": "🐟", "language": "python", "prefix": 's = "🐟"\nfor i in ra', "suffix": "\n"})
        + "\n",
        encoding="utf-8",
    )
    lines = run(python, "complete", "--batch", str(cases), "--kind", "line", home=tmp_path).splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == ["a", "🐟"]
    assert all(row["suggestions"][0]["text"] and row["ms"] > 0 for row in rows)


def test_its_shipped_bundles_are_whole(python: Path, tmp_path: Path) -> None:
    names = [row["name"] for row in json.loads(run(python, "bundle", "list", "--json", home=tmp_path))]
    assert SHIPPED in names
    for name in names:
        assert "whole" in run(python, "bundle", "check", name, home=tmp_path)


def test_it_runs_learned_programs(python: Path, tmp_path: Path) -> None:
    answer = json.loads(run(python, "npi", "solve", "addition", "96", "125", "--json", home=tmp_path))
    assert answer.keys() == {"result", "steps", "verified"}
    assert answer["result"] == "221" and answer["verified"] is True
    assert "add() › add1() › carry1()" in run(python, "npi", "run", "addition", "96", "125", home=tmp_path)


def test_it_serves_the_page_and_completions(python: Path, tmp_path: Path) -> None:
    with Serving(python=python, env={"CODLING_HOME": str(tmp_path)}) as serving:
        assert "<title>codling</title>" in httpx.get(serving.url).text
        answer = httpx.post(
            f"{serving.url}api/complete", json={"language": "python", "prefix": "import nu"}, timeout=60
        )
        assert answer.status_code == 200 and answer.json()["model"] == SHIPPED
        assert answer.json()["suggestions"][0]["text"]
