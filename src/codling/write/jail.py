"""Runs programs that nobody has looked at: the far side of ``sandbox``, a script of its own with nothing but the
standard library.

It reads requests from standard input, JSON by line, and answers each in a line. Before the first one it shuts itself
in, for good: limits of memory, processes and files where the system has them (POSIX), a filter that leaves hardly any
system call but those that manage memory and time (Linux), and everywhere Python's audit hook, which refuses files,
network, processes and new imports. What a program prints is caught.
"""

from __future__ import annotations

import ast
import bisect
import builtins
import collections
import copy
import ctypes
import datetime
import decimal
import fractions
import functools
import heapq
import io
import itertools
import json
import math
import operator
import os
import platform
import random
import re
import signal
import statistics
import string
import struct
import sys
import textwrap
import time
import warnings
from typing import Any, NoReturn

MODULES = {
    each.__name__: each
    for each in (
        *(bisect, collections, copy, datetime, decimal, fractions, functools, heapq, itertools, json, math, operator),
        *(random, re, statistics, string, textwrap, time),
    )
}
"What a program may import: what computes, and reaches nothing."

MAX_ITEMS = 100_000
"An iterator's values are read up to so many."
MAX_ANSWER = 1_000_000
"Characters of a value as it is sent back."

_OUT_OF_REACH = {
    "open": "open files",
    "os": "reach the system",
    "os.fork": "start processes",
    "os.forkpty": "start processes",
    "os.exec": "start processes",
    "os.spawn": "start processes",
    "os.posix_spawn": "start processes",
    "os.system": "start processes",
    "subprocess": "start processes",
    "pty": "start processes",
    "socket": "use the network",
    "ctypes": "reach into memory",
    "import": "import more modules",
    "shutil": "open files",
    "tempfile": "open files",
    "glob": "open files",
    "sqlite3": "open files",
    "mmap": "open files",
    "fcntl": "open files",
    "webbrowser": "start processes",
    "urllib": "use the network",
    "http": "use the network",
    "signal": "change signals",
    "sys.addaudithook": "change the interpreter",
    "sys.setprofile": "change the interpreter",
    "sys.settrace": "change the interpreter",
    "sys._current_frames": "look into the interpreter",
    "gc.get_objects": "look into the interpreter",
    "gc.get_referrers": "look into the interpreter",
    "builtins.input": "read input",
    "winreg": "reach the system",
    "syslog": "reach the system",
    "resource": "reach the system",
    "_winapi": "start processes",
    "_posixsubprocess": "start processes",
}
"Audit events, or what they begin with before a dot, and what a program may not do."


class Stopped(BaseException):
    """Ends a program; no BaseException of its own, so that ``except Exception`` does not hold it."""


def main() -> None:
    timeout_s, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    requests, answers = sys.stdin, sys.stdout
    sys.stdin = sys.stdout = sys.stderr = io.StringIO()
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(2_000)
    alarm = _alarm()
    _limit(memory_bytes)
    _filter_system_calls()
    sys.addaudithook(_refuse)
    answers.write('{"ready": true}\n')
    answers.flush()
    for line in requests:
        request = json.loads(line)
        answer = [_outcome(request["code"], case, timeout_s, alarm) for case in request["cases"]]
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _outcome(code: str, case: dict[str, Any], timeout_s: float, alarm: Any) -> dict[str, str]:
    """What a program gives for one input: {"value"}, or {"stopped", "why"}."""
    try:
        alarm(timeout_s)
        try:
            value = _run(code, case)
            text = repr(_plain(value))
        finally:
            alarm(0)
        if len(text) > MAX_ANSWER:
            return {"stopped": "memory", "why": f"its value has more than {MAX_ANSWER:,} characters"}
        return {"value": text}
    except Stopped as stopped:
        kind, why = stopped.args
        return {"stopped": kind, "why": why}
    except MemoryError:
        return {"stopped": "memory", "why": "it needs more memory than it may have"}
    except RecursionError:
        return {"stopped": "error", "why": "it calls itself without end"}
    except BaseException as error:
        return {"stopped": "error", "why": f"{type(error).__name__}: {str(error)[:200]}"}


