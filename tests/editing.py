"""Runs `codling lsp` as an editor does, and speaks with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from lsprotocol import types
from pytest_lsp import LanguageClient, make_test_lsp_client

__all__ = ["Editing", "running"]

_PATIENCE_S = 60  # a machine that is busy with other tests


class Editing:
    """A client, and what an editor does, in short."""

    def __init__(self, client: LanguageClient, home: Path) -> None:
        self.client, self.home = client, home
        self.versions: dict[str, int] = {}
        self.states: list[Any] = []
        self.result: types.InitializeResult | None = None
        self._is_over = False

    async def initialize(
        self, *, folders: list[Path] | None = None, encodings: list[str] | None = None, **settings: Any
    ) -> types.InitializeResult:
        """The first two messages of a session."""
        can = types.ClientCapabilities(
            general=types.GeneralClientCapabilities(position_encodings=encodings),
            window=types.WindowClientCapabilities(work_done_progress=True),
        )
        return await self.client.initialize_session(
            types.InitializeParams(
                capabilities=can,
                client_info=types.ClientInfo(name="Test Editor"),
                workspace_folders=[types.WorkspaceFolder(uri=each.as_uri(), name=each.name) for each in folders or []],
                initialization_options=settings,
            )
        )

    async def end(self) -> None:
        if not self._is_over:
            self._is_over = True
            await self.client.shutdown_session()

    async def ready(self) -> Any:
        """Wait until the models are there."""
        return await self._until(lambda status: status.state in ("ready", "off", "error"))

    async def indexed(self) -> Any:
        """Wait until the workspace can be searched."""
        return await self._until(
            lambda status: status.folders and all(folder.state == "ready" for folder in status.folders)
        )

    async def _until(self, is_so: Any) -> Any:
        async with asyncio.timeout(_PATIENCE_S):
            while not is_so(status := await self.request("codling/status")):
                await asyncio.sleep(0.05)
        return status

    def open(self, text: str, uri: str = "", language: str = "python") -> str:
        """Open a text, under a name that is new unless one is given."""
        uri = uri or f"file:///fish/tank{len(self.versions)}.py"
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri=uri, language_id=language, version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
        return uri

    def edit(self, uri: str, text: str, start: tuple[int, int], end: tuple[int, int] | None = None) -> None:
        """Put a text in the place of a range."""
        self.versions[uri] += 1
        where = types.Range(types.Position(*start), types.Position(*(end or start)))
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri]),
                content_changes=[types.TextDocumentContentChangePartial(range=where, text=text)],
            )
        )

    def configure(self, settings: dict[str, Any]) -> None:
        self.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"codling": settings}))

    @staticmethod
    def asking(uri: str, row: int, column: int) -> types.InlineCompletionParams:
        return types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=types.Position(row, column),
            context=types.InlineCompletionContext(trigger_kind=types.InlineCompletionTriggerKind.Automatic),
        )

    async def ghosts(
        self, uri: str, row: int, column: int, *, asked: bool = False, selected: tuple[int, int, str] | None = None
    ) -> list[types.InlineCompletionItem]:
        kind = types.InlineCompletionTriggerKind
        info = None
        if selected is not None:
            start, end, text = selected
            where = types.Range(types.Position(row, start), types.Position(row, end))
            info = types.SelectedCompletionInfo(range=where, text=text)
        params = self.asking(uri, row, column)
        params.context = types.InlineCompletionContext(
            trigger_kind=kind.Invoked if asked else kind.Automatic, selected_completion_info=info
        )
        answer = await self.client.text_document_inline_completion_async(params)
        return list(answer.items) if isinstance(answer, types.InlineCompletionList) else list(answer or ())

    async def some_ghosts(self, uri: str, row: int, column: int, **more: Any) -> list[types.InlineCompletionItem]:
        """As ghosts, where there are some: on a busy machine the server's time for one answer may be too short."""
        end = time.monotonic() + _PATIENCE_S
        while not (found := await self.ghosts(uri, row, column, **more)):
            assert time.monotonic() < end, "no ghost text"
        return found

    async def tokens(self, uri: str, row: int, column: int) -> list[types.CompletionItem]:
        answer = await self.client.text_document_completion_async(
            types.CompletionParams(
                text_document=types.TextDocumentIdentifier(uri=uri), position=types.Position(row, column)
            )
        )
        assert answer is None or isinstance(answer, types.CompletionList)
        return list(answer.items) if answer else []

    async def symbols(self, query: str) -> list[types.SymbolInformation | types.WorkspaceSymbol]:
        return list(await self.client.workspace_symbol_async(types.WorkspaceSymbolParams(query=query)) or ())

    async def command(self, name: str, *arguments: Any) -> Any:
        return await self.client.workspace_execute_command_async(
            types.ExecuteCommandParams(command=name, arguments=list(arguments))
        )

    async def request(self, method: str, params: Any = None) -> Any:
        return await asyncio.wait_for(self.client.protocol.send_request_async(method, params), _PATIENCE_S)

    async def stats(self, *arguments: str) -> Any:
        """What `codling stats` says."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "codling", "stats", "--json", *arguments),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"CODLING_HOME": str(self.home)},
        )
        out, _ = await asyncio.wait_for(process.communicate(), _PATIENCE_S)
        return json.loads(out)


@contextlib.asynccontextmanager
async def running(*arguments: str | Path, home: Path, cwd: Path | None = None) -> AsyncIterator[Editing]:
    """A language server that was not sent initialize yet.

    Args:
        cwd: the folder in which it is started; None for ours.
    """
    client = make_test_lsp_client()
    editing = Editing(client, home)
    client.feature("codling/status")(lambda status: editing.states.append(status))
    command = [sys.executable, "-P", "-m", "codling", "lsp", *map(str, arguments)]
    await client.start_io(command[0], *command[1:], env=os.environ | {"CODLING_HOME": str(home)}, cwd=cwd)
    try:
        yield editing
    finally:
        await editing.end()
