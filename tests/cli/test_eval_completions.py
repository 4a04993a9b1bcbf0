"""codling eval lines and typing, and the modes of eval lm: a model whose every answer is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chain_bundle import LINE, chain_bundle
from command import call_codling


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_bundle(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, chain: Path):
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))

    def run(command: str, *arguments: object) -> tuple[int, str, str]:
        return call_codling(["eval", command, *arguments, "--model", chain], b"", monkeypatch, capsys)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "pkg").mkdir(parents=True)
    (project / "a.py").write_text(f"a = b.{LINE}\n" * 12, encoding="utf-8")
    (project / "pkg" / "c.py").write_text("value = 1\n" * 12, encoding="utf-8")
    (project / "broken.py").write_text("def f(:\n", encoding="utf-8")
    return project


def test_lines(run, folder: Path) -> None:
    code, out, _ = run("lines", folder / "a.py", "--cases", 60, "--json", "--mode", "static")
    assert code == 0
    report = json.loads(out)
    assert (report["model"], report["mode"], report["suffix"]) == ("chain", "static", False)
    summary = report["languages"]["python"]
    assert summary["all"]["exact"]["n"] == 60
    # it knows the line from the full stop on, so it completes it behind and within that part
    assert 0 < summary["within"]["exact"]["value"] < 1
    assert summary["at_start"]["exact"]["value"] == 0
    assert 1 < summary["all"]["tokens_per_line"] < 10


def test_lines_in_plain_words(run, folder: Path) -> None:
    code, out, _ = run("lines", folder, "--cases", 10, "--suffix")
    assert code == 0
    assert "chain, dynamic, python lines, with what follows" in out
    assert "exact" in out and "similarity" in out


def test_typing(run, folder: Path) -> None:
    options = ("--stretches", 2, "--lines", 3, "--sure", 0, "--listed", 0, "--json", "--mode", "static")
    report = json.loads(run("typing", folder / "a.py", *options)[1])
    summary = report["languages"]["python"]
    assert summary["num_chars"] == 2 * 3 * len(f"a = b.{LINE}\n")
    assert summary["num_lines"] == 6  # one Tab a line, behind the full stop
    assert summary["written_by_lines"]["value"] == pytest.approx(len(LINE) / len(f"a = b.{LINE}\n"))
    assert summary["num_keystrokes"] == 6 * len("a = b.>\n")
    assert summary["num_tokens"] == 0


def test_typing_takes_from_the_list(run, folder: Path) -> None:
    options = ("--stretches", 2, "--lines", 3, "--sure", 1, "--json")
    summary = json.loads(run("typing", folder / "a.py", *options)[1])["languages"]["python"]
    assert summary["num_lines"] == 0  # nothing is as sure as that
    assert summary["num_tokens"] > 0
    assert summary["num_keystrokes"] < summary["num_chars"]


def test_what_does_not_parse_is_named(run, folder: Path) -> None:
    report = json.loads(run("lines", folder, "--raw", "--cases", 5, "--json")[1])
    assert [Path(name).name for name in report["unparsed"]] == ["broken.py"]
    report = json.loads(run("lm", folder, "--raw", "--json", "--ranks", 0)[1])
    assert [Path(name).name for name in report["unparsed"]] == ["broken.py"]
    for command in ("lines", "typing"):
        code, out, err = run(command, folder / "broken.py", "--raw")
        assert (code, out) == (2, "")
        assert err.count("\n") == 1 and "no file parses" in err


def test_modes(run, folder: Path) -> None:
    (folder / "pkg" / "twin.py").write_text("value = 1\n" * 11 + "other = 2\n", encoding="utf-8")
    options = ("--mode", "dynamic", "--mode", "maintenance", "--ranks", 20, "--json", "--per-file")
    report = json.loads(run("lm", folder, *options)[1])
    tokens = report["tokens"]
    assert list(tokens) == ["static", "dynamic", "maintenance"]
    values = {mode: tokens[mode]["accuracy"]["value"] for mode in tokens}
    assert values["static"] < values["dynamic"] < values["maintenance"]
    assert tokens["static"]["loss_nats"] == report["loss_nats"] > tokens["maintenance"]["loss_nats"]
    assert {tokens[mode]["mrr"]["n"] for mode in tokens} == {20}
    assert tokens["static"]["mrr"]["value"] <= tokens["maintenance"]["mrr"]["value"]
    for mode in tokens:
        rows = [row["tokens"][mode] for row in report["files"]]
        assert sum(row["num"] for row in rows) == tokens[mode]["accuracy"]["n"]
        share = sum(row["num_right"] for row in rows) / sum(row["num"] for row in rows)
        assert share == pytest.approx(values[mode])


def test_a_sample(run, folder: Path) -> None:
    report = json.loads(run("lm", folder, "--max-tokens", 5, "--ranks", 0, "--json")[1])
    assert (report["num_files"], report["num_files_found"]) == (1, 2)
    code, out, _ = run("lm", folder, "--max-tokens", 5, "--ranks", 0)
    assert code == 0
    assert "1 of 2 files" in out
    assert "lexical tokens" in out and "as CodeXGLUE counts" in out


def test_mistakes(run, folder: Path) -> None:
    for arguments in (("lm", folder, "--mode", "dynamc"), ("lines", folder, "--cases", 0), ("typing", folder / "none")):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
