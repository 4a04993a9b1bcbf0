"""The server as a process: real sockets, clients that hang up, Ctrl-C."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chain_bundle import LINE
from serving import Serving
from tiny_bundle import tiny_bundle

pytestmark = pytest.mark.e2e

PATIENCE_S = 20
LONG = {"prompt": "x = 1\n", "temperature": 1.5, "max_chars": 20_000, "model": "wide"}


@pytest.fixture(scope="module")
def serving(chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    # wide enough that a long sample takes seconds: time to be interrupted
    wide = tiny_bundle(tmp_path_factory.mktemp("wide"), name="wide", hidden=512)
    with Serving("--model", chain, "--model", wide, "--threads", "2") as serving:
        yield serving


def metric(serving: Serving, name: str) -> float:
    for line in httpx.get(f"{serving.url}metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return 0.0


def until(serving: Serving, name: str, value: float) -> None:
    end = time.monotonic() + PATIENCE_S
    while metric(serving, name) != value:
        assert time.monotonic() < end, f"{name} never became {value}"
        time.sleep(0.01)


def test_completes_over_a_real_socket(serving: Serving) -> None:
    answer = httpx.post(f"{serving.url}api/complete", json={"language": "python", "prefix": 'tank["🐟"].'})
    assert answer.json()["suggestions"][0]["text"] == LINE


def test_it_can_end_with_the_process_that_started_it(chain: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "codling",
        "serve",
        "--no-open",
        "--port",
        "0",
        "--model",
        str(chain),
        "--until-eof",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert httpx.get(f"{url}healthz").status_code == 200
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


def test_a_client_that_hangs_up_stops_its_sample(serving: Serving) -> None:
    before = metric(serving, 'codling_cancelled_total{reason="disconnected"}')
    with httpx.stream("POST", f"{serving.url}api/sample", json=LONG, timeout=PATIENCE_S) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: piece"
        assert metric(serving, "codling_in_flight") == 1
    until(serving, "codling_in_flight", 0)
    assert metric(serving, 'codling_cancelled_total{reason="disconnected"}') == before + 1
    httpx.post(f"{serving.url}api/sample", json={"prompt": "x.", "max_chars": 5})  # one that is heard to its end
    assert metric(serving, 'codling_cancelled_total{reason="disconnected"}') == before + 1


def test_a_newer_request_of_the_session_ends_the_older_one(serving: Serving) -> None:
    with httpx.stream("POST", f"{serving.url}api/sample", json=LONG | {"session": "tab"}, timeout=PATIENCE_S) as older:
        lines = older.iter_lines()
        assert next(lines) == "event: piece"
        message = {"language": "python", "prefix": "x.", "session": "tab"}
        newer = httpx.post(f"{serving.url}api/complete", json=message)
        assert newer.json()["suggestions"][0]["text"] == LINE
        rest = list(lines)
    assert rest[-3:-1] == ["event: error", 'data: {"error":"superseded"}']
    until(serving, "codling_in_flight", 0)


def test_an_overtaken_completion_is_answered_at_once(serving: Serving) -> None:
    """Both threads are kept busy, so that the older request still waits when the newer one comes."""
    with (
        httpx.stream("POST", f"{serving.url}api/sample", json=LONG, timeout=PATIENCE_S) as one,
        httpx.stream("POST", f"{serving.url}api/sample", json=LONG, timeout=PATIENCE_S) as two,
    ):
        streams = [one.iter_lines(), two.iter_lines()]  # kept, for a dropped iterator hangs up
        assert [next(lines) for lines in streams] == ["event: piece"] * 2
        body = json.dumps({"language": "python", "prefix": "x.", "session": "keys"}).encode()
        head = b"POST /api/complete HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        request = head + b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
        with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as older:
            older.sendall(request)
            until(serving, "codling_in_flight", 3)
            with socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S) as newer:
                newer.sendall(request)
                answer = older.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 409 ") and b'{"error":"superseded"}' in answer
    until(serving, "codling_in_flight", 0)


def test_more_requests_than_it_holds_are_asked_to_wait(serving: Serving) -> None:
    sockets = []
    body = json.dumps(LONG).encode()
    head = b"POST /api/sample HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    try:
        for _ in range(18):  # two threads, and eight places to wait for each
            sockets.append(socket.create_connection(("127.0.0.1", serving.port), PATIENCE_S))
            sockets[-1].sendall(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        until(serving, "codling_in_flight", 18)
        answer = httpx.post(f"{serving.url}api/complete", json={"language": "python", "prefix": "x."})
        assert answer.status_code == 429 and answer.headers["retry-after"] == "1"
    finally:
        for open_one in sockets:
            open_one.close()
    until(serving, "codling_in_flight", 0)
    assert httpx.post(f"{serving.url}api/complete", json={"language": "python", "prefix": "x."}).status_code == 200


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("start", [b"GET /", b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: "])
def test_a_head_without_end_is_refused(serving: Serving, start: bytes, end: bytes) -> None:
    with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE_S) as client:
        try:
            client.sendall(start + b"x" * 200_000 + end)
            answer = client.recv(100)
        except ConnectionError:  # it was refused before it was sent
            return
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_large_body_in_small_parts_is_no_head(serving: Serving) -> None:
    prefix = "# " + "x" * 900_000 + "\nx."
    body = json.dumps({"language": "python", "prefix": prefix}).encode()
    parts = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{serving.url}api/complete", content=parts, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 200


def test_ctrl_c_ends_it_cleanly_even_in_the_middle_of_a_stream(chain: Path, tmp_path: Path) -> None:
    wide = tiny_bundle(tmp_path, name="wide", hidden=512)
    with (
        Serving("--model", wide, "--model", chain) as serving,
        httpx.stream("POST", f"{serving.url}api/sample", json=LONG, timeout=PATIENCE_S) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "event: piece"
        code, err = serving.interrupt()
        assert list(lines)[-3:-1] == ["event: error", 'data: {"error":"shutdown"}']
    assert code == 0
    assert err.splitlines() == ["codling serves wide; Ctrl-C stops it"]


@pytest.mark.skipif(sys.platform == "win32", reason="there, SIGTERM kills")
def test_a_service_manager_ends_it_cleanly_too(chain: Path, tmp_path: Path) -> None:
    with Serving("--model", chain, env={"CODLING_HOME": str(tmp_path)}) as serving:
        assert list((tmp_path / "run").iterdir())
        code, err = serving.terminate()
    assert code == 0
    assert err.splitlines() == ["codling serves chain; Ctrl-C stops it"]
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize("stdout", [">&-", "| true"])
def test_it_serves_though_nobody_reads_its_stdout(stdout: str, chain: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m codling serve --no-open --port 0 --until-eof --model {chain} {stdout}"
    with subprocess.Popen(
        command,
        shell=True,
        env=os.environ | {"CODLING_HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "codling serves chain; Ctrl-C stops it\n"
        (path,) = (tmp_path / "run").glob("server-*.json")
        answer = httpx.get(f"http://127.0.0.1:{json.loads(path.read_bytes())['port']}/healthz")
        assert answer.status_code == 200
        _, err = process.communicate(timeout=PATIENCE_S)  # its stdin ends, and so does it
    assert err == ""


def test_a_busy_port_is_one_line(serving: Serving, chain: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from codling.cli import main; main()",
        "serve",
        "--no-open",
        "--model",
        str(chain),
    ]
    done = subprocess.run([*command, "--port", str(serving.port)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and str(serving.port) in done.stderr and "--port" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--model", "no-such-model"], ["--host", "no.such.host.invalid"], ["--host", "256.1.1.1"]]
)
def test_a_mistake_is_one_line(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "codling", "serve", "--no-open", "--port", "0"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert arguments[1] in done.stderr


def test_for_others_on_the_network_it_makes_up_a_token_and_asks_for_it(chain: Path) -> None:
    with Serving("--model", chain, "--host", "0.0.0.0") as serving:
        address, _, token = serving.url.partition("?token=")
        assert len(token) >= 24
        assert httpx.get(f"{address}api/models").status_code == 401
        assert httpx.get(f"{address}api/models", headers={"authorization": f"Bearer {token}"}).status_code == 200
        with httpx.Client(follow_redirects=True) as browser:
            assert browser.get(serving.url).url == address
            assert browser.get(f"{address}api/models").status_code == 200


def test_a_token_can_be_given_for_this_machine_too(chain: Path) -> None:
    with Serving("--model", chain, env={"CODLING_TOKEN": "abc"}) as serving:
        assert serving.url.endswith("/?token=abc")
        assert httpx.get(serving.url.removesuffix("?token=abc") + "api/models").status_code == 401
