"""The `codling serve` that answers: one that runs already, or one of our own that ends when we do."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from codling.serve.running import authorization, find_notice

__all__ = ["AwayError", "Backend"]

_START_S = 60.0  # until a server that was started answers: a cold disk, a busy machine
_ANSWER_S = 5.0  # its own budget for a completion is two seconds
_PAUSES_S = (0.0, 2.0, 10.0, 60.0)  # before it is started again, after it went away so many times in a row
_FORGIVEN_S = 120.0  # who lived so long may start again at once


class AwayError(Exception):
    """No server answers now; says why, or that one is on its way."""


@dataclass(frozen=True)
class _Server:
    url: str
    headers: dict[str, str]
    process: subprocess.Popen[str] | None = None


class Backend:
    """Reaches the server. Used on the event loop of Jupyter's server; what blocks is done on threads."""

    def __init__(
        self, project: Path | None, *, may_start: bool = True, models: Sequence[str] = (), log: logging.Logger
    ) -> None:
        """Args:
        project: folder whose other files should count; None for none.
        may_start: start a server where none runs.
        models: bundles for a server that is started; none for those in the usual places.
        """
        from codling.serve.lsp.workbench import is_project

        self.project = project if project is not None and is_project(project) else None
        self.error = ""
        "Why there is no server; empty while there is one, or while it starts."
        self._may_start, self._models, self._log = may_start, tuple(models), log
        self._server: _Server | None = None
        self._client: httpx.AsyncClient | None = None
        self._reaching: asyncio.Task[None] | None = None
        self._starting: subprocess.Popen[str] | None = None
        self._num_lost, self._began, self._not_before = 0, 0.0, 0.0
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        return self._server is not None

    def wake(self) -> None:
        """Look for a server, or start one, in the background."""
        if self._server is not None or self._reaching is not None or self._is_closed:
            return
        if time.monotonic() >= self._not_before:
            self._reaching = asyncio.get_running_loop().create_task(self._reach())

    async def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Have the server answer; cancelling this ends its work, too.

        Raises:
            AwayError: there is none now; one is looked for, or started, meanwhile.
        """
        server = self._server
        if server is None or self._client is None:
            self.wake()
            raise AwayError(self.error or "codling is being started")
        headers = {"content-type": "application/json"} if body is not None else {}
        try:
            answer = await self._client.request(
                method, f"{server.url}{path}", content=body, headers=headers | server.headers
            )
        except httpx.TimeoutException:
            raise AwayError("codling does not answer in time") from None
        except httpx.TransportError as error:
            self._lose(server)
            raise AwayError(f"codling is gone ({error or type(error).__name__})") from None
        return answer.status_code, answer.content

    async def close(self) -> None:
        """End the server, if it is our own."""
        self._is_closed = True
        if self._starting is not None:  # nobody will need it: its thread need not wait until it answers
            self._starting.kill()
        if self._reaching is not None:
            await asyncio.wait([self._reaching])
        if self._client is not None:
            await self._client.aclose()
        server, self._server = self._server, None
        if server is not None and server.process is not None:
            await asyncio.to_thread(_end, server.process)

    async def _reach(self) -> None:
        try:
            server = await asyncio.to_thread(self._find)
            if server is None and self._may_start:
                server = await asyncio.to_thread(self._start)
            if server is None:
                raise AwayError("no `codling serve` runs for this folder, and none may be started")
            if self._is_closed:
                if server.process is not None:
                    await asyncio.to_thread(_end, server.process)
                return
            if self._client is None:
                # on this machine there is no proxy of the environment, and no TLS, which takes a while to set up
                self._client = httpx.AsyncClient(timeout=_ANSWER_S, trust_env=False, verify=False)
            self._server, self._began, self.error = server, time.monotonic(), ""
            self._log.info("codling answers at %s", server.url)
        except AwayError as error:
            if self.error != str(error):
                self._log.warning("codling: %s", error)
            self.error = str(error)
            self._wait_longer()
        finally:
            self._reaching = None

    def _lose(self, server: _Server) -> None:
        """A server went away: the next question looks for another."""
        if self._server is not server:
            return
        self._log.info("codling at %s went away", server.url)
        self._server = None
        if server.process is not None:
            threading.Thread(target=_end, args=(server.process,), daemon=True).start()
        if time.monotonic() - self._began > _FORGIVEN_S:
            self._num_lost = 0
        self._wait_longer()
        self.wake()

    def _wait_longer(self) -> None:
        self._not_before = time.monotonic() + _PAUSES_S[min(self._num_lost, len(_PAUSES_S) - 1)]
        self._num_lost += 1

    def _find(self) -> _Server | None:
        notice = find_notice([self.project] if self.project else [])
        return _Server(notice.url, authorization(notice)) if notice else None

    def _start(self) -> _Server:
        """Start a server that ends when its standard input does, which is when this process does, however it ends.

        Raises:
            AwayError: it did not start.
        """
        command = [sys.executable, "-m", "codling", "serve", "--no-open", "--port", "0", "--no-index", "--until-eof"]
        command += [part for model in self._models for part in ("--model", model)]
        command += ["--project", str(self.project)] if self.project else []
        # Ctrl-C in Jupyter's terminal asks whether to end Jupyter; it must not end this meanwhile.
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
            )
        except OSError as error:
            raise AwayError(f"codling cannot be started ({error})") from None
        self._starting = process
        if self._is_closed:  # since this was asked for
            process.kill()
        assert process.stdout is not None
        said: collections.deque[str] = collections.deque(maxlen=20)
        threading.Thread(target=self._listen, args=(process, said), daemon=True).start()
        slow = threading.Timer(_START_S, process.kill)
        slow.start()
        url = process.stdout.readline().strip()
        slow.cancel()
        self._starting = None
        if not url.startswith("http://127.0.0.1:"):
            _end(process)
            raise AwayError(said[-1] if said else f"`codling serve` was not there after {_START_S:.0f} s")
        return _Server(url, {}, process)

    def _listen(self, process: subprocess.Popen[str], said: collections.deque[str]) -> None:
        assert process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            for line in process.stderr:
                said.append(line.strip())
                self._log.debug("codling: %s", line.rstrip())


def _end(process: subprocess.Popen[str]) -> None:
    """Let a server end by itself, or end it."""
    with contextlib.suppress(OSError):
        assert process.stdin is not None
        process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
