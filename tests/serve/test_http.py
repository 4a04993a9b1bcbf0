"""The application, called in the process."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_bundle import LINE
from codling.complete import Completer
from codling.errors import CancelledError
from codling.serve.http import Limits
from codling.serve.messages import MAX_BODY_BYTES
from codling.serve.models import Shelf
from codling.serve.page import Page
from codling.types import Completion

JSON = {"content-type": "application/json"}


def events(answer: httpx.Response) -> list[tuple[str, Any]]:
    rows = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in rows]


def check_error(answer: httpx.Response, status: int) -> str:
    """A user's error: this status, and one line as JSON."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    error: str = answer.json()["error"]
    assert error and "\n" not in error and "Traceback" not in error
    return error


def test_completes_a_line(client: Any) -> None:
    answer = client.complete(prefix="x = daily.")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["suggestions", "ms", "model"]
    assert [list(row) for row in body["suggestions"]] == [["text", "score"]]
    assert body["suggestions"][0]["text"] == LINE
    assert 0 < body["suggestions"][0]["score"] <= 1
    assert body["ms"] > 0 and body["model"] == "chain"


def test_lists_tokens_with_probabilities_best_first(client: Any) -> None:
    rows = client.complete(prefix="x = daily.", kind="token", limit=5).json()["suggestions"]
    scores = [row["score"] for row in rows]
    assert rows[0]["text"] == "mode" and 1 < len(rows) <= 5
    assert scores == sorted(scores, reverse=True) and sum(scores) <= 1 + 1e-6


def test_takes_everything_that_the_message_may_hold(client: Any) -> None:
    answer = client.complete(
        prefix="🐟.", suffix="\n", path="a/b.py", kind="block", limit=2, model="tiny", temperature=0.5, session="s"
    )
    assert answer.status_code == 200 and answer.json()["model"] == "tiny"


def test_streams_answers_that_reach_further(client: Any) -> None:
    got = events(client("POST", "/api/complete/stream", json={"language": "python", "prefix": "a.", "kind": "block"}))
    assert [name for name, _ in got] == ["suggestions"] * 3 + ["done"]
    assert [data["kind"] for _, data in got[:3]] == ["token", "line", "block"]
    assert got[0][1]["suggestions"][0]["text"] == "mode" and got[1][1]["suggestions"][0]["text"] == LINE


def test_samples_as_a_stream_with_a_seed(client: Any) -> None:
    message = {"prompt": "x.", "max_chars": 40, "temperature": 1.0, "seed": 7, "model": "tiny"}
    answer = client("POST", "/api/sample", json=message)
    assert answer.headers["content-type"].startswith("text/event-stream")
    got = events(answer)
    text = "".join(data["text"] for name, data in got if name == "piece")
    name, done = got[-1]
    assert name == "done" and done["chars"] == len(text) <= 40 and done["model"] == "tiny" and done["ms"] > 0
    again = client("POST", "/api/sample", json=message)
    assert "".join(data["text"] for name, data in events(again) if name == "piece") == text


def test_a_greedy_sample_ends_before_its_stop_text(client: Any) -> None:
    got = events(client("POST", "/api/sample", json={"prompt": "x.", "temperature": 0, "stop": ["("]}))
    assert "".join(data["text"] for name, data in got if name == "piece") == "mode"


def test_tells_which_models_there_are_and_what_they_are(client: Any) -> None:
    listed = client("GET", "/api/models").json()
    assert listed["default"] == "chain" and [row["name"] for row in listed["models"]] == ["chain", "tiny"]
    card = client("GET", "/api/models/chain").json()
    assert card["name"] == "chain" and card["scores"][0]["accuracy"] == 0.81 and len(card["curve"]) == 8
    assert card["bytes"] == sum(row["bytes"] for row in card["files"].values())


@pytest.mark.parametrize("name", ["nothing", "../chain", "/etc/passwd", "chain/", "%2e%2e/chain", "a" * 5000, "\x00"])
def test_an_unknown_model_is_not_there(client: Any, name: str) -> None:
    check_error(client("GET", f"/api/models/{name}".replace("\x00", "%00")), 404)
    if 0 < len(name) <= 200:
        check_error(client.complete(prefix="x", model=name), 404)
        check_error(client("POST", "/api/sample", json={"prompt": "x", "model": name}), 404)


def test_a_model_s_name_is_never_a_path(client: Any, tiny: Path) -> None:
    check_error(client.complete(prefix="x", model=str(tiny)), 404)


def test_health(client: Any) -> None:
    assert client("GET", "/healthz").json() == {"status": "ok"}


def test_counts_what_it_does(client: Any) -> None:
    client.complete(prefix="x.")
    client.complete(prefix=7)
    client("GET", "/nowhere")
    text = client("GET", "/metrics").text
    assert 'codling_requests_total{endpoint="complete",status="200"} 1.0' in text
    assert 'codling_requests_total{endpoint="complete",status="400"} 1.0' in text
    assert 'codling_requests_total{endpoint="none",status="404"} 1.0' in text
    assert 'codling_request_seconds_count{endpoint="complete"} 2.0' in text
    assert "codling_in_flight 0.0" in text


