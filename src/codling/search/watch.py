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


def watch(index: CodeIndex, stop: threading.Event, updated: Callable[[UpdateReport], None]) -> None:
    """Update the index whenever files below its root change, until stop is set.

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
        index.root, watch_filter=counts, stop_event=stop, debounce=_DEBOUNCE_MS, step=_STEP_MS, raise_interrupt=False
    )
    known = set(index.generation().catalogue.paths().values())
    for change in changes:
        paths = {index.relative(path) for _, path in change}
        try:
            if paths <= known:
                report = index.update(paths)
            else:  # something new, which .gitignore may leave out
                report = index.update()
                known = set(index.generation().catalogue.paths().values())
        except BusyError as error:
            _log.warning("%s", error)
            continue
        if report.num_read or report.num_removed:
            updated(report)
