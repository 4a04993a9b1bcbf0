"""A project's folder as it changes, and what is kept of it, against a fresh look at the same folder."""

from __future__ import annotations

import inspect
import json
import logging
import os
import random
import subprocess
import textwrap
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from codling.engine import project as project_module
from codling.engine.ngram_cache import Candidates
from codling.engine.project import CacheLimits, ProjectCache
from codling.engine.project_store import SUFFIX as STORE_SUFFIX
from codling.engine.project_store import StoredProject, clear_stored, list_stored, read_stored, stores
from codling.errors import CancelledError, CodlingError
from codling.vocab import DOC, BpeVocab, CharVocab

LOADER = "class FishLoader:\n    def load_fish(self, tank_name):\n        return self.tanks[tank_name].fish\n"
USER = "from fish import FishLoader\n\nloader = FishLoader()\nprint(loader.load_fish('north'))\n"


@cache
def bpe() -> BpeVocab:
    return BpeVocab.train([inspect.getsource(textwrap), inspect.getsource(inspect), LOADER], 600)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "aquarium"
    write(folder / "fish.py", LOADER)
    write(folder / "app/main.py", USER)
    write(folder / "app/broken.py", "def half(:\n    loader.feed_fish(\n")
    write(folder / "notes.txt", "FishLoader")
    write(folder / "build.log.py", "secret_word = 1\n")
    write(folder / ".gitignore", "*.log.py\n")
    write(folder / "Fish.java", "class Fish { void swim() {} }\n")
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def opened(root: Path | None, tmp_path: Path, **options: object) -> ProjectCache:
    project = ProjectCache(root, bpe(), keep_in=tmp_path / "kept", **options)  # type: ignore[arg-type]
    project.refresh()
    return project


def ask(project: ProjectCache, *texts: str, path: str = "new.py") -> list[dict[int, float]]:
    found = project.file(path).candidates([project.vocab.encode(text) for text in texts])
    return [as_dict(found, row) for row in range(len(texts))]


def as_dict(found: Candidates, row: int = 0) -> dict[int, float]:
    return {t: round(p, 9) for t, p in zip(found.ids_BC[row].tolist(), found.probs_BC[row].tolist(), strict=True) if p}


def best(project: ProjectCache, text: str, path: str = "new.py") -> str:
    found = project.file(path).candidates([project.vocab.encode(text)])
    return project.vocab.decode(found.ids_BC[0, :1].tolist()) if found.probs_BC[0, 0] else ""


def test_reads_what_counts_and_nothing_else(root: Path, tmp_path: Path) -> None:
    project = opened(root, tmp_path)
    assert project.paths == ["app/broken.py", "app/main.py", "fish.py"]
    assert opened(root, tmp_path, languages=("java",)).paths == ["Fish.java"]
    assert best(project, "\n    loader.") in ("fe", "feed", "f", "feed_")  # in code that does not parse yet
    assert best(project, "secret_word") == "" != best(project, "FishLoader")


def test_comments_and_documentation_are_not_counted(root: Path, tmp_path: Path) -> None:
    write(root / "fish.py", '"""zebra zebra"""\n# zebra zebra\n' + LOADER)
    with_prose = ask(opened(root, tmp_path), "loader", ":\n        return self.", "zebra")
    write(root / "fish.py", LOADER)
    assert with_prose == ask(opened(root, tmp_path), "loader", ":\n        return self.", "zebra")


def test_tabs_are_read_as_spaces(root: Path, tmp_path: Path) -> None:
    expected = ask(opened(root, tmp_path), "(self, tank_name):", path="app/main.py")
    write(root / "fish.py", LOADER.replace("    ", "\t"))
    assert ask(opened(root, tmp_path), "(self, tank_name):", path="app/main.py") == expected


