"""Whole builds: what they hold, that they are the same however they came about, and that nothing leaks."""

from __future__ import annotations

import hashlib
import inspect
import json
import json.decoder
import os
import random
import signal
import statistics
import subprocess
import sys
import sysconfig
import textwrap
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

import codling.corpus.gather as gather_module
from codling.config import from_mapping, to_mapping
from codling.corpus.build import BuildConfig, build_corpus
from codling.corpus.clean import CleanConfig, clean
from codling.corpus.gather import GatherConfig
from codling.corpus.judge import JudgeConfig
from codling.corpus.shards import open_shards, read_index
from codling.corpus.sources import Request
from codling.corpus.split import SplitConfig
from codling.errors import CorpusError
from codling.vocab import DOC, CharVocab

STDLIB = Path(sysconfig.get_path("stdlib"))
MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy"


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """Four projects of real modules; c copies one of a's, d is a fork of b, and e is under the GPL."""
    code = {module.__name__: inspect.getsource(module) for module in (json.decoder, random, statistics, textwrap)}
    fork = code["random"].replace("def seed", "def sow").replace("import os", "import os, sys")
    files = {
        "a": {
            "decoder.py": code["json.decoder"],
            "LICENSE": MIT,
            "broken.py": "print 'x'\n",
            "empty.py": "# nothing\n",
        },
        "b": {"rand.py": code["random"], "LICENSE": MIT, "fish.ipynb": '{"cells": []}', "_vendor/v.py": "x = 1\n"},
        "c": {"copy.py": "# another comment\n" + code["json.decoder"], "stats.py": code["statistics"]},
        "d": {"rand2.py": fork, "wrap.py": code["textwrap"] + "# 🐟\nfish = '🐟'\n", "A.java": "class A { int x; }\n"},
        "e": {"gpl.py": "x = 1\n" * 5, "LICENSE": "GNU GENERAL PUBLIC LICENSE\nVersion 3\n"},
    }
    for project, members in files.items():
        for name, text in members.items():
            path = tmp_path / "projects" / project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return tmp_path / "projects"


def requests(projects: Path, **splits: str) -> list[Request]:
    return [Request(str(path), splits.get(path.name, "")) for path in sorted(projects.iterdir())]


def config(**judge: Any) -> BuildConfig:
    return BuildConfig(judge=JudgeConfig(**{"split": SplitConfig(valid=0, test=0)} | judge))