def _run(code: str, case: dict[str, Any]) -> Any:
    """The value of a program: of the last function it defines, called; else of its last line; else what it printed, or
    the first input as it stands afterwards."""
    args = [ast.literal_eval(each) for each in case["args"]]
    names = {name: ast.literal_eval(each) for name, each in case["names"].items()}
    tree = ast.parse(code)
    if not tree.body:
        return None
    printed = io.StringIO()
    scope: dict[str, Any] = {"__builtins__": _builtins(printed), "__name__": "__program__"}
    last = tree.body[-1]
    if isinstance(last, ast.FunctionDef):
        exec(compile(tree, "<program>", "exec"), scope)
        return scope[last.name](*args, **names)
    scope |= {name: MODULES[name] for name in _free(tree) if name in MODULES}
    scope |= names
    scope |= dict(zip([name for name in case["order"] if name not in names], args, strict=False))
    given = [scope[name] for name in (*case["order"], *names) if name in scope]
    value = None
    if isinstance(last, (ast.Expr, ast.Return)) and last.value is not None:
        exec(compile(ast.Module(tree.body[:-1], []), "<program>", "exec"), scope)
        value = eval(compile(ast.Expression(last.value), "<program>", "eval"), scope)
    else:
        exec(compile(tree, "<program>", "exec"), scope)
        if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
            value = scope[last.targets[0].id]
    if value is None and printed.getvalue():
        return printed.getvalue().removesuffix("\n")
    return given[0] if value is None and given else value


def _free(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _plain(value: Any) -> Any:
    """A value as plain data: iterators read out, numbers and texts as they are."""
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes):
        return value
    if kind in (list, tuple):
        return kind(_plain(each) for each in value)
    if kind in (set, frozenset):
        return set(value) if all(type(each) in (int, float, str, bytes, bool, tuple) for each in value) else None
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in dict.items(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in list(value)]
    if hasattr(kind, "__next__") or kind in (range, collections.deque, *_VIEWS):
        return [_plain(each) for each in itertools.islice(value, MAX_ITEMS)]
    raise Stopped("error", f"its value is of type {kind.__name__}, which has no plain form")


_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))


def _builtins(printed: io.StringIO) -> dict[str, Any]:
    names = vars(builtins).copy()
    for name in ("breakpoint", "exit", "quit", "help", "copyright", "credits", "license", "__loader__", "__spec__"):
        names.pop(name, None)

    def no_files(*_: Any, **__: Any) -> NoReturn:
        raise Stopped("files", "it may not open files")

    def no_input(*_: Any) -> NoReturn:
        raise Stopped("input", "it may not read input")

    def show(*values: Any, sep: str = " ", end: str = "\n", file: Any = None, **_: Any) -> None:
        if file is None and printed.tell() < MAX_ANSWER:
            printed.write((sep or "").join(map(str, values)) + (end or ""))

    def import_(name: str, _scope: Any = None, _locals: Any = None, _from: Any = (), level: int = 0) -> Any:
        if name not in MODULES or level:
            raise Stopped(*_why_no_import(name))
        return MODULES[name]

    given: dict[str, Any] = {"open": no_files, "input": no_input, "print": show, "__import__": import_}
    return names | given


def _why_no_import(name: str) -> tuple[str, str]:
    top = name.partition(".")[0]
    if top in ("socket", "ssl", "urllib", "http", "ftplib", "smtplib", "asyncio", "requests", "socketserver"):
        return "network", f"it may not use the network (import {name})"
    if top in ("subprocess", "multiprocessing", "pty", "concurrent"):
        return "processes", f"it may not start processes (import {name})"
    if top in ("os", "pathlib", "shutil", "io", "tempfile", "glob", "posix", "nt"):
        return "files", f"it may not reach files or the system (import {name})"
    return "import", f"it may not import {name}; only {', '.join(sorted(MODULES))}"


