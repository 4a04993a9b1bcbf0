"""The part of the JupyterLab extension that lives in Jupyter's server, in a real one."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from chain_bundle import LINE, chain_bundle
from labserver import LabServer
from serving import Serving

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(importlib.util.find_spec("jupyter_server") is None, reason="jupyter_server is not installed"),
]

PLACE = {"language": "python", "prefix": 'tank["🐟"].', "suffix": "", "session": "one"}
PATIENCE_S = 90


def until(holds: Callable[[], Any]) -> Any:
    """What it gives, once it is something."""
    end = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)
    return found


def get(lab: LabServer, what: str) -> Any:
    return httpx.get(f"{lab.url}codling/{what}", params={"token": lab.token}, timeout=30).json()


def post(lab: LabServer, what: str, message: object) -> httpx.Response:
    headers = {"authorization": f"token {lab.token}"}
    return httpx.post(f"{lab.url}codling/{what}", json=message, headers=headers, timeout=30)


def ready(lab: LabServer) -> Any:
    return until(lambda: found if (found := get(lab, "status"))["state"] == "ready" else None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chain_bundle(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[LabServer]:
    """A server that starts a `codling serve` of its own."""
    with LabServer(tmp_path_factory.mktemp("own"), f"--CodlingExtension.models={bundle}", page=False) as lab:
        assert ready(lab) == {"state": "ready", "error": "", "languages": ["python"]}
        yield lab


def test_suggestions_come_from_the_server_that_it_started(lab: LabServer) -> None:
    answer = post(lab, "complete", PLACE)
    assert answer.status_code == 200
    assert answer.json()["state"] == "ready" and answer.json()["suggestions"][0]["text"] == LINE


def test_the_surest_comes_first_and_others_only_once(lab: LabServer) -> None:
    rows = post(lab, "complete", PLACE | {"alternatives": 5}).json()["suggestions"]
    texts = [row["text"] for row in rows]
    assert texts[0] == LINE and len(texts) == len(set(texts)) <= 5
    assert post(lab, "complete", PLACE | {"threshold": 1.0}).json()["suggestions"] == []
    asked = post(lab, "complete", PLACE | {"threshold": 1.0, "automatic": False})
    assert asked.json()["suggestions"][0]["text"] == LINE


@pytest.mark.parametrize(
    "path",
    [
        "notes.ipynb",
        "sub/../a.ipynb",
        "../../etc/passwd",
        "/a.ipynb",
        "RTC:a.ipynb",
        "",
        "a\0b",
        "x" * 4_000,
        "round.py",
    ],
)
def test_any_path_is_taken_and_none_is_read(lab: LabServer, path: str) -> None:
    with contextlib.suppress(FileExistsError, OSError):  # a link that leads to itself, where there are links
        (lab.files / "round.py").symlink_to("round.py")
    assert post(lab, "complete", PLACE | {"path": path}).json()["suggestions"]


@pytest.mark.parametrize(
    "message",
    [{}, [], "x", PLACE | {"language": 3}, PLACE | {"more": 1}, PLACE | {"alternatives": 99}, PLACE | {"session": ""}],
)
def test_what_is_not_understood_is_refused(lab: LabServer, message: object) -> None:
    assert post(lab, "complete", message).status_code == 400


def test_a_model_that_is_not_there_is_said_in_the_log(lab: LabServer) -> None:
    assert post(lab, "complete", PLACE | {"model": "absent"}).json() == {"suggestions": [], "state": "ready"}
    assert lab.wait_for("codling answers 404: (.*absent.*)")


def test_strangers_are_not_answered(lab: LabServer) -> None:
    for what in ("complete", "feedback"):
        assert httpx.post(f"{lab.url}codling/{what}", json=PLACE).status_code == 403
    assert httpx.get(f"{lab.url}codling/status").status_code == 403


def test_feedback_is_passed_on(lab: LabServer) -> None:
    assert post(lab, "feedback", {"language": "python", "score": 0.4, "shown": 1}).status_code == 200
    assert post(lab, "feedback", {"language": "python", "score": 4}).status_code == 400


def test_a_server_that_is_gone_is_no_error_and_comes_back(lab: LabServer) -> None:
    (server,) = lab.codlings
    server.kill()
    answer = post(lab, "complete", PLACE)
    assert (answer.status_code, answer.json()) == (200, {"suggestions": [], "state": "starting"})
    assert ready(lab)
    assert post(lab, "complete", PLACE).json()["suggestions"][0]["text"] == LINE


def test_one_that_runs_already_is_asked(tmp_path: Path, bundle: Path) -> None:
    home, files = tmp_path / "home", tmp_path / "lab" / "files"
    files.mkdir(parents=True)
    with Serving("--model", bundle, "--project", files, env={"CODLING_HOME": str(home)}) as serving:
        files.rmdir()
        with LabServer(tmp_path / "lab", "--CodlingExtension.start_server=False", page=False, home=home) as lab:
            ready(lab)
            assert lab.codlings == []
            assert post(lab, "complete", PLACE).json()["suggestions"][0]["text"] == LINE
            assert "codling answers at " + serving.url in lab.log.read_text(encoding="utf-8")
            serving.kill()
            assert post(lab, "complete", PLACE).json() == {"suggestions": [], "state": "starting"}
            lost = until(lambda: found if (found := get(lab, "status"))["error"] else None)
            assert lost["state"] == "away" and "none may be started" in lost["error"]
            assert post(lab, "complete", PLACE).json() == {"suggestions": [], "state": "away"}


def test_one_that_is_only_starting_ends_with_it_too(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codling_jupyter.backend import Backend

    monkeypatch.setenv("CODLING_HOME", str(tmp_path))

    def started() -> list[psutil.Process]:
        return [each for each in psutil.Process().children() if str(bundle) in each.cmdline()]

    async def start_and_stop() -> None:
        backend = Backend(None, models=[str(bundle)], log=logging.getLogger("test"))
        backend.wake()
        while not started():
            await asyncio.sleep(0.01)
        await backend.close()

    asyncio.run(asyncio.wait_for(start_and_stop(), PATIENCE_S))
    assert started() == []


def test_its_server_ends_with_it_however_it_ends(tmp_path: Path, bundle: Path) -> None:
    with LabServer(tmp_path / "lab", f"--CodlingExtension.models={bundle}", page=False) as lab:
        ready(lab)
        (server,) = lab.codlings
        lab.process.kill()
        until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)


def test_one_that_cannot_start_is_not_started_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from codling_jupyter.backend import AwayError, Backend

    monkeypatch.setenv("CODLING_HOME", str(tmp_path))

    async def run() -> list[str]:
        backend = Backend(None, models=["absent"], log=logging.getLogger("test"))
        said = []
        for _ in range(20):  # the second start is at once, the third must wait
            with pytest.raises(AwayError) as caught:
                await backend.ask("GET", "api/models")
            said.append(str(caught.value))
            if backend._reaching is not None:
                await asyncio.wait([backend._reaching], timeout=PATIENCE_S)
        await backend.close()
        return said

    began = time.monotonic()
    said = asyncio.run(run())
    assert said[0] == "codling is being started" and "absent" in said[-1] and "\n" not in said[-1]
    assert time.monotonic() - began < PATIENCE_S
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
