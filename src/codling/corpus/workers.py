"""Worker processes that end with their parent, however it ends, and leave Ctrl-C to it."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from codling.errors import CorpusError

__all__ = ["GC_THRESHOLD", "in_order", "worker_pool"]

R = TypeVar("R")

GC_THRESHOLD = 50_000  # syntax trees make and drop millions of objects, few of them in circles


@contextlib.contextmanager
def worker_pool(num_workers: int) -> Iterator[Executor]:
    """Processes for the block; with one worker, the work is done in this process.

    Processes are spawned, not forked: the same on every platform, and safe beside threads.
    """
    if num_workers == 1:
        yield _Inline()
        return
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        num_workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=()
    )
    try:
        yield pool
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        if isinstance(error, BrokenProcessPool):
            raise CorpusError("a worker process died, perhaps for lack of memory; try --workers 1") from None
        raise
    pool.shutdown()


def in_order(pool: Executor, function: Callable[..., R], items: Iterable[Any], ahead: int) -> Iterator[R]:
    """Results in the order of the items, with at most this many under way, so that memory stays bounded."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class _Inline(Executor):
    """An executor that works when it is asked to."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(GC_THRESHOLD)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
