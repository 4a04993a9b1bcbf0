"""codling corpus on the command line: answers on stdout, one line for a mistake, exit code 2."""

from __future__ import annotations

import inspect
import json
import textwrap
from pathlib import Path

import pytest

from command import run_codling


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.py").write_text(inspect.getsource(textwrap))
    (folder / "b.py").write_text("print 'x'\n")
    return folder


def test_build_and_show(project: Path, tmp_path: Path) -> None:
    sources = tmp_path / "sources.txt"
    sources.write_text(f"{project}  train\n")
    out = tmp_path / "out"
    built = run_codling("corpus", "build", out, "--sources", sources, "--workers", "1", "--json")
    assert built.returncode == 0, built.stderr
    index = json.loads(built.stdout)
    assert index["splits"]["train"]["documents"] == 1
    assert built.stderr == "codling: the valid split is empty; --valid NAME or --split-by file fills it\n"
    assert json.loads(run_codling("corpus", "show", out, "--json").stdout) == index
    shown = run_codling("corpus", "show", out)
    assert shown.returncode == 0
    assert "mine" in shown.stdout
    assert "not-parsing" in shown.stdout
    plain = run_codling("corpus", "build", out, project, "--workers", "1", "--keep-docstrings")
    assert plain.returncode == 0
    assert "1 of 2 files kept" in plain.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "OUT"], "there is no source to build a corpus from"),
        (["build", "OUT", "nowhere"], "there is no source 'nowhere'"),
        (["build", "OUT", "PROJECT", "--test", "mien"], "cannot pin 'mien' to test"),
        (["build", "OUT", "PROJECT", "--test", "mine", "--valid", "mine"], "'mine' cannot be in the test"),
        (["build", "OUT", "PROJECT", "--licences", "some"], "judge.licences must be one of any, permissive"),
        (["build", "OUT", "PROJECT", "--split-by", "line"], "judge.split.by must be one of project, file"),
        (["build", "OUT", "PROJECT", "--vocab", "nowhere"], "cannot read the vocabulary nowhere"),
        (["build", "OUT", "EMPTY"], "no file was kept (1 empty)"),
        (["build", "PROJECT", "PROJECT"], "holds something that is no corpus"),
        (["show", "PROJECT"], "is no finished corpus"),
    ],
)
def test_a_mistake_is_one_line(project: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "empty.py").touch()
    places = {"OUT": str(tmp_path / "out"), "PROJECT": str(project), "EMPTY": str(tmp_path / "empty.py")}
    done = run_codling("corpus", *(places.get(argument, argument) for argument in arguments), *_workers(arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def _workers(arguments: list[str]) -> list[str]:
    return ["--workers", "1"] if arguments[0] == "build" else []
