"""Messages as hypothesis makes them up: every request is answered, nothing ends the server, and it answers on."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain_bundle import LINE

pytestmark = pytest.mark.e2e

_PATIENCE_S = 60
URI = "file:///fish/tank.py"


class Wire:
    """A server's stdin and stdout, message by message."""

    def __init__(self, chain: Path, home: Path) -> None:
        command = [sys.executable, "-m", "codling", "lsp", "--model", str(chain)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"CODLING_HOME": str(home)}
        )
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.number = 0

    def _read(self) -> None:
        stdout = self.process.stdout
        assert stdout is not None
        while line := stdout.readline():
            size = int(line.split(b":")[1])
            while stdout.readline().strip():
                pass
            self.answers.put(json.loads(stdout.read(size)))

    def send(self, message: object) -> None:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def ask(self, method: Any, params: Any) -> dict[str, Any]:
        """The answer to a request, whatever comes before it."""
        self.number += 1
        self.send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        while (answer := self.answers.get(timeout=_PATIENCE_S)).get("id") != self.number:
            pass
        return answer

    def tell(self, method: Any, params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def is_well(self) -> bool:
        """It still completes a text that is opened now."""
        self.tell("workspace/didChangeConfiguration", {"settings": {}})
        item = {"uri": "file:///well.py", "languageId": "python", "version": 1, "text": "x."}
        self.tell("textDocument/didOpen", {"textDocument": item})
        answer = self.ask(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": "file:///well.py"},
                "position": {"line": 0, "character": 2},
                "context": {"triggerKind": 1},
            },
        )
        return bool(answer["result"]["items"][0]["insertText"] == LINE)


@pytest.fixture(scope="module")
def wire(chain: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    wire = Wire(chain, tmp_path_factory.mktemp("home"))
    early = wire.ask("textDocument/inlineCompletion", {})
    assert early["error"]["code"] in (-32002, -32602)
    assert "result" in wire.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    assert wire.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["error"]["code"] == -32600
    wire.tell("initialized", {})
    wire.tell(
        "textDocument/didOpen", {"textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": "x."}}
    )
    yield wire
    assert wire.is_well()
    assert wire.ask("shutdown", None)["result"] is None
    wire.tell("exit", None)
    assert wire.process.wait(_PATIENCE_S) == 0


METHODS = [
    "textDocument/inlineCompletion",
    "textDocument/completion",
    "workspace/symbol",
    "workspace/executeCommand",
    "codling/search",
    "codling/status",
    "no/method",
]
NOTIFICATIONS = [
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didClose",
    "textDocument/didSave",
    "workspace/didChangeConfiguration",
    "$/cancelRequest",
    "$/setTrace",
    "codling/shown",
    "window/workDoneProgress/cancel",
    "no/method",
]
scalars = st.none() | st.booleans() | st.integers(-5, 2**33) | st.floats() | st.text(max_size=8)
uris = st.sampled_from([URI, "file:///other.py", "untitled:1", "", "file:///%00", "file://[::bad/x", "\ud800"])
positions = st.fixed_dictionaries({"line": st.integers(-1, 3) | scalars, "character": st.integers(-1, 9) | scalars})
ranges = st.fixed_dictionaries({"start": positions, "end": positions})
words = st.text("x.🐟\n\r\u2028\ud800\0", max_size=12)
selected = st.fixed_dictionaries({"range": ranges, "text": words})
changes = st.lists(st.fixed_dictionaries({"text": words}, optional={"range": ranges}), max_size=3)
names = st.sampled_from(["enabled", "tokens", "kind", "codling", "exclude"])
known = {
    "textDocument": st.fixed_dictionaries(
        {"uri": uris}, optional={"version": scalars, "languageId": st.just("python") | scalars, "text": words | scalars}
    ),
    "position": positions,
    "context": st.fixed_dictionaries({"triggerKind": st.integers(0, 4)}, optional={"selectedCompletionInfo": selected}),
    "contentChanges": changes | scalars,
    "query": words | scalars,
    "command": st.sampled_from(["codling.accepted", "codling.adapt", "wat"]) | scalars,
    "arguments": st.lists(scalars, max_size=3) | scalars,
    "settings": st.dictionaries(names, scalars) | scalars,
    "id": scalars,
    "token": scalars,
    "jsonrpc": scalars,
}
params = st.fixed_dictionaries({}, optional=known) | st.lists(scalars, max_size=2) | scalars

fuzz = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@fuzz
@given(st.sampled_from(METHODS), params)
def test_every_request_is_answered(wire: Wire, method: str, params: Any) -> None:
    answer = wire.ask(method, params)
    error = answer.get("error")
    if error is None:
        assert "result" in answer
    else:
        assert error["code"] in (-32600, -32601, -32602, -32800)  # never -32603: something in codling broke
        assert "\n" not in error["message"]


@fuzz
@given(st.sampled_from(NOTIFICATIONS), params)
def test_notifications_break_nothing(wire: Wire, method: str, params: Any) -> None:
    wire.tell(method, params)
    assert "result" in wire.ask("codling/status", {})


@settings(fuzz, max_examples=40)
@given(st.binary(min_size=1, max_size=40) | st.builds(lambda value: json.dumps(value).encode(), params))
def test_bodies_that_are_no_messages_break_nothing(wire: Wire, body: bytes) -> None:
    wire.send(body)
    assert "result" in wire.ask("codling/status", {})


def test_it_completes_still(wire: Wire) -> None:
    assert wire.is_well()
