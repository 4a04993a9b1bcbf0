"""What became of suggestions: counts, kept on this machine only, that say which are worth showing.

Kept are numbers by day, client, language and score; no text, no name of a file. They never leave the machine.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codling.errors import ConfigError, InputError
from codling.types import Origin

__all__ = ["Acceptance", "Count", "ThresholdRow", "acceptance_path", "by_threshold", "lowest_threshold"]

_log = logging.getLogger("codling")

BUCKETS = 20  # of scores, each 0.05 wide: finer ones would hold too few suggestions each
MAX_ROWS = 50_000  # a year of four languages in three editors; about 3 MB
KEEP_DAYS = 366
FLUSH_S = 10.0  # a process that is killed loses the counts of that time at most
_MAX_WAITING = 1_000  # counts that could not be written
_MAX_NAME = 50  # characters of a client's or a language's name
_BUSY_S = 3.0  # to wait for another process that writes

_TABLES: dict[Origin, str] = {"code": "counts", "description": "programs"}
_COUNTS = """(
  day TEXT, client TEXT, language TEXT, bucket INTEGER, shown INTEGER, accepted INTEGER, chars INTEGER,
  PRIMARY KEY (day, client, language, bucket)
) WITHOUT ROWID"""
_COLUMNS = dict.fromkeys(_TABLES.values(), _COUNTS) | {"settings": "(key TEXT PRIMARY KEY, value REAL) WITHOUT ROWID"}
_ADD = """
INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  shown = shown + excluded.shown, accepted = accepted + excluded.accepted, chars = chars + excluded.chars
"""
_DROP_OLDEST = """
DELETE FROM {table} WHERE day < ? OR (day, client, language, bucket) IN (
  SELECT day, client, language, bucket FROM {table}
  ORDER BY day DESC, client DESC, language DESC, bucket DESC LIMIT -1 OFFSET ?
)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """Suggestions of one day, client, language and range of scores."""

    day: str
    "As 2026-07-31."
    client: str
    language: str
    bucket: int
    "Scores from bucket / BUCKETS on, in [0, BUCKETS)."
    shown: int
    accepted: int
    chars: int
    "Inserted by accepting, and so not typed."
    origin: Origin = "code"


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdRow:
    """What showing only suggestions of at least some score would have been."""

    threshold: float
    shown: int
    accepted: int
    chars: int
    coverage: float
    "Share of what was shown that would still be, in [0, 1]."
    precision: float
    "Share of these that was accepted, in [0, 1]; 0 of none."


