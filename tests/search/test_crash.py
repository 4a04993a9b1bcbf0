"""Killed in the middle of a change, at any moment: the index answers as before it or as after it, and goes on."""

from __future__ import annotations

import random
import re
import subprocess
import sys
import time
from pathlib import Path

import code_projects as projects
import tiny_encoder
from codling.search.index import CodeIndex
from codling.search.neural import NeuralStore

_WRITER = """
import sys, itertools
from pathlib import Path
sys.path[:0] = {path!r}
from codling.files import write_text_atomically as write
from codling.search.index import CodeIndex
root, folder = Path({root!r}), Path({folder!r})
index = CodeIndex.open(root, folder=folder)
print("ready", flush=True)
for number in itertools.count({start}):
    for name in ("one", "two", "three"):
        write(root / f"{{name}}.py", f"def {{name}}_{{number}}():\\n    return 'text_{{name}}_{{number}}'\\n")
    write(root / f"made{{number % 3}}.py", f"made = {{number}}\\n")
    if number % 4 == 3:
        index = CodeIndex.build(root, folder=folder, encoder={encoder!r})
    else:
        index.update()
"""


def check_while_it_changes(index: CodeIndex) -> None:
    """One question sees one state: each file's only function, as it was before a change or as it is after."""
    for name in ("one", "two", "three"):
        hits = index.search(f"{name} kind:function path:{name}.py", 50).hits
        assert len(hits) == 1 and hits[0].name.startswith(f"{name}_"), hits
    assert [hit.path for hit in index.search('"x_0 = 0"').hits] == ["x.py"]


def check(index: CodeIndex) -> None:
    """Each file is in the index in exactly one of its states, whatever part of the index is asked."""
    for name in ("one", "two", "three"):
        text = index.text(f"{name}.py")
        found = re.search(rf"{name}_(\d+)", text or "")
        assert found is not None
        number = found.group(1)
        assert [entry.name for entry in index.units(f"{name}.py") if entry.kind == "function"] == [f"{name}_{number}"]
        assert [hit.name for hit in index.search(f"{name}_{number}", 1).hits] == [f"{name}_{number}"]
        hits = index.search(f'"text_{name}_{number}"').hits
        assert [hit.path for hit in hits if hit.kind == "function"] == [f"{name}.py"]
        generation = index.generation()
        assert isinstance(generation.neural, NeuralStore)
        units = {entry.id for entry in index.units(f"{name}.py")}
        assert generation.neural.vectors.vectors(sorted(units)).keys() == units


def test_a_writer_that_is_killed_leaves_a_whole_index(tmp_path: Path) -> None:
    files = {f"{name}.py": f"{name}_0 = 0\n" for name in ("x", "y")}
    files |= {f"{name}.py": f"def {name}_0():\n    return 'text_{name}_0'\n" for name in ("one", "two", "three")}
    root, folder = projects.write(tmp_path / "code", files), tmp_path / "index"
    encoder = str(tiny_encoder.write(tmp_path / "bundles" / "tiny").path)
    CodeIndex.build(root, folder=folder, encoder=encoder).close()
    dice = random.Random(0)
    with CodeIndex.open(root, folder=folder) as reader:
        for number in range(4):
            start = 1 + 1_000 * number
            code = _WRITER.format(path=sys.path, root=str(root), folder=str(folder), encoder=encoder, start=start)
            with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as writer:
                try:
                    assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
                    end = time.monotonic() + dice.uniform(0.1, 0.8)
                    while time.monotonic() < end:
                        check_while_it_changes(reader)
                finally:
                    writer.kill()  # SIGKILL: nothing is tidied up
            check(reader)
            with CodeIndex.open(root, folder=folder) as after:
                check(after)
                after.update()
                check(after)
    with CodeIndex.open(root, folder=folder) as last:
        last.update()
        with CodeIndex.build(root, folder=tmp_path / "anew", encoder=None) as anew:
            for path in ("one.py", "two.py", "three.py", "made0.py"):
                assert last.text(path) == anew.text(path)
                assert last.units(path) == anew.units(path)


def test_a_build_that_is_killed_leaves_the_index_that_was_there(tmp_path: Path) -> None:
    root = projects.copy_package(tmp_path / "code", "asyncio")
    folder = tmp_path / "index"
    CodeIndex.build(root, folder=folder, encoder=None).close()
    projects.copy_package(root, "json", "http", "xml")
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
from codling.search.index import CodeIndex
print("ready", flush=True)
CodeIndex.build({str(root)!r}, folder=__import__("pathlib").Path({str(folder)!r}), encoder=None)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        try:
            deadline = time.monotonic() + 20
            while len(list(folder.glob("g*"))) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            writer.kill()
    with CodeIndex.open(root, folder=folder) as index:
        assert index.definition("gather").hits
        if not index.definition("JSONDecoder").hits:  # it was killed before it was done
            assert index.update().num_read > 10
        assert index.definition("JSONDecoder").hits
    CodeIndex.build(root, folder=folder, encoder=None).close()
    assert len(list(folder.glob("g*"))) == 1
