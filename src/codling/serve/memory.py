"""Memory that was needed for a moment, given back to the system."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable

__all__ = ["give_back_memory"]


def give_back_memory() -> None:
    """Have the C library give back what it keeps for later, in some milliseconds; for after work that took much.

    glibc keeps freed memory for each thread: a server that has read a project of 200,000 lines stays 20 MB larger for
    good. Other C libraries give back by themselves, or offer no way, and nothing happens.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    return trim
