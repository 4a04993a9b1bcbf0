"""Memory that was needed for a moment, not kept for good."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable

__all__ = ["give_back_memory", "share_arenas"]

_M_ARENA_MAX = -8  # of glibc's mallopt
_ARENAS = 2


def share_arenas() -> None:
    """Have all threads allocate from two of the C library's arenas; called before there are threads.

    By itself glibc gives nearly every thread an arena of its own, each with holes that no other thread fills: after
    some thousand keystrokes 20 MB more. Other C libraries have no such limit to set.
    """
    library = _library()
    mallopt: Callable[[int, int], int] | None = getattr(library, "mallopt", None) if library is not None else None
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)


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
    library = _library()
    trim: Callable[[int], int] | None = getattr(library, "malloc_trim", None) if library is not None else None
    return trim


def _library() -> ctypes.CDLL | None:
    """The C library, where it may be glibc; musl has none of what is asked for here."""
    return ctypes.CDLL(None) if sys.platform == "linux" else None
