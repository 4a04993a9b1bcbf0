"""What a server keeps of a day's work: the last texts and suggestions, and nothing of each keystroke."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from chain_bundle import LINE
from codling.serve.lsp.protocol import Protocol
from codling.serve.lsp.server import make_server

URI = "file:///fish/tank.py"
BEFORE = "import os\n\nx = a"


class Window:
    """A client in the same process, so that the server's objects can be counted."""

    def __init__(self, chain: Path) -> None:
        server, self.editor = make_server(str(chain))
        assert isinstance(server.protocol, Protocol)
        self.protocol, self.version, self.number = server.protocol, 1, 0
        self.answers: dict[int, Any] = {}
        self.protocol.set_writer(self, include_headers=False)

    def write(self, data: bytes) -> None:
        message = json.loads(data)
        if message.get("id") is not None:
            self.answers[message["id"]] = message["result"]

    def close(self) -> None:
        self.editor.close()

    def tell(self, method: str, params: object, **more: object) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        self.protocol.handle_message(json.loads(json.dumps(message), object_hook=self.protocol.structure_message))

    async def ask(self, method: str, params: object) -> Any:
        self.number += 1
        self.tell(method, params, id=self.number)
        while self.number not in self.answers:
            await asyncio.sleep(0.001)
        return self.answers.pop(self.number)

    async def start(self) -> None:
        await self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.tell("initialized", {})
        while (await self.ask("codling/status", {}))["state"] != "ready":
            await asyncio.sleep(0.01)
        item = {"uri": URI, "languageId": "python", "version": 1, "text": BEFORE}
        self.tell("textDocument/didOpen", {"textDocument": item})

    async def type(self, text: str) -> str:
        """Put a text in at the end, see what is suggested there, and take it out again."""
        row, column = BEFORE.count("\n"), len(BEFORE.rpartition("\n")[2])
        place = {"line": row, "character": column}
        end = {"line": row, "character": column + len(text)}
        self.edit(place, place, text)
        where = {"textDocument": {"uri": URI}, "position": end}
        items = await self.ask("textDocument/inlineCompletion", where | {"context": {"triggerKind": 2}})
        assert (await self.ask("textDocument/completion", where | {"context": {"triggerKind": 1}}))["items"]
        self.edit(place, end, "")
        self.tell("textDocument/didSave", {"textDocument": {"uri": URI}})
        await asyncio.sleep(0)
        return str(items["items"][0]["insertText"])

    def edit(self, start: object, end: object, text: str) -> None:
        self.version += 1
        change = {"range": {"start": start, "end": end}, "text": text}
        document = {"uri": URI, "version": self.version}
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


@pytest.fixture
async def window(chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("CODLING_HOME", str(tmp_path))
    window = Window(chain)
    await window.start()
    yield window
    window.close()


@pytest.mark.timeout(60)
async def test_nothing_is_kept_of_a_keystroke(window: Window) -> None:
    async def objects_after(num: int) -> int:
        for _ in range(num):
            assert await window.type(".") == LINE
        while window.protocol.num_pending:  # until the last message's handlers are done
            await asyncio.sleep(0.001)
        gc.collect()
        return len(gc.get_objects())

    before = await objects_after(50)
    after = await objects_after(200)
    assert after - before < 100  # for a thousand messages; some for what is kept now and then