def test_two_applications_count_apart(make_client: Callable[..., Any]) -> None:
    one, two = make_client(), make_client()
    one.complete(prefix="x.")
    assert 'endpoint="complete"' not in two("GET", "/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/assets/%2e%2e/index.html", 404),
        ("GET", "/index.html", 404),
        ("GET", "/api/complete", 405),
        ("DELETE", "/api/models", 405),
        ("POST", "/healthz", 405),
        ("POST", "/api/nothing", 404),
        ("BREW", "/api/complete", 405),
    ],
)
def test_a_wrong_path_or_method_is_an_error_like_any_other(client: Any, method: str, path: str, status: int) -> None:
    check_error(client(method, path), status)


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"]
)
def test_only_json_is_read(client: Any, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    check_error(client("POST", "/api/complete", content=b'{"language":"python","prefix":"x"}', headers=headers), 415)


def test_json_may_name_its_charset(client: Any) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    body = json.dumps({"language": "python", "prefix": "x."})
    assert client("POST", "/api/complete", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/api/complete", "/api/complete/stream", "/api/sample"])
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"\xff", b"[" * 50_000, b'{"prefix":1e999}', b'{"language":"python","prefix":"\\ud800"}'],
)
def test_a_broken_body_is_the_client_s_mistake(client: Any, path: str, body: bytes) -> None:
    check_error(client("POST", path, content=body, headers=JSON), 400)


def test_a_binary_file_is_the_client_s_mistake(client: Any) -> None:
    assert 400 <= client.complete(prefix="\x00\x01\x02" * 50).status_code < 500
    assert 400 <= client("POST", "/api/sample", json={"prompt": "\x00" * 9}).status_code < 500


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(client: Any) -> None:
    body = b'{"language":"python","prefix":"' + b"x" * MAX_BODY_BYTES + b'"}'
    assert "larger" in check_error(client("POST", "/api/complete", content=body, headers=JSON), 413)

    async def in_pieces() -> Any:
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    check_error(client("POST", "/api/complete", content=in_pieces(), headers=JSON), 413)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ["language", "prefix", "suffix", "path", "kind", "limit", "model", "temperature", "session", "prompt", "x"]
NEEDED = {"language": st.just("python") | st.text(max_size=8), "prefix": st.text(max_size=200)}
NEAR = {
    "suffix": st.text(max_size=50),
    "path": st.text(max_size=20),
    "kind": st.sampled_from(["token", "line", "block"]),
    "limit": st.integers(1, 50),
    "model": st.sampled_from(["chain", "tiny"]),
    "temperature": st.floats(0, 2),
}


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6).map(lambda body: json.dumps(body).encode()),
        st.fixed_dictionaries(NEEDED, optional=NEAR).map(lambda body: json.dumps(body).encode()),
    )
)
def test_no_body_breaks_the_server(client: Any, body: bytes) -> None:
    answer = client("POST", "/api/complete", content=body, headers=JSON)
    if answer.status_code == 200:
        assert answer.json()["model"] in ("chain", "tiny")
        # a long text's probability may be too small for a float: 0
        assert all(row["text"] and 0 <= row["score"] <= 1 for row in answer.json()["suggestions"])
    else:
        assert answer.status_code < 500, answer.text
        check_error(answer, answer.status_code)


class Patient(Completer):
    """Answers only when it is let go; until then it looks whether it is cancelled, as the real one does."""

    started = threading.Semaphore(0)
    go = threading.Event()

    def complete(self, *arguments: Any, cancelled: Any = None, **options: Any) -> Completion:
        self.started.release()
        while not self.go.wait(0.002):
            if cancelled():
                raise CancelledError("cancelled")
        return super().complete(*arguments, cancelled=cancelled, **options)


def test_an_answer_that_never_comes_is_given_up(make_client: Callable[..., Any], chain: Path) -> None:
    Patient.go.clear()
    client = make_client(shelf=Shelf([str(chain)], make=Patient), limits=Limits(threads=1, timeout_s=0.1))
    answer = client.complete(prefix="x.")
    check_error(answer, 503)
    assert answer.headers["retry-after"] == "1"
    assert 'codling_cancelled_total{reason="timeout"} 1.0' in client("GET", "/metrics").text


def test_an_error_of_our_own_shows_no_traceback(make_client: Callable[..., Any], chain: Path) -> None:
    class Broken(Completer):
        def complete(self, *arguments: Any, **options: Any) -> Completion:
            raise RuntimeError("a secret of ours")

    answer = make_client(shelf=Shelf([str(chain)], make=Broken)).complete(prefix="x.")
    assert "secret" not in check_error(answer, 500)


def test_the_page_and_its_files(client: Any) -> None:
    page = client("GET", "/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html") and "🐟" in page.text
    script = client("GET", "/assets/index-abc.js")
    assert (
        script.headers["content-type"].startswith("text/javascript") and "immutable" in script.headers["cache-control"]
    )


def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    answer = Page(tmp_path / "nothing").index()
    assert answer.status_code == 404 and b"make page" in answer.body