@pytest.mark.parametrize("merge_tokens", [0, 40, 60_000])
def test_what_is_noted_is_what_a_fresh_look_finds(
    root: Path, tmp_path: Path, merge_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saves, deletions and new files in any order; with all kinds of merges of the small index into the large one."""
    monkeypatch.setattr(project_module, "_MERGE_TOKENS", merge_tokens)
    choose = random.Random(1)
    project = opened(root, tmp_path, persist=False)
    texts = [LOADER, USER, "x = load_fish(north)\n", "class Tank(FishLoader):\n    pass\n"]
    names = ["fish.py", "app/main.py", "app/new.py", "app/deep/er.py", "other.py"]
    asked = ["loader", " FishLoader", "self.", "load_fish(", "\n", "class"]
    for _ in range(25):
        name = choose.choice(names)
        if choose.random() < 0.3:
            (root / name).unlink(missing_ok=True)
            assert not project.saved(root / name)
        else:
            write(root / name, choose.choice(texts))
            assert project.saved(name)
        fresh = opened(root, tmp_path, persist=False)
        assert project.paths == fresh.paths
        for path in ("app/main.py", "elsewhere.py"):
            assert ask(project, *asked, path=path) == ask(fresh, *asked, path=path)


def test_ignored_and_foreign_files_are_not_noted(root: Path, tmp_path: Path) -> None:
    project = opened(root, tmp_path)
    write(root / "more.log.py", "leak = 1\n")
    write(tmp_path / "outside.py", "leak = 1\n")
    for path in (
        root / "more.log.py",
        root / "notes.txt",
        tmp_path / "outside.py",
        "../outside.py",
        root / "Fish.java",
    ):
        assert not project.saved(path)
    assert project.paths == ["app/broken.py", "app/main.py", "fish.py"]


def test_what_git_ignores_is_what_we_ignore(root: Path, tmp_path: Path) -> None:
    write(root / ".gitignore", "*.log.py\n/app/*\n!app/main.py\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=root, check=True, capture_output=True, text=True
    )
    assert opened(root, tmp_path).paths == sorted(listed.stdout.split())


def test_limits_hold_and_the_newest_stay(root: Path, tmp_path: Path) -> None:
    write(root / "large.py", "x = 1\n" * 1_000)
    for age, name in enumerate(["fish.py", "app/main.py", "app/broken.py", "large.py"]):
        os.utime(root / name, (1e9 - age, 1e9 - age))
    report = opened(root, tmp_path, limits=CacheLimits(max_file_bytes=4_000)).refresh()
    assert (report.num_files, report.num_left_out) == (3, 1)
    first = len(bpe().encode(LOADER))
    assert opened(root, tmp_path, limits=CacheLimits(max_tokens=first)).paths == ["fish.py"]
    assert opened(root, tmp_path, limits=CacheLimits(max_files=2)).paths == ["app/main.py", "fish.py"]


def test_an_open_file_counts_as_typed_and_not_as_saved(root: Path, tmp_path: Path) -> None:
    project = opened(root, tmp_path)
    view = project.file(root / "fish.py")
    tokens = bpe().encode("tanks[")
    assert not as_dict(view.candidates([tokens]))  # only its own saved text has it
    view.update("a.tanks[cod]\nb.tanks[", "]\nc.tanks[cod]\n")
    first = bpe().decode(view.candidates([tokens]).ids_BC[0, :1].tolist())
    assert "cod".startswith(first)


def test_a_path_that_leads_nowhere_is_one_outside(root: Path, tmp_path: Path) -> None:
    project = opened(root, tmp_path)
    (root / "round.py").symlink_to(root / "round.py")
    for path in ("round.py", "round.py/deeper.py", "a\0b.py", "a" * 10_000, "\ud800.py"):
        assert best(project, "FishLoader", path) == best(project, "FishLoader")
        assert not project.saved(path)


def test_who_asks_about_a_text_hears_of_that_text_whatever_else_is_opened_meanwhile(tmp_path: Path) -> None:
    view = ProjectCache(None, bpe()).file()
    tokens = bpe().encode("tanks[")
    one = view.update("a.tanks[cod]\nb.tanks[")
    known = as_dict(view.candidates([tokens], one))
    other = view.update("a.tanks[eel]\na.tanks[eel]\nb.tanks[")
    assert as_dict(view.candidates([tokens], one)) == known != as_dict(view.candidates([tokens], other))
    assert as_dict(view.candidates([tokens])) == as_dict(view.candidates([tokens], other))


def test_half_a_word_does_not_foresee_itself(tmp_path: Path) -> None:
    view = ProjectCache(None, bpe()).file()
    view.update("value = wurst")
    assert not as_dict(view.candidates([bpe().encode("value =")]))
    view.update("value = wurst\nvalue =")
    assert as_dict(view.candidates([bpe().encode("value =")]))


def test_a_file_knows_what_stands_below(tmp_path: Path) -> None:
    view = ProjectCache(None, bpe()).file()
    view.update("x = 1\n", "rest of the line\nwith open(tank_name) as fish:\n")
    found = view.candidates([bpe().encode("\nwith open(")])
    assert as_dict(found)
    assert not as_dict(view.candidates([bpe().encode("rest of")]))


def test_nothing_before_the_document_counts(root: Path, tmp_path: Path) -> None:
    view = opened(root, tmp_path).file("new.py")
    plain = bpe().encode("\n\nloader = FishLoader")
    assert as_dict(view.candidates([[DOC, *plain]])) == as_dict(view.candidates([plain])) != {}


def test_characters(root: Path, tmp_path: Path) -> None:
    project = ProjectCache(root, CharVocab(), persist=False)
    project.refresh()
    found = as_dict(project.file("new.py").candidates([CharVocab().encode("tank_name):\n")]))
    assert found[CharVocab().encode(" ")[0]] > 0.9  # nothing else ever followed so many characters


def test_a_restart_reads_only_what_changed(root: Path, tmp_path: Path) -> None:
    before = opened(root, tmp_path)
    again = ProjectCache(root, bpe(), keep_in=tmp_path / "kept")
    assert again.refresh().num_read == 0
    assert ask(again, "loader", "self.") == ask(before, "loader", "self.")
    write(root / "fish.py", LOADER + "\nMORE = FishLoader()\n")
    third = ProjectCache(root, bpe(), keep_in=tmp_path / "kept")
    assert third.refresh().num_read == 1
    assert third.refresh().num_read == 0
    assert ask(third, "loader", "MORE =") == ask(opened(root, tmp_path, persist=False), "loader", "MORE =")


def test_what_was_noted_is_kept_when_the_project_is_closed(root: Path, tmp_path: Path) -> None:
    project = opened(root, tmp_path)
    write(root / "app/new.py", USER * 2)
    assert project.saved("app/new.py")
    project.close()
    assert ProjectCache(root, bpe(), keep_in=tmp_path / "kept").refresh().num_read == 0


def test_where_nothing_changed_nothing_is_written(root: Path, tmp_path: Path) -> None:
    """A file that cannot be read must not look like a change at every start."""
    (root / "binary.py").write_bytes(b"x = 1\0")
    write(root / "large.py", "x = 1\n" * 1_000)
    limits = CacheLimits(max_file_bytes=4_000)
    project = opened(root, tmp_path, limits=limits)
    (path,) = (tmp_path / "kept").glob(f"*{STORE_SUFFIX}")
    path.unlink()
    assert project.refresh().num_left_out == 2
    project.close()
    assert not path.exists()
    write(root / "fish.py", LOADER * 2)
    project.saved("fish.py")
    project.close()
    written = path.stat().st_mtime_ns
    assert ProjectCache(root, bpe(), keep_in=tmp_path / "kept", limits=limits).refresh().num_read == 0
    assert path.stat().st_mtime_ns == written


def test_another_vocabulary_or_cleaning_has_a_store_of_its_own(root: Path, tmp_path: Path) -> None:
    opened(root, tmp_path)
    for other in (
        ProjectCache(root, CharVocab(), keep_in=tmp_path / "kept"),
        ProjectCache(root, bpe(), keep_in=tmp_path / "kept", cleaning={"keep_docstrings": True}),
    ):
        assert other.refresh().num_read == 3
    assert len(list_stored(tmp_path / "kept")) == 3


def damage(data: bytes) -> list[bytes]:
    _, _, payload = data.partition(b"\n")
    line, _, tokens = payload.partition(b"\n")
    header = json.loads(line)

    def signed(header: object, tokens: bytes = tokens) -> bytes:
        import hashlib

        body = json.dumps(header).encode() + b"\n" + tokens
        return hashlib.sha256(body).hexdigest().encode() + b"\n" + body

    rows = header["files"]
    return [
        b"",
        b"\n",
        data[:-1],
        data[: len(data) // 2],
        data + b"x",
        b"0" * 64 + b"\n" + payload,
        data.replace(b'"format": 1', b'"format": 2'),
        signed(header | {"format": 2}),
        signed([]),
        signed(header | {"files": None}),
        signed(header | {"files": [1]}),
        signed(header | {"files": [["a", 1, 1, -5], *rows]}),
        signed(header | {"files": [[*rows[0][:3], rows[0][3] + 10_000]]}),
        signed(header | {"files": [[1, 2, 3, 4]]}),
        signed(header | {"files": rows[:1]}),
        signed(header, tokens[:-2]),
        signed(header, tokens + b"\0"),
        signed(header, b"\xff\xff" + tokens[2:]),
        signed(header, b"\0\0" + tokens[2:]),
        signed(header)[:70] + b"[" * 100_000,
    ]


def test_a_damaged_store_is_noticed_and_made_again(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = ask(opened(root, tmp_path), "loader", "self.")
    (path,) = (tmp_path / "kept").glob(f"*{STORE_SUFFIX}")
    whole = path.read_bytes()
    for data in damage(whole):
        path.write_bytes(data)
        with pytest.raises(CodlingError, match="codling cache clear"):
            read_stored(path, bpe().size)
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="codling"):
            project = ProjectCache(root, bpe(), keep_in=tmp_path / "kept")
            assert project.refresh().num_read == 3
        assert "read again" in caplog.text
        assert ask(project, "loader", "self.") == expected
        assert path.read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_a_warning(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING, logger="codling"):
        project = opened(root, tmp_path)
    assert "cannot keep" in caplog.text
    assert ask(project, "loader")[0]


def test_what_is_kept_can_be_seen_and_deleted(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    other = write(tmp_path / "other/a.py", USER).parent
    for each in (root, other):
        ProjectCache(each, bpe()).refresh()
    rows = {row.root: row for row in list_stored() if isinstance(row, StoredProject)}
    assert rows.keys() == {str(root), str(other)}
    assert rows[str(root)].num_files == 3
    if os.name == "posix":
        assert stores().stat().st_mode & 0o077 == 0
    (stores() / f"bad{STORE_SUFFIX}").write_bytes(b"bad")
    assert sum(isinstance(row, CodlingError) for row in list_stored()) == 1
    assert clear_stored(other) == 1
    assert clear_stored() == 2
    assert list_stored() == []


def test_a_refresh_can_be_cancelled(root: Path, tmp_path: Path) -> None:
    project = opened(root, tmp_path)
    before = ask(project, "loader")
    write(root / "fish.py", USER)
    with pytest.raises(CancelledError):
        project.refresh(cancelled=lambda: True)
    assert ask(project, "loader") == before
    steps: list[tuple[int, int]] = []
    project.refresh(lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_folder_that_is_gone_is_an_empty_project(tmp_path: Path) -> None:
    project = opened(tmp_path / "nowhere", tmp_path)
    assert project.paths == []
    assert not as_dict(project.file("a.py").candidates([bpe().encode("self.")]))
    assert np.array_equal(project.file("a.py").candidates([]).ids_BC, np.zeros((0, 1), np.int64))
