"""How a server that runs is found: the file that it leaves, who may have written it, and the proof."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from chain_bundle import LINE
from codling.serve.lsp.remote import GoneError, find
from codling.serve.messages import CompleteRequest
from codling.serve.running import Identity, Notice, announced, ask, proof, read_notices, runtime_folder
from editing import running
from serving import Serving

SECRET = "s" * 43


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def free_port() -> int:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as free:
        return int(free.server_address[1])


def test_the_file_is_there_while_the_server_is(home: Path) -> None:
    assert read_notices() == []
    with announced("127.0.0.1", 4711, "token", SECRET):
        ((path, notice),) = read_notices()
        assert (notice.host, notice.port, notice.token, notice.secret) == ("127.0.0.1", 4711, "token", SECRET)
        assert path.parent == runtime_folder() == home / "run"
        if sys.platform != "win32":
            assert path.stat().st_mode & 0o077 == 0
            assert path.parent.stat().st_mode & 0o077 == 0
    assert read_notices() == []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize("spoil", ["readable file", "writable folder", "link", "fifo", "damaged", "elsewhere"])
def test_a_file_that_others_could_have_written_does_not_count(home: Path, spoil: str, tmp_path: Path) -> None:
    with announced("127.0.0.1", 4711, None, SECRET):
        path = home / "run" / "server-4711.json"
        if spoil == "readable file":
            path.chmod(0o644)
        elif spoil == "writable folder":
            path.parent.chmod(0o777)
        elif spoil == "link":
            path.rename(tmp_path / "real.json")
            path.symlink_to(tmp_path / "real.json")
        elif spoil == "fifo":
            path.unlink()
            os.mkfifo(path, 0o600)
        elif spoil == "damaged":
            path.write_text('{"host": 1}', encoding="utf-8")
        else:
            path.write_text(path.read_text(encoding="utf-8").replace("127.0.0.1", "192.0.2.1"), encoding="utf-8")
        assert read_notices() == []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_server_that_cannot_leave_its_file_serves_all_the_same(home: Path) -> None:
    home.mkdir()
    (home / "run").write_text("in the way", encoding="utf-8")
    with announced("127.0.0.1", 4711, None, SECRET):
        assert read_notices() == []


def test_who_takes_the_port_of_one_that_ends_stays_known(home: Path) -> None:
    first, second = announced("127.0.0.1", 4711, None, SECRET), announced("127.0.0.1", 4711, None, "t" * 43)
    first.__enter__()
    second.__enter__()  # the port is free as soon as a server stops to listen; its last answers take longer
    first.__exit__(None, None, None)
    assert [notice.secret for _, notice in read_notices()] == ["t" * 43]
    second.__exit__(None, None, None)
    assert read_notices() == []


def test_what_a_killed_server_has_left_goes_when_another_starts(home: Path, free_port: int) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as living:
        port = living.server_address[1]
        others = [announced("127.0.0.1", each, None, SECRET) for each in (port, free_port)]
        for other in others:
            other.__enter__()
        assert {notice.port for _, notice in read_notices()} == {free_port, port}
        with announced("127.0.0.1", 4711, None, SECRET):
            assert {notice.port for _, notice in read_notices()} == {port, 4711}


def test_a_full_disk_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with announced("127.0.0.1", 4711, None, SECRET):
        assert list((home / "run").iterdir()) == []


def test_a_proof_is_of_one_secret_and_one_nonce() -> None:
    assert proof(SECRET, "a") == proof(SECRET, "a") != proof(SECRET, "b") != proof("t" * 43, "b")


@pytest.fixture
def impostor() -> Iterator[tuple[int, list[str]]]:
    """Somebody who has taken the port, and answers as a server would; its port, and what it got to see."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            body = json.dumps({"version": "0", "projects": [], "models": [], "proof": "0" * 64}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], seen
        server.shutdown()


def test_who_does_not_know_the_secret_is_sent_nothing(impostor: tuple[int, list[str]]) -> None:
    port, seen = impostor
    with announced("127.0.0.1", port, None, SECRET):
        assert find([], None) is None
    assert len(seen) == 1
    assert seen[0].startswith("/api/server?nonce=")


def test_a_port_where_nobody_listens_is_no_server(free_port: int) -> None:
    assert ask(Notice(host="127.0.0.1", port=free_port, secret=SECRET, pid=1), 1) is None


def test_the_endpoint_proves_what_it_knows(make_client: Callable[..., object], tmp_path: Path) -> None:
    identity = Identity([tmp_path])
    client = make_client(identity=identity)
    answer = client("GET", "/api/server?nonce=abc").json()  # type: ignore[operator]
    assert answer["proof"] == proof(identity.secret, "abc")
    assert answer["projects"] == [str(tmp_path)]
    assert identity.secret not in str(answer)
    assert client("GET", f"/api/server?nonce={'x' * 999}").status_code == 400  # type: ignore[operator]


@pytest.mark.e2e
async def test_an_editors_server_asks_the_one_that_runs_and_goes_on_without_it(
    chain: Path, home: Path, tmp_path: Path
) -> None:
    project = tmp_path / "fish"
    project.mkdir()
    with Serving("--model", chain, "--project", project, env={"CODLING_TOKEN": "fish"}) as serving:
        async with running(home=home) as editing:
            await editing.initialize(folders=[project], index=False)
            assert (await editing.ready()).server == serving.url.partition("?")[0]
            uri = editing.open("x.", (project / "tank.py").as_uri())
            assert (await editing.ghosts(uri, 0, 2))[0].insert_text == LINE
            labels = [item.label for item in await editing.tokens(uri, 0, 2)]
            assert labels[0] == "mode"
            assert (await editing.request("codling/status")).model == "chain"

            await asyncio.to_thread(serving.kill)
            editing.edit(uri, "\nimport nu", (0, 2))
            assert (await editing.ghosts(uri, 1, 9))[0].insert_text.startswith("mpy")
            status = await editing.request("codling/status")
            assert (status.server, status.model) == (None, "python")

    with Serving("--model", chain, "--project", tmp_path / "home"):  # of other folders
        assert find([project], None) is None
        remote = find([tmp_path / "home" / "below"], "chain")
        assert remote is not None
        assert find([], "python") is None  # it has no such model
        message = CompleteRequest(language="python", prefix="x." * 100_000)
        assert remote.complete(message).suggestions[0].text == LINE
    with pytest.raises(GoneError):
        remote.complete(message)