class Acceptance:
    """The counts in one file. Safe to use from several threads and processes; never an obstacle to those who count."""

    def __init__(self, path: Path | None = None) -> None:
        """Args:
        path: the file; None for the user's own.
        """
        self.path = path or acceptance_path()
        self._waiting: Counter[tuple[Origin, str, str, str, int, str]] = Counter()
        self._lock = threading.Lock()
        self._flushed = time.monotonic()

    def note(
        self,
        client: str,
        language: str,
        score: float,
        *,
        shown: int = 0,
        accepted: int = 0,
        chars: int = 0,
        origin: Origin = "code",
    ) -> None:
        """Count something; it costs nothing until it is flushed.

        Args:
            score: of the suggestion, in [0, 1].
            chars: inserted by accepting.
        """
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        bucket = min(BUCKETS - 1, max(0, int(score * BUCKETS)))
        key = origin, day, client[:_MAX_NAME], language[:_MAX_NAME], bucket
        with self._lock:
            for what, number in (("shown", shown), ("accepted", accepted), ("chars", chars)):
                if number:
                    self._waiting[(*key, what)] += number

    @property
    def is_due(self) -> bool:
        """There is something that has not been written for a while."""
        return bool(self._waiting) and time.monotonic() - self._flushed > FLUSH_S

    def flush(self) -> None:
        """Write what was counted. What cannot be written now waits for the next time, with a line in the log."""
        with self._lock:
            waiting, self._waiting = self._waiting, Counter()
            self._flushed = time.monotonic()
        rows = [
            (*key, *(waiting[(*key, what)] for what in ("shown", "accepted", "chars")))
            for key in {each[:5] for each in waiting}
        ]
        if not rows:
            return
        try:
            with self._open() as database:
                oldest = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=KEEP_DAYS)
                for origin, table in _TABLES.items():
                    database.executemany(_ADD.format(table=table), [row[1:] for row in rows if row[0] == origin])
                    database.execute(_DROP_OLDEST.format(table=table), (oldest.isoformat(), MAX_ROWS))
        except (sqlite3.Error, OSError) as error:
            _log.warning("what was accepted cannot be counted in %s: %s", self.path, error)
            with self._lock:
                if len(self._waiting) < _MAX_WAITING:
                    self._waiting += waiting

    def counts(self, days: int | None = None) -> list[Count]:
        """All counts, or those of the last days, oldest first.

        Raises:
            InputError: the file is damaged.
        """
        since = ""
        if days is not None:
            since = (datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=days - 1)).isoformat()
        names = ("day", "client", "language", "bucket", "shown", "accepted", "chars")
        with self._reading() as database:
            found = []
            for origin, table in _TABLES.items():
                rows = database.execute(f"SELECT {', '.join(names)} FROM {table} WHERE day >= ?", (since,))
                found += [Count(**dict(zip(names, row, strict=True)), origin=origin) for row in rows]
            return sorted(found, key=lambda count: count.day)

    @property
    def threshold(self) -> float | None:
        """Least score of what is shown unasked, as it was set; None if it was not, or the file is damaged."""
        try:
            with self._reading() as database:
                row = database.execute("SELECT value FROM settings WHERE key = 'threshold'").fetchone()
        except InputError:
            return None
        return float(row[0]) if row is not None else None

    def set_threshold(self, threshold: float | None) -> None:
        """Args:
            threshold: least score of what is shown unasked; None for no such bound.

        Raises:
            ConfigError: it is no probability.
            InputError: the file cannot be written.
        """
        if threshold is not None and not 0 <= threshold <= 1:
            raise ConfigError(f"a threshold is a probability, from 0 to 1, not {threshold}")
        try:
            with self._open() as database:
                database.execute("DELETE FROM settings WHERE key = 'threshold'")
                if threshold is not None:
                    database.execute("INSERT INTO settings VALUES ('threshold', ?)", (threshold,))
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"cannot write {self.path}: {error}") from None

    def clear(self) -> None:
        """Delete all counts and the threshold.

        Raises:
            InputError: the file cannot be deleted.
        """
        with self._lock:
            self._waiting.clear()
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"cannot delete {self.path}: {error.strerror}") from None

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")  # one that begins by reading fails at once when another writes
            try:
                for table, columns in _COLUMNS.items():
                    database.execute(f"CREATE TABLE IF NOT EXISTS {table} {columns}")
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """It waits for nobody who writes, and where nothing may be written it reads all the same."""
        path = self.path if self.path.is_file() else ":memory:"
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as database:
                known = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
                for table, columns in _COLUMNS.items():
                    if table not in known:  # nothing was kept, or an older codling kept it
                        database.execute(f"CREATE TEMP TABLE {table} {columns}")
                yield database
        except (sqlite3.Error, OSError) as error:
            raise InputError(
                f"{self.path} cannot be read ({error}); `codling stats --clear` begins a new one"
            ) from None


def acceptance_path() -> Path:
    """Where the user's counts are kept."""
    home = os.environ.get("CODLING_HOME")
    if home:
        return Path(home) / "acceptance.sqlite"
    import platformdirs

    return platformdirs.user_state_path("codling") / "acceptance.sqlite"


def by_threshold(counts: Iterable[Count]) -> list[ThresholdRow]:
    """For each threshold what it would have shown, lowest first. Of what a threshold hid already nothing is known, and
    programs from descriptions have a bound of their own."""
    shown, accepted, chars = [0] * BUCKETS, [0] * BUCKETS, [0] * BUCKETS
    for count in counts:
        if count.origin != "code":
            continue
        shown[count.bucket] += count.shown
        accepted[count.bucket] += count.accepted
        chars[count.bucket] += count.chars
    all_shown = sum(shown)
    rows = []
    for bucket in range(BUCKETS):
        num, taken = sum(shown[bucket:]), sum(accepted[bucket:])
        rows.append(
            ThresholdRow(
                threshold=bucket / BUCKETS,
                shown=num,
                accepted=taken,
                chars=sum(chars[bucket:]),
                coverage=num / all_shown if all_shown else 0.0,
                precision=min(1.0, taken / num) if num else 0.0,
            )
        )
    return rows


def lowest_threshold(rows: Sequence[ThresholdRow], precision: float, least_shown: int = 50) -> ThresholdRow | None:
    """The lowest threshold above which as large a share was accepted; None if none had so many.

    Args:
        least_shown: suggestions above it that are needed for a figure to mean anything.
    """
    enough = (row for row in rows if row.shown >= least_shown and row.precision >= precision)
    return min(enough, key=lambda row: row.threshold, default=None)
