"""Runs `codling serve` as a process of its own, for the tests that need real sockets and signals."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

__all__ = ["Serving"]

_PATIENCE_S = 60  # a machine that is busy with other tests


class Serving:
    """A running server; ``url`` is what it printed."""

    def __init__(
        self, *arguments: str | Path, port: int = 0, env: dict[str, str] | None = None, python: Path | None = None
    ) -> None:
        """Start it and wait until it says where it is.

        Args:
            port: 0 for a free one.
            env: added to the environment.
            python: the interpreter of another environment.
        """
        command = [str(python or sys.executable), "-m", "codling"]
        self.process = subprocess.Popen(
            [*command, "serve", "--no-open", "--port", str(port), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | (env or {}),
        )
        self.url = self._first_line()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def _first_line(self) -> str:
        lines: queue.Queue[str] = queue.Queue()
        stdout = self.process.stdout
        assert stdout is not None
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=_PATIENCE_S).strip()
        except queue.Empty:
            line = ""
        if not line:
            self.process.kill()
            raise AssertionError(f"the server did not start: {self.process.communicate()[1]}")
        return line

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C; the exit code and what stood on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self._end()

    def terminate(self) -> tuple[int, str]:
        """End it as a service manager does; the exit code and what stood on stderr."""
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def _end(self) -> tuple[int, str]:
        _, err = self.process.communicate(timeout=_PATIENCE_S)
        return self.process.returncode, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
