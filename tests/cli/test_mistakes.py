"""What every command does with things that are no files, names with brackets, and options that are not understood."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codling.bundle import load_bundle
from codling.engine import load_model
from codling.errors import BundleError


def codling(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codling", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
@pytest.mark.parametrize(
    "command",
    [["complete"], ["complete", "--batch"], ["sample", "--prompt-file"], ["eval", "lm"], ["corpus", "build", "OUT"]],
)
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tiny: Path, tmp_path: Path, command: list[str]) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    model = [] if "corpus" in command else ["--model", tiny]
    done = codling(*(tmp_path / "out" if word == "OUT" else word for word in command), tmp_path / "pipe.py", *model)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "pipe" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["complete", "x.py", "--line", "abc"],
        ["complete", "x.py", "--kind", "word"],
        ["serve", "--port", "99999"],
        ["sample", "--lenght", "3"],
        ["complte"],
        ["eval", "lm"],
        ["corpus", "encode", "in", "out", "--weigh", "examples/"],
        ["corpus", "encode", "in", "out", "--weigh", "examples/=often"],
    ],
)
def test_an_option_that_is_not_understood_is_one_line(arguments: list[str]) -> None:
    done = codling(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "--help" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="a closed pipe is an error of another kind there")
@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["bundle", "list"], ["bundle", "list", "--json"], ["cache", "show"]]
)
def test_a_reader_who_has_seen_enough_is_no_mistake(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "codling", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stderr is not None
        writer.stdout.close()
        said = writer.stderr.read()
    assert (writer.returncode, said) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk at hand")
@pytest.mark.parametrize("arguments", [["bundle", "list"], ["bundle", "list", "--json"], ["--version"]])
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "codling", *arguments], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "codling: No space left on device\n")


def test_brackets_in_names_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.py").write_text("def area(radius):\n    return 3.14159 * radius * radius\n")
    out = tmp_path / "corpus[/b]"
    done = codling("corpus", "build", out, tmp_path / "project", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout


@pytest.mark.parametrize("size", [7, 10**12])
def test_a_card_whose_states_are_not_the_graphs_is_refused(tiny: Path, tmp_path: Path, size: int) -> None:
    folder = shutil.copytree(tiny, tmp_path / "bundle")
    card = json.loads((folder / "card.json").read_text())
    card["states"][0]["shape"][-1] = size
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match="the shape"):
        load_model(load_bundle(folder))
