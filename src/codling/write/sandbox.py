"""A sandbox for programs that nobody has looked at: a process of its own, without network and files, with limits.

Three walls, the inner ones for clear messages and the outer one for what gets past them: the names that a program is
given; Python's audit hook; on Linux a filter of system calls. Time and memory are limited by the process and by this
side, which ends a process that does not answer. It keeps honest programs from harm and stops hostile ones that it is
tested with; it is not proven against a kernel's or an interpreter's own faults.
"""

from __future__ import annotations

import ast
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from codling.errors import CodlingError, InputError

__all__ = ["Case", "Outcome", "Sandbox", "SandboxError"]

_JAIL = Path(__file__).with_name("jail.py")
_START_S = 20.0  # until a process must be ready: a fraction of a second, but machines can be busy
_GRACE_S = 1.0  # that a process has beyond its own limits before it is ended

Stop = Literal["time", "memory", "files", "network", "processes", "import", "system", "input", "error"]


class SandboxError(CodlingError):
    """The sandbox itself does not work here."""


@dataclass(frozen=True, slots=True)
class Case:
    """One input of a program: values by position, and by name."""

    args: tuple[Any, ...] = ()
    names: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program did with one input."""

    value: Any = None
    "Plain data; iterators are read out into lists."
    stopped: Stop | None = None
    "Why there is no value; None where there is one."
    why: str = ""
    "For people: what the program did, or may not do."


class Sandbox:
    """Runs programs in a process that stays for the next one, until one breaks it.

    Use it in a with block, or call close: it owns a process. Not for several threads at once.
    """

    def __init__(self, *, timeout_s: float = 1.0, memory_mb: int = 256) -> None:
        """Args:
        timeout_s: that a program may take for one input.
        memory_mb: that programs may use, beyond the interpreter itself.
        """
        if timeout_s <= 0 or memory_mb < 1:
            raise InputError("a sandbox needs a time above 0 and at least 1 MB")
        self.timeout_s, self.memory_mb = timeout_s, memory_mb
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None

    def run(self, code: str, cases: Sequence[Case], order: Sequence[str] = ()) -> list[Outcome]:
        """Run a program on each input, the names of each run its own.

        A program that ends in a function is called with the inputs. Any other finds them under names, and its value is
        that of its last line; without one what it printed, or else the first input as it stands afterwards.

        Args:
            order: names that inputs by position get in a program that is no function.

        Raises:
            SandboxError: no process can be started here.
        """
        if not cases:
            return []
        rows = [
            {
                "args": [repr(each) for each in case.args],
                "names": {name: repr(each) for name, each in case.names.items()},
                "order": list(order),
            }
            for case in cases
        ]
        process = self._started()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"code": code, "cases": rows}) + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=len(cases) * self.timeout_s + _GRACE_S)
        except queue.Empty:
            self.close()
            return [Outcome(stopped="time", why="it takes too long")] * len(cases)
        except OSError:
            line = None
        if line is None:
            self.close()
            return [Outcome(stopped="error", why="it broke its interpreter")] * len(cases)
        return [_outcome(row) for row in json.loads(line)]

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        command = [sys.executable, "-I", "-S", str(_JAIL), str(self.timeout_s), str(self.memory_mb << 20)]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                env={"PYTHONHASHSEED": "0"} | {key: os.environ[key] for key in ("SYSTEMROOT",) if key in os.environ},
            )
        except OSError as error:
            raise SandboxError(f"no process for running programs can be started: {error}") from None
        if sys.platform == "win32":
            from codling.write.windows_job import confine

            confine(process, self.memory_mb << 20)
        self._process, self._lines = process, queue.Queue()
        threading.Thread(target=_read, args=(process, self._lines), daemon=True).start()
        try:
            ready = self._lines.get(timeout=_START_S)
        except queue.Empty:
            ready = None
        if ready is None:
            self.close()
            raise SandboxError("the process for running programs does not start; try again, or without --examples")
        return process


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    """Hand on what a process writes; None when it ends."""
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.put(line)
    except (OSError, ValueError):  # closed while reading
        pass
    lines.put(None)


def _outcome(row: dict[str, str]) -> Outcome:
    if "value" not in row:
        return Outcome(stopped=row["stopped"], why=row["why"])  # type: ignore[arg-type]
    try:
        return Outcome(value=_read_value(row["value"]))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return Outcome(stopped="error", why="its value is no plain data")


_NUMBERS = {"inf": float("inf"), "nan": float("nan")}


def _read_value(text: str) -> Any:
    """What repr gave, which spells two floats as names, and the empty set as a call."""
    if text in _NUMBERS:
        return _NUMBERS[text]
    return set() if text == "set()" else ast.literal_eval(text)
