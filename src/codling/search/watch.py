"""Keep an index true while its files change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codling.corpus.readers import SKIPPED_FOLDERS
from codling.errors import BusyError
from codling.search.update import UpdateReport
from codling.search.walk import is_indexed

if TYPE_CHECKING:
    from codling.search.index import CodeIndex

__all__ = ["watch"]

_log = logging.getLogger("codling")

_DEBOUNCE_MS = 200  # an editor writes a file in several steps
_STEP_MS = 50
_LOOK_MS = 1_000  # until what may have been missed is looked for
_WRITER_S = 2.0  # to wait for another writer; then it's asked again


def watch(index: CodeIndex, stop: threading.Event, updated: Callable[[UpdateReport], None]) -> None:
    """Update the index whenever files below its root change, until stop is set.

    Changes from before the watch began are taken up too, and so are those that come while another process writes
    the index, when it has done.

    Args:
        updated: called after each update that found something.
    """
    import watchfiles

    def counts(_: watchfiles.Change, path: str) -> bool:
        try:
            parts = Path(path).relative_to(index.root).parts
        except ValueError:
            return False
        name = parts[-1] if parts else ""
        return not SKIPPED_FOLDERS.intersection(parts[:-1]) and (is_indexed(name) or name == ".gitignore")

    changes = watchfiles.watch(
        index.root,
        watch_filter=counts,
        stop_event=stop,
        debounce=_DEBOUNCE_MS,
        step=_STEP_MS,
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    known = set(index.generation().catalogue.paths().values())
    told = False
    missed = True  # perhaps: the system's watch begins only with the first look
    for change in changes:
        if not (change or missed):
            continue
        paths = {index.relative(path) for _, path in change}
        try:
            if paths <= known and not missed:
                report = index.update(paths, wait_s=_WRITER_S)
            else:  # something new, which .gitignore may leave out
                report = index.update(wait_s=_WRITER_S)
                known = set(index.generation().catalogue.paths().values())
        except BusyError as error:
            if not told:
                _log.warning("%s", error)
            missed = told = True
            continue
        missed = told = False
        if report.num_read or report.num_removed:
            updated(report)
