"""Hostile programs are stopped, each with a clear message; honest ones give their values."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codling.errors import InputError
from codling.write.sandbox import Case, Outcome, Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=1.5, memory_mb=128) as made:  # on a busy machine memory must run out before time
        yield made


def run(sandbox: Sandbox, code: str, *args: object, order: tuple[str, ...] = (), **names: object) -> Outcome:
    return sandbox.run(code, [Case(args, names)], order)[0]


ESCAPE = "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__"
"How programs get at modules that they were not given."


@pytest.mark.parametrize(
    ("code", "stopped", "why"),
    [
        ("while True: pass", "time", "too long"),
        ("import itertools\nfor _ in itertools.count():\n    try: x = 1 / 0\n    except: pass", "time", "too long"),
        ("import os\nwhile True: os.fork()", "files", "may not reach files or the system"),
        (f"while True: {ESCAPE}['fork']()", "processes", "may not start processes"),
        (f"{ESCAPE}['system']('ls')", "processes", "may not start processes"),
        ("import subprocess", "processes", "may not start processes"),
        ("open('/etc/passwd').read()", "files", "may not open files"),
        (f"{ESCAPE}['open']('/etc/passwd', 0)", "files", "may not open files"),
        ("import json\njson.codecs.open('/etc/passwd')", "files", "may not open files"),
        ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "network", "may not use the network"),
        ("x = bytearray(10 ** 10)", "memory", "more memory"),
        ("x = [0]\nwhile True: x += x", "memory", "more memory"),
        ("import ctypes", "import", "may not import ctypes"),
        ("def f(): return f()\nf()", "error", "calls itself without end"),
        ("input()", "input", "may not read input"),
        ("1 / 0", "error", "ZeroDivisionError"),
        ("raise SystemExit", "error", "SystemExit"),
        ("lambda: 0", "error", "no plain form"),
    ],
)
def test_hostile_programs_are_stopped(sandbox: Sandbox, code: str, stopped: str, why: str) -> None:
    started = time.perf_counter()
    outcome = run(sandbox, code)
    assert outcome.stopped == stopped, outcome
    assert why in outcome.why
    assert time.perf_counter() - started < 30
    assert run(sandbox, "1 + 1").value == 2, "the next program runs as if nothing had been"


def test_no_connection_is_made_even_by_a_module_that_got_in(sandbox: Sandbox) -> None:
    """A program that finds the loaders behind the names it was given still reaches no server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        port = server.getsockname()[1]
        code = (
            "import random\nloader = random._os.sys.meta_path[0].find_spec('_socket')\n"
            f"made = random._os.sys.modules['_socket'] if loader is None else loader.loader.load_module('_socket')\n"
            f"made.socket().connect(('127.0.0.1', {port}))"
        )
        assert run(sandbox, code).stopped is not None
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.skipif(sys.platform != "linux", reason="filters of system calls are Linux's")
def test_the_kernel_filters_system_calls(sandbox: Sandbox) -> None:
    run(sandbox, "1")
    process = sandbox._process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert "Seccomp:\t2" in status


def test_no_file_is_written(sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "written"
    outcome = run(sandbox, f"import random\nrandom._os.open({str(target)!r}, 0o101)")
    assert outcome.stopped == "files"
    assert not target.exists()


def test_a_broken_interpreter_is_replaced(sandbox: Sandbox) -> None:
    outcome = run(sandbox, f"{ESCAPE}['_exit'](0)")
    assert outcome.stopped == "error"
    assert "broke" in outcome.why
    assert run(sandbox, "'still here'").value == "still here"


@pytest.mark.parametrize(
    ("code", "names", "value"),
    [
        ("sorted(xs)", {"xs": [3, 1, 2]}, [1, 2, 3]),
        ("xs.sort()", {"xs": [3, 1, 2]}, [1, 2, 3]),
        ("y = n * 2", {"n": 4}, 8),
        ("print('a', n)", {"n": 4}, "a 4"),
        ("return n + 1", {"n": 4}, 5),
        ("map(str, xs)", {"xs": [1]}, ["1"]),
        ("{x for x in xs}", {"xs": []}, set()),
        ("math.inf", {}, float("inf")),
        ("collections.Counter(s)", {"s": "aab"}, {"a": 2, "b": 1}),
        ("import re\nre.findall('[0-9]', s)", {"s": "a1ü2🐟"}, ["1", "2"]),
        ("def f(a, b):\n    return a - b", {"a": 5, "b": 3}, 2),
    ],
)
def test_values(sandbox: Sandbox, code: str, names: dict[str, object], value: object) -> None:
    outcome = run(sandbox, code, **names)
    assert outcome == Outcome(value=value)
    assert type(outcome.value) is type(value)


def test_positions(sandbox: Sandbox) -> None:
    assert run(sandbox, "def f(a, b):\n    return a - b", 5, 3).value == 2
    assert run(sandbox, "a - b", 5, 3, order=("a", "b")).value == 2


def test_each_input_has_names_of_its_own(sandbox: Sandbox) -> None:
    code = "try: n += 1\nexcept NameError: n = 100\nn"
    assert [each.value for each in sandbox.run(code, [Case(), Case(names={"n": 1}), Case()])] == [100, 2, 100]


def test_limits_must_make_sense() -> None:
    with pytest.raises(InputError):
        Sandbox(timeout_s=0)
