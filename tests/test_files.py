"""Files that are whole or not there, and folders that one process writes to at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codling.errors import CorpusError, TrainingError
from codling.files import sweep, write_atomically
from codling.hold import only_one

HOLDER = """
import sys, time
from pathlib import Path
from codling.errors import TrainingError
from codling.hold import only_one
with only_one(Path(sys.argv[1]), TrainingError("held")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_held_by_one_and_given_up_by_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "mine"
    refusal = TrainingError("another process trains here")
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(TrainingError, match="another process trains here"), only_one(folder, refusal):
            raise AssertionError("both hold it")
        holder.kill()
    with only_one(folder, refusal):
        with (
            pytest.raises(CorpusError, match="nor twice in one process"),
            only_one(folder, CorpusError("nor twice in one process")),
        ):
            raise AssertionError("both hold it")
        with only_one(tmp_path / "runs" / "other", refusal):
            pass
    with only_one(folder, refusal):
        pass


def test_a_file_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "card.json"
    with write_atomically(path) as file:
        file.write(b"old")
    with pytest.raises(RuntimeError), write_atomically(path) as file:
        file.write(b"new, of which")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["card.json"]
    with pytest.raises(OSError, match=r"No space left on device: .*card\.json"), write_atomically(path) as file:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for name in (".card.json.x1.part", "mine.part", ".hidden"):
        (path.parent / name).write_bytes(b"")
    sweep(path.parent, tmp_path / "nowhere")
    assert {entry.name for entry in path.parent.iterdir()} == {"card.json", "mine.part", ".hidden"}


def test_a_file_may_have_the_longest_of_names(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 127)
    with write_atomically(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.skipif(os.name != "posix", reason="there is no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_may_be_read_by_whom_the_umask_says(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        with write_atomically(tmp_path / "own.py") as file:
            file.write(b"secret = 1")
    finally:
        os.umask(before)
    assert (tmp_path / "own.py").stat().st_mode & 0o777 == mode