_KINDS = {"open files": "files", "use the network": "network", "start processes": "processes"}


def _refuse(event: str, _args: tuple[Any, ...]) -> None:
    """The audit hook: an event that reaches out ends the program, whichever way it came there."""
    what = _OUT_OF_REACH.get(event) or _OUT_OF_REACH.get(event.partition(".")[0])
    if what is not None:
        raise Stopped(_KINDS.get(what, "system"), f"it may not {what}")


def _alarm() -> Any:
    """Sets a timer that ends a program; one that does nothing where there are none: the other side has its own."""
    if not hasattr(signal, "setitimer"):
        return lambda _seconds: None

    armed = [False]

    def ring(_number: int, _frame: Any) -> None:
        if armed[0]:
            raise Stopped("time", "it takes too long")

    signal.signal(signal.SIGALRM, ring)
    set_timer, again_s = signal.setitimer, 0.05  # a program that holds the first ring meets the next

    def alarm(seconds: float) -> None:
        armed[0] = seconds > 0
        set_timer(signal.ITIMER_REAL, seconds, again_s if seconds else 0)

    return alarm


def _limit(memory_bytes: int) -> None:
    """Limits of POSIX; Windows has the other side's job object."""
    try:
        import resource
    except ImportError:
        return
    pages = 0
    if os.path.exists("/proc/self/statm"):  # noqa: PTH110 — pathlib is more than this script needs
        with open("/proc/self/statm") as file:  # noqa: PTH123
            pages = int(file.read().split()[0])
    used = pages * resource.getpagesize()
    limits = {
        resource.RLIMIT_AS: used + memory_bytes,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for kind, limit in limits.items():
        _, most = resource.getrlimit(kind)
        limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
        try:
            resource.setrlimit(kind, (limit, limit))
        except (ValueError, OSError):  # macOS refuses some
            continue


_CALLS = {
    "x86_64": (
        0xC000003E,
        (
            *(0, 1, 3, 5, 8, 9, 10, 11, 12),  # read write close fstat lseek mmap mprotect munmap brk
            *(13, 14, 15, 24, 25, 28, 35, 38),  # signals, sched_yield mremap madvise nanosleep setitimer
            *(39, 60, 96, 131, 186, 202, 228),  # getpid exit gettimeofday sigaltstack gettid futex clock_gettime
            *(230, 231, 234, 262, 318, 334),  # clock_nanosleep exit_group tgkill newfstatat getrandom rseq
        ),
    ),
    "aarch64": (
        0xC00000B7,
        (
            *(63, 64, 57, 80, 62, 222, 226, 215, 214),
            *(134, 135, 139, 124, 216, 233, 101, 103),
            *(172, 93, 169, 132, 178, 98, 113),
            *(115, 94, 131, 79, 278, 293),
        ),
    ),
}
"By machine: how the kernel names it, and the numbers of the calls that stay."


def _filter_system_calls() -> None:
    """On Linux, leave only calls for memory, time and the open pipes; all others fail with EPERM.

    Seccomp in filter mode (seccomp(2)): load the machine, then the call's number, compare with each in turn.
    """
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        return
    machine, calls = _CALLS[platform.machine()]
    load, equal, give = 0x20, 0x15, 0x06  # BPF: load a word; jump if equal; return
    allow, deny, kill = 0x7FFF0000, 0x00050001, 0x80000000  # SECCOMP_RET_ALLOW, _ERRNO with EPERM, _KILL_PROCESS
    steps = [(load, 0, 0, 4), (equal, 1, 0, machine), (give, 0, 0, kill), (load, 0, 0, 0)]
    steps += [(equal, len(calls) - i, 0, call) for i, call in enumerate(calls)]
    steps += [(give, 0, 0, deny), (give, 0, 0, allow)]
    program = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    libc.prctl(no_new_privileges, 1, 0, 0, 0)
    libc.prctl(set_seccomp, filter_mode, ctypes.create_string_buffer(header), 0, 0)  # refused: the hook stays


if __name__ == "__main__":
    main()
