"""codling cache: what is kept of projects can be seen and deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codling.engine.project import ProjectCache
from codling.engine.project_store import stores
from codling.vocab import CharVocab
from command import call_codling


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    folder = tmp_path / "[bold]project"
    folder.mkdir()
    (folder / "a.py").write_text("import json\n", encoding="utf-8")
    return folder


def test_show_and_clear(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: object) -> str:
        code, out, err = call_codling(["cache", *arguments], b"", monkeypatch, capsys)
        assert (code, err) == (0, "")
        return out

    assert "nothing is kept" in call("show")
    ProjectCache(root, CharVocab()).refresh()
    (row,) = json.loads(call("show", "--json"))["projects"]
    assert (row["root"], row["files"], row["tokens"]) == (str(root), 1, len("import json\n"))
    assert str(root) in call("show")
    (stores() / "bad.ngrams").write_bytes(b"\x1b[31m")
    shown = call("show")
    assert "is damaged" in shown
    assert "\x1b" not in shown
    assert json.loads(call("clear", root, "--json")) == {"deleted": 1}
    assert "deleted 1 file" in call("clear")
    assert json.loads(call("show", "--json"))["projects"] == []


def test_clearing_what_is_not_kept(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call_codling(["cache", "clear", root], b"", monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "codling cache show" in err
