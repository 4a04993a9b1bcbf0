"""The project that a server was started for: looked at again now and then, in the background, while it is worked in."""

from __future__ import annotations

import logging
import math
import threading
import time

from codling.engine.project import ProjectCache
from codling.errors import CancelledError
from codling.serve.memory import give_back_memory

__all__ = ["Workspace"]

_log = logging.getLogger("codling")

LOOK_AFTER_S = 15  # a file that was saved counts so much later at most; a look costs some milliseconds a thousand files


class Workspace:
    """Keeps one model's cache of a project up to date. Only what lies below the project's folder is ever read."""

    def __init__(self, cache: ProjectCache) -> None:
        """Begins to read the project in the background; until that is done, the open file is all that is known."""
        self.cache = cache
        self._closed = threading.Event()
        self._looking = threading.Lock()
        self._seen: object = cache.version
        self._looked_at = -math.inf  # the clock may have begun a moment ago, with the machine
        self.touch()

    def touch(self) -> None:
        """Say that somebody works in the project."""
        if time.monotonic() - self._looked_at > LOOK_AFTER_S and self._looking.acquire(blocking=False):
            threading.Thread(target=self._look, name="codling-project", daemon=True).start()

    def close(self) -> None:
        """Keep what is known for the next session."""
        self._closed.set()
        self.cache.close()

    def _look(self) -> None:
        try:
            self.cache.refresh(cancelled=self._closed.is_set)
            if self.cache.version is not self._seen:  # something was read, now or when it was saved
                self._seen = self.cache.version
                give_back_memory()
        except CancelledError:
            pass
        except Exception:  # the server goes on without
            _log.exception("the project %s could not be read", self.cache.root)
        finally:
            self._looked_at = time.monotonic()
            self._looking.release()
