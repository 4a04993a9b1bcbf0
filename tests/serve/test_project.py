"""A server that was started for a project completes with what stands in it, and reads nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from codling.engine.project import ProjectCache
from codling.serve import workspace
from codling.serve.models import Shelf
from codling.vocab import BpeVocab
from serve.conftest import Client
from tiny_bundle import tiny_bundle

NAME = "reticulate_splines"
CODE = f"area.{NAME}(2, 3)\n" * 30
VOCAB = BpeVocab.train([CODE] * 8, 300)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    root = tmp_path / "project"
    root.mkdir()
    (root / "splines.py").write_text(CODE)
    (tmp_path / "secret.py").write_text("area.secret_name(2, 3)\n" * 30)
    return root


def names(client: Client, path: str) -> list[str]:
    answer = client.complete(prefix="x = 1\narea.", kind="token", limit=50, path=path)
    assert answer.status_code == 200
    return [row["text"] for row in answer.json()["suggestions"]]


def test_a_server_with_a_project(make_client: Callable[..., Client], root: Path, tmp_path: Path) -> None:
    shelf = Shelf([str(tiny_bundle(tmp_path, vocab=VOCAB))], project=root)
    client = make_client(shelf=shelf)
    until = time.monotonic() + 20
    while NAME not in names(client, "new.py") and time.monotonic() < until:
        time.sleep(0.05)
    assert NAME in names(client, "new.py")
    for path in ("../secret.py", str(tmp_path / "secret.py"), "a\0b", "x" * 4_000):
        assert not any("secret" in name for name in names(client, path))
    shelf.close()


def test_on_a_machine_that_has_just_started_the_project_is_read_too(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace, "time", SimpleNamespace(monotonic=lambda: 3.0))  # seconds since it started
    cache = ProjectCache(root, VOCAB, keep_in=tmp_path)
    kept = workspace.Workspace(cache)
    until = time.monotonic() + 20
    while not cache.paths and time.monotonic() < until:
        time.sleep(0.02)
    kept.close()
    assert cache.paths == ["splines.py"]


def test_memory_is_given_back_after_reading_and_after_a_file_was_saved(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    monkeypatch.setattr(workspace, "give_back_memory", lambda: given.append(1))
    monkeypatch.setattr(workspace, "LOOK_AFTER_S", 0)
    kept = workspace.Workspace(ProjectCache(root, VOCAB, keep_in=tmp_path))

    def looks(num: int) -> None:
        """Look once more, until memory was given back so often; or, if it was before, until that look is over."""
        until = time.monotonic() + 20
        while (len(given) < num or kept._looking.locked()) and time.monotonic() < until:
            time.sleep(0.02)
        assert len(given) == num

    looks(1)
    kept.touch()
    looks(1)  # nothing was read
    (root / "new.py").write_text("x = 1\n", encoding="utf-8")
    kept.cache.saved(str(root / "new.py"))
    kept.touch()
    looks(2)
    kept.close()


def test_the_model_that_knows_the_language_answers(
    make_client: Callable[..., Client], tmp_path: Path, chain: Path
) -> None:
    java = tiny_bundle(tmp_path, name="tiny-java", language="java")
    client = make_client(shelf=Shelf([str(chain), str(java)]))
    assert client.complete(prefix="a.", language="java").json()["model"] == "tiny-java"
    assert client.complete(prefix="a.", language="python").json()["model"] == "chain"
    assert client.complete(prefix="a.", language="cobol").json()["model"] == "chain"
    assert client.complete(prefix="a.", language="java", model="chain").json()["model"] == "chain"
