"""`codling adapt` from within an editor: a process of its own, for it needs PyTorch, a core, and minutes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from codling.errors import InputError
from codling.serve.lsp.watching import begin

__all__ = ["ADAPT", "adapt"]

ADAPT = "codling.adapt"
"The command; its argument is the URI of a folder."

MINUTES = 8.0  # as `codling adapt` takes by default
_GRACE_S = 20  # to keep what was learned when it is cancelled
_LOOK_S = 1.0


async def adapt(server: LanguageServer, folder: Path, model: str | None, minutes: float = MINUTES) -> dict[str, Any]:
    """Fine-tune a model on a folder's code, with a progress bar that cancels it.

    Args:
        model: the bundle to start from; None for the one for the folder's main language.

    Returns:
        What `codling adapt --json` says, and "model", the new bundle's path: None when nothing was gained.

    Raises:
        InputError: it could not be done; what it said.
    """
    # -P: editors start us in the project's folder, whose files are no modules of ours
    command = [sys.executable, "-P", "-m", "codling", "adapt", str(folder), "--json", "--minutes", str(minutes)]
    process = await asyncio.create_subprocess_exec(
        *command,
        *(["--model", model] if model is not None else []),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said: list[str] = []
    reading = asyncio.ensure_future(_listen(process.stderr, said))
    answering = asyncio.ensure_future(process.stdout.read())
    bar = await begin(server, f"codling: adapting to {folder.name}", cancellable=True)
    try:
        await _wait(server, process, bar, said, minutes)
        await reading
        if process.returncode != 0:
            raise InputError(said[-1].removeprefix("codling: ") if said else f"it ended with {process.returncode}")
        result: dict[str, Any] = json.loads(await answering)
        return result | {"model": result.get("bundle")}
    finally:
        await _stop(process)
        reading.cancel()
        answering.cancel()
        if bar is not None:
            server.work_done_progress.end(bar, types.WorkDoneProgressEnd(message=said[-1] if said else None))


async def _wait(
    server: LanguageServer, process: asyncio.subprocess.Process, bar: str | None, said: list[str], minutes: float
) -> None:
    """Until the process ends, or is cancelled from the bar."""
    started = time.monotonic()
    while process.returncode is None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _LOOK_S)
        if bar is None:
            continue
        if server.work_done_progress.tokens[bar].cancelled():
            await _stop(process)
            raise InputError("adapting was cancelled; the same command goes on where it was")
        share = (time.monotonic() - started) / (60 * minutes)
        report = types.WorkDoneProgressReport(message=said[-1] if said else None, percentage=min(99, int(100 * share)))
        server.work_done_progress.report(bar, report)


async def _listen(stream: asyncio.StreamReader, said: list[str]) -> None:
    async for line in stream:
        words = " ".join(line.decode("utf-8", "replace").split())
        if words:
            said[:] = [words[:200]]


async def _stop(process: asyncio.subprocess.Process) -> None:
    """As Ctrl-C does, so that what was learned is kept; then less gently."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.terminate()
        else:
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            process.kill()
            await process.wait()