def digests(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def manifest(out: Path) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    return {f"{row['project']}/{row['path']}": row for row in rows}


def test_what_a_corpus_holds(projects: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    index = build_corpus(out, requests(projects, b="valid", d="test"), config(), num_workers=1)
    assert index == read_index(out)
    assert from_mapping(CleanConfig, index["cleaning"]) == CleanConfig()
    dropped = {name: row["dropped"] for name, row in manifest(out).items()}
    assert dropped == {
        "a/decoder.py": None,
        "a/broken.py": "not-parsing",
        "a/empty.py": "empty",
        "b/rand.py": "near-duplicate",  # of the fork in the test split, which is what must stay
        "b/fish.ipynb": "empty",
        "b/_vendor/v.py": "vendored",
        "c/copy.py": "duplicate",
        "c/stats.py": None,
        "d/rand2.py": None,
        "d/wrap.py": None,
        "d/A.java": None,
        "e/gpl.py": None,
    }
    assert {row["split"] for row in manifest(out).values() if row["project"] == "d"} == {"test"}
    assert index["counts"]["dropped"]["not-parsing"] == 1
    assert [row["licence"] for row in index["projects"]] == ["MIT", "MIT", "unknown", "unknown", "GPL-3.0-or-later"]
    for split in ("train", "valid", "test"):
        shards = open_shards(out, split)
        texts = pq.read_table(out / "text" / f"{split}.parquet").to_pylist()
        assert shards.num_tokens == index["splits"][split]["tokens"]
        tokens = list(shards.documents())
        assert all(document[0] == DOC for document in tokens)
        assert [shards.vocab.decode(document) for document in tokens] == [row["text"] for row in texts]
        for row in texts:
            source = (projects / row["project"] / row["path"]).read_bytes()
            assert clean(source, row["language"]).text == row["text"]  # type: ignore[union-attr]
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "<svg" in report
    assert "near-duplicate" in report


def test_near_duplicates_within_a_split_and_permission_to_keep_them(projects: Path, tmp_path: Path) -> None:
    build_corpus(tmp_path / "1", requests(projects), config(), num_workers=1)
    assert manifest(tmp_path / "1")["b/rand.py"]["dropped"] is None, "by name, b comes before d"
    assert manifest(tmp_path / "1")["d/rand2.py"]["dropped"] == "near-duplicate"
    assert manifest(tmp_path / "1")["d/rand2.py"]["detail"].startswith("b : rand.py (0.")
    build_corpus(tmp_path / "2", requests(projects), config(near_duplicate=0.0), num_workers=1)
    assert manifest(tmp_path / "2")["d/rand2.py"]["dropped"] is None


def test_licences(projects: Path, tmp_path: Path) -> None:
    build_corpus(tmp_path / "out", requests(projects), config(licences="permissive"), num_workers=1)
    kept = {row["project"] for row in manifest(tmp_path / "out").values() if row["dropped"] is None}
    assert kept == {"a", "b"}
    assert manifest(tmp_path / "out")["e/gpl.py"]["dropped"] == "licence"


def test_the_same_bytes_however_it_is_built(projects: Path, tmp_path: Path) -> None:
    one, two, three = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    build_corpus(one, requests(projects, b="valid"), config(), num_workers=1)
    build_corpus(two, list(reversed(requests(projects, b="valid"))), config(), num_workers=2)
    build_corpus(three, requests(projects), BuildConfig(), num_workers=1)  # another corpus first, in the same folder
    build_corpus(three, requests(projects, b="valid"), config(), num_workers=1)
    assert digests(one) == digests(two) == digests(three)
    assert len(digests(one)) > 10


def test_another_project_moves_no_other_and_leaves_the_order(projects: Path, tmp_path: Path) -> None:
    few, all_ = requests(projects)[1:], requests(projects)
    draw = config(split=SplitConfig(valid=0.3, test=0.3))
    build_corpus(tmp_path / "1", few, draw, num_workers=1)
    build_corpus(tmp_path / "2", all_, draw, num_workers=1)
    before, after = manifest(tmp_path / "1"), manifest(tmp_path / "2")
    assert all(after[name]["split"] == row["split"] for name, row in before.items())
    for split in ("train", "valid", "test"):
        one, two = (
            [
                f"{row['project']}/{row['path']}"
                for row in pq.read_table(tmp_path / n / "text" / f"{split}.parquet").to_pylist()
            ]
            for n in ("1", "2")
        )
        assert [name for name in one if name in two] == [name for name in two if name in one]


def test_a_source_that_changes_is_gathered_anew(projects: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build_corpus(out, requests(projects), config(), num_workers=1)
    before = set((out / "work").iterdir())
    (projects / "e" / "gpl.py").write_text("y = 2\n" * 5)
    build_corpus(out, requests(projects), config(), num_workers=1)
    after = set((out / "work").iterdir())
    assert len(before) == len(after)
    assert len(before - after) == 2, "one source's texts and rows, and no other's"
    text = "".join(row["text"] for row in pq.read_table(out / "text" / "train.parquet").to_pylist())
    assert "y = 2" in text
    assert "x = 1\nx = 1" not in text


def test_a_vocabulary_of_ones_own(projects: Path, tmp_path: Path) -> None:
    path = tmp_path / "vocab.json"
    path.write_text(json.dumps(CharVocab("abc ").to_json()))
    build_corpus(tmp_path / "out", requests(projects), config(), vocab=path, num_workers=1)
    shards = open_shards(tmp_path / "out", "train")
    assert shards.vocab.size == 1 + 4 + 256
    assert "class" in shards.vocab.decode(next(shards.documents())) or "def" in shards.vocab.decode(
        next(shards.documents())
    )


def test_split_by_file_fills_a_validation_split_of_one_project(projects: Path, tmp_path: Path) -> None:
    for i in range(40):
        (projects / "a" / f"m{i}.py").write_text(f"def f{i}(x):\n    return x + {i} * {i}\n")
    by_file = config(split=SplitConfig(valid=0.3, test=0.2, by="file"), near_duplicate=0.0)
    index = build_corpus(tmp_path / "out", [Request(str(projects / "a"))], by_file, num_workers=1)
    assert all(index["splits"][split]["documents"] > 2 for split in ("train", "valid", "test"))


@pytest.mark.parametrize(
    ("pins", "message"),
    [({"f": "test"}, "cannot pin 'f' to test"), ({"a": "valid"}, "'a' is pinned both to test and to valid")],
)
def test_pins_that_cannot_be(projects: Path, tmp_path: Path, pins: dict[str, str], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        build_corpus(tmp_path / "out", requests(projects, a="test"), config(), pins=pins, num_workers=1)


def test_a_source_that_is_named_twice_is_read_once_and_pinned_once(projects: Path, tmp_path: Path) -> None:
    twice = [Request(str(projects / "a"), "test"), *requests(projects)]
    index = build_corpus(tmp_path / "out", twice, config(), num_workers=2)
    assert [row["split"] for row in index["projects"]] == ["test", "train", "train", "train", "train"]
    with pytest.raises(CorpusError, match="is pinned both to test and to valid"):
        build_corpus(tmp_path / "out", [*twice, Request(str(projects / "a"), "valid")], config(), num_workers=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_a_full_disk_is_one_line(projects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codling.files.os.fsync", lambda descriptor: Path("/dev/full").write_bytes(b"x"))
    with pytest.raises(CorpusError, match=r"cannot build .*No space left on device"):
        build_corpus(tmp_path / "out", requests(projects), config(), num_workers=1)
    monkeypatch.undo()
    build_corpus(tmp_path / "out", requests(projects), config(), num_workers=1)
    assert not list((tmp_path / "out").rglob("*.part"))


def test_what_no_table_can_hold_is_written_differently(tmp_path: Path) -> None:
    """Names that are no UTF-8, a notebook in a language that is no text: hostile or not, a build goes on."""
    folder = tmp_path / (os.fsdecode(b"s\xff") if sys.platform == "linux" else "s")
    (folder / "_vendor").mkdir(parents=True)
    (folder / "a.py").write_text(inspect.getsource(textwrap))
    (folder / "n.ipynb").write_text('{"cells": [], "metadata": {"language_info": {"name": "\\ud800"}}}')
    (folder / "old.ipynb").write_text('{"worksheets": [{"cells": 5}]}')
    if sys.platform == "linux":
        (folder / os.fsdecode(b"_vendor\xff")).mkdir()
        (folder / os.fsdecode(b"_vendor\xff") / "v.py").write_text("x = 1\n")
    index = build_corpus(tmp_path / "out", [Request(str(folder))], BuildConfig(), num_workers=1)
    assert index["counts"]["kept"] == 1
    reasons = {row["path"]: row["dropped"] for row in pq.read_table(tmp_path / "out" / "manifest.parquet").to_pylist()}
    assert reasons["n.ipynb"] == "notebook"
    assert read_index(tmp_path / "out") == index
    missing = Request(os.fsdecode(b"gone\xff"))
    index = build_corpus(
        tmp_path / "out", [Request(str(folder)), missing], BuildConfig(), num_workers=1, keep_going=True
    )
    assert len(index["failed"]) == 1 and read_index(tmp_path / "out") == index


def test_a_folder_that_changes_while_it_is_read_is_not_kept(
    projects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the work on its new files would be taken for that on its old ones, should these come back."""
    out, folder, cleaned = tmp_path / "out", projects / "a", gather_module.clean_parsed
    before = (folder / "decoder.py").read_text()
    again = build_corpus(tmp_path / "whole", [Request(str(folder))], BuildConfig(), num_workers=1)

    def meddled(*args: Any) -> Any:
        (folder / "decoder.py").write_text(before + "\n\ndef late(x):\n    return x\n")
        return cleaned(*args)

    monkeypatch.setattr(gather_module, "clean_parsed", meddled)
    with pytest.raises(CorpusError, match="a was changed while it was read; run the command again"):
        build_corpus(out, [Request(str(folder))], BuildConfig(), num_workers=1)
    monkeypatch.undo()
    (folder / "decoder.py").write_text(before)
    assert build_corpus(out, [Request(str(folder))], BuildConfig(), num_workers=1) == again


def test_a_second_build_in_the_same_folder_is_refused(projects: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def second(stage: str, _done: int, _total: int) -> None:
        if stage == "judge":
            with pytest.raises(CorpusError, match=r"another process builds .*; wait for it"):
                build_corpus(out, [Request(str(projects / "b"))], BuildConfig(), num_workers=1)

    index = build_corpus(out, [Request(str(projects / "a"))], BuildConfig(), num_workers=1, progress=second)
    assert read_index(out) == index
    build_corpus(out, [Request(str(projects / "b"))], BuildConfig(), num_workers=1)


def test_a_source_that_cannot_be_had(projects: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "x-1.0.tar.gz"
    damaged.write_bytes(b"no archive")
    asked = [*requests(projects), Request(str(tmp_path / "nowhere")), Request(str(damaged))]
    for num_workers in (1, 2):
        with pytest.raises(CorpusError, match=r"nowhere.*--keep-going"):
            build_corpus(tmp_path / "out", asked, config(), num_workers=num_workers)
        with pytest.raises(CorpusError, match="no finished corpus"):
            read_index(tmp_path / "out")
    index = build_corpus(tmp_path / "out", asked, config(), num_workers=1, keep_going=True)
    assert [row["source"] for row in index["failed"]] == [str(tmp_path / "nowhere"), str(damaged)]
    assert "nowhere" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_folder_with_something_else_is_left_alone(projects: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds something that is no corpus"):
        build_corpus(projects / "a", requests(projects), config(), num_workers=1)
    with pytest.raises(CorpusError, match="is a file"):
        build_corpus(projects / "a" / "LICENSE", requests(projects), config(), num_workers=1)
    with pytest.raises(CorpusError, match="no source"):
        build_corpus(tmp_path / "out", [], config(), num_workers=1)


def test_damaged_shards_are_noticed(projects: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build_corpus(out, requests(projects), config(), num_workers=1)
    shard = out / "shards" / "train-00000.npy"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-100])
    with pytest.raises(CorpusError, match="build the corpus again"):
        open_shards(out, "train")
    np.save(shard, np.zeros(3, np.int64))
    with pytest.raises(CorpusError, match="damaged"):
        open_shards(out, "train")
    with pytest.raises(CorpusError, match="has no split 'dev'"):
        open_shards(out, "dev")


def test_config_survives_the_round_trip() -> None:
    made = BuildConfig(gather=GatherConfig(clean=CleanConfig(keep_docstrings=True)))
    assert from_mapping(BuildConfig, to_mapping(made)) == made


# The small ones first: when one of them is done, there is enough left for the signal to come in the middle.
NAMES = ("json", "http", "xml", "unittest", "email", "importlib", "multiprocessing", "asyncio", "encodings")
OPTIONS = [*(str(STDLIB / name) for name in NAMES), "--workers", "2", "--test", "json", "--valid", "http"]
COMMAND = [sys.executable, "-m", "codling", "corpus", "build"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build that nobody stops makes."""
    out = tmp_path_factory.mktemp("whole") / "out"
    subprocess.run([*COMMAND, str(out), *OPTIONS], check=True, capture_output=True)
    return out


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 and Ctrl-C are POSIX's")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_killed_goes_on_to_the_same_bytes(whole: Path, tmp_path: Path, how: signal.Signals) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen([*COMMAND, str(out), *OPTIONS], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list((out / "work").glob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert b"Traceback" not in errors, errors.decode()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive, "workers outlived the build"
    done = {path.name: path.stat().st_mtime_ns for path in (out / "work").glob("*.parquet")}
    assert 0 < len(done) < len(NAMES), "it was to be stopped in the middle"
    with pytest.raises(CorpusError, match="no finished corpus"):
        read_index(out)
    subprocess.run([*COMMAND, str(out), *OPTIONS], check=True, capture_output=True)
    again = {path.name: path.stat().st_mtime_ns for path in (out / "work").glob("*.parquet")}
    assert {name: again[name] for name in done} == done, "what was done is not done again"
    assert digests(out) == digests(whole)


@pytest.mark.parametrize("stage", ["judge", "write"])
def test_a_build_that_stops_in_a_later_stage_goes_on_too(projects: Path, tmp_path: Path, stage: str) -> None:
    def stop(at: str, done: int, total: int) -> None:
        if at == stage:
            raise KeyboardInterrupt

    build_corpus(tmp_path / "whole", requests(projects), config(), num_workers=1)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(tmp_path / "out", requests(projects), config(), num_workers=2, progress=stop)
    with pytest.raises(CorpusError, match="no finished corpus"):
        read_index(tmp_path / "out")
    build_corpus(tmp_path / "out", requests(projects), config(), num_workers=2)
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_text_that_looks_like_the_paper_says(tmp_path: Path) -> None:
    """Section IV.A of the paper: no comments, and no dictionary of more than a hundred lines."""
    table = "table = {\n" + "".join(f"    'key{i}': {i},\n" for i in range(150)) + "}\n"
    source = f"# a comment\n{table}\n\ndef f(x):  # another\n    return table[x]\n"
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_text(source)
    build_corpus(tmp_path / "out", [Request(str(tmp_path / "p"))], config(), num_workers=1)
    [row] = pq.read_table(tmp_path / "out" / "text" / "train.parquet").to_pylist()
    assert row["text"] == textwrap.dedent(
        """\
        table = {}


        def f(x):
            return table[x]
        """
    )
