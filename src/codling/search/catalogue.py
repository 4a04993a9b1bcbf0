"""What the index knows: files with their text, units with their place. The stores find ids; here they mean something.

One SQLite database in write-ahead mode: a change is one transaction, readers go on with the state before it, and a
killed process leaves that state. The stores (codling.search.store) commit on their own, so the order matters, and it
is always: note what will be added (`pending`), add it to the stores, switch here, and only with the next change remove
from the stores what the switch has made garbage. Whatever a reader sees, the catalogue decides what of it exists.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from codling.errors import CodlingError
from codling.search.unit import Entry

__all__ = ["Catalogue", "CatalogueError", "FileRow", "Place"]

_SCHEMA = """
CREATE TABLE files (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, language TEXT NOT NULL, hash BLOB NOT NULL,
  mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, text_id INTEGER NOT NULL UNIQUE, text BLOB NOT NULL
);
CREATE TABLE units (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, qualified_name TEXT NOT NULL,
  signature TEXT NOT NULL, line INTEGER NOT NULL, top_line INTEGER NOT NULL, end_line INTEGER NOT NULL,
  has_doc INTEGER NOT NULL, content_hash INTEGER NOT NULL
);
CREATE INDEX units_by_file ON units (file);
CREATE INDEX units_by_name ON units (name COLLATE NOCASE) WHERE name != '';
CREATE TABLE pending (id INTEGER NOT NULL, is_text INTEGER NOT NULL);
CREATE TABLE garbage (id INTEGER NOT NULL, is_text INTEGER NOT NULL);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_ENTRY = """SELECT units.id, kind, name, qualified_name, signature, path, language, line, top_line, end_line, has_doc,
  content_hash FROM units JOIN files ON files.id = units.file """
_PLACE = "SELECT units.id, kind, language, file FROM units JOIN files ON files.id = units.file"
_BUSY_S = 30.0  # for a checkpoint of another process; writers exclude each other before they come here
_MAX_IN = 10_000  # ids in one statement
_MAX_TESTS = 32  # of paths, whose answers are kept


class CatalogueError(CodlingError):
    """A catalogue that is damaged."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One indexed file."""

    id: int
    path: str
    hash: bytes
    mtime_ns: int
    size: int
    text_id: int
    "Another number whenever the text is another."


class Place(NamedTuple):
    """What filters ask of a unit; an Entry says more and costs more."""

    id: int
    kind: str
    language: str
    file: int


class Catalogue:
    """Safe to read from several threads, each with a connection of its own. One writer at a time."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open a catalogue.

        Args:
            create: make an empty one.

        Raises:
            CatalogueError: there is none, or it is damaged.
        """
        if not create and not path.is_file():
            raise CatalogueError(f"{path} is missing; index the project again")
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._text = lru_cache(maxsize=256)(self._read_text)
        self._paths: tuple[int, dict[int, str]] | None = None
        self._passing: dict[Callable[[str], bool], tuple[int, frozenset[int]]] = {}
        try:
            if create:
                self.connection.executescript(f"PRAGMA journal_mode=WAL; BEGIN; {_SCHEMA} COMMIT;")
            self.connection.execute("SELECT count(*) FROM counters").fetchone()
        except sqlite3.Error as error:
            self.close()
            raise CatalogueError(f"{path} is damaged ({error}); index the project again") from None

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(
                self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            found.execute("PRAGMA synchronous=NORMAL")
            found.execute("PRAGMA mmap_size=1073741824")
            self._local.connection = found
            self._connections.append(found)
        return found

    def close(self) -> None:
        for each in self._connections:
            each.close()
        self._connections.clear()
        self._local = threading.local()

    @property
    def version(self) -> int:
        """Another number whenever somebody else has committed, as this thread sees it; costs microseconds."""
        return int(self._one("PRAGMA data_version")[0])

    # Reading

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """For the block, this thread reads one state, whatever is committed meanwhile."""
        connection = self.connection
        if connection.in_transaction:  # around another: the state is one already
            yield
            return
        connection.execute("BEGIN")
        try:
            self._one("SELECT count(*) FROM counters")  # the transaction begins with its first look
            yield
        finally:
            connection.execute("COMMIT")

    @property
    def num_units(self) -> int:
        return int(self._one("SELECT count(*) FROM units")[0])

    @property
    def num_files(self) -> int:
        return int(self._one("SELECT count(*) FROM files")[0])

    def counts(self, column: str) -> dict[str, int]:
        """Units by ``kind`` or by ``language``."""
        assert column in ("kind", "language")
        rows = self._all(
            f"SELECT {column}, count(*) FROM units JOIN files ON files.id = file GROUP BY 1 ORDER BY 2 DESC"
        )
        return dict(rows)

    def files(self) -> dict[str, FileRow]:
        """All files by path."""
        rows = self._all("SELECT id, path, hash, mtime_ns, size, text_id FROM files ORDER BY path")
        return {row[1]: FileRow(*row) for row in rows}

    def paths(self) -> dict[int, str]:
        """Paths by number of the file; kept until the catalogue changes."""
        version = self._num_changes()
        if self._paths is None or self._paths[0] != version:
            self._paths = version, dict(self._all("SELECT id, path FROM files"))
        return self._paths[1]

    def files_where(self, passes: Callable[[str], bool]) -> frozenset[int]:
        """Numbers of the files whose paths pass a test; kept for that function until the catalogue changes."""
        version = self._num_changes()
        kept = self._passing.get(passes)
        if kept is None or kept[0] != version:
            if len(self._passing) >= _MAX_TESTS:
                self._passing.clear()
            kept = version, frozenset(number for number, path in self.paths().items() if passes(path))
            self._passing[passes] = kept
        return kept[1]

    def entries(self, ids: Sequence[int]) -> dict[int, Entry]:
        """Units by id; those that do not exist are missing."""
        found: dict[int, Entry] = {}
        for start in range(0, len(ids), _MAX_IN):
            some = ",".join(map(str, map(int, ids[start : start + _MAX_IN])))
            found.update((row[0], Entry._make(row)) for row in self._all(f"{_ENTRY} WHERE units.id IN ({some})"))
        return found

    def places(self, ids: Sequence[int]) -> list[Place]:
        """Where some units are; those that do not exist are missing."""
        found: list[Place] = []
        for start in range(0, len(ids), _MAX_IN):
            some = ",".join(map(str, map(int, ids[start : start + _MAX_IN])))
            found += map(Place._make, self._all(f"{_PLACE} WHERE units.id IN ({some})"))
        return found

    def ids_where(
        self, *, languages: Iterable[str] = (), kinds: Iterable[str] = (), files: Iterable[int] | None = None
    ) -> list[int]:
        """Ids of the units that pass filters; an empty filter passes all."""
        clauses, values = ["1"], list[Any]()
        for column, wanted in (("language", list(languages)), ("kind", list(kinds))):
            if wanted:
                clauses.append(f"{column} IN ({','.join('?' * len(wanted))})")
                values += wanted
        if files is not None:
            clauses.append(f"file IN ({','.join(map(str, map(int, files)))})")
        rows = self._all(
            f"SELECT units.id FROM units JOIN files ON files.id = file WHERE {' AND '.join(clauses)}", values
        )
        return [row[0] for row in rows]

    def named(self, name: str, limit: int = 1_000) -> list[Entry]:
        """Units of a name, upper and lower case alike, but for that which is written as asked first."""
        rows = self._all(f"{_ENTRY} WHERE name = ? COLLATE NOCASE AND name != '' LIMIT ?", (name, limit))
        return sorted(map(Entry._make, rows), key=lambda entry: (entry.name != name, entry.path, entry.line))

    def in_file(self, path: str) -> list[Entry]:
        """The units of a file, by line, outer before inner."""
        rows = self._all(f"{_ENTRY} WHERE path = ? ORDER BY top_line, end_line DESC", (path,))
        return [Entry._make(row) for row in rows]

    def in_text(self, text_id: int) -> list[Entry]:
        """The units of a file, by the number of its text."""
        rows = self._all(f"{_ENTRY} WHERE text_id = ? ORDER BY top_line, end_line DESC", (text_id,))
        return [Entry._make(row) for row in rows]

    def text_ids(self, text_ids: Iterable[int] | None) -> list[tuple[int, int]]:
        """Those of some texts that exist still, each with the number of its file, by path; None for all texts."""
        some = "" if text_ids is None else f"WHERE text_id IN ({','.join(map(str, map(int, text_ids)))})"
        return self._all(f"SELECT text_id, id FROM files {some} ORDER BY path")

    def text(self, path: str) -> str | None:
        """A file's text as it was indexed; None if it is not indexed."""
        row = self.connection.execute("SELECT text_id FROM files WHERE path = ?", (path,)).fetchone()
        return None if row is None else self._text(row[0])

    def text_of(self, text_id: int) -> str:
        """A text by its number; empty if it is gone."""
        return self._text(text_id)

    def _read_text(self, text_id: int) -> str:
        row = self.connection.execute("SELECT text FROM files WHERE text_id = ?", (text_id,)).fetchone()
        try:
            return "" if row is None else zlib.decompress(row[0]).decode("utf-8", "surrogatepass")
        except zlib.error as error:
            raise CatalogueError(f"{self.path} is damaged ({error}); index the project again") from None

    # Writing

    def next_numbers(self, name: str, num: int) -> int:
        """Take so many numbers that were never given out before; returns the first."""
        with self.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
            first = int(row[0]) if row else 1
            connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (name, first + num))
        return first

    def garbage(self) -> tuple[list[int], list[int]]:
        """What the stores may still have and should not: ids of units, and numbers of texts."""
        rows = self._all("SELECT id, is_text FROM garbage UNION SELECT id, is_text FROM pending")
        units = {row[0] for row in rows if not row[1]} - {
            row[0] for row in self._all("SELECT id FROM units WHERE id IN (SELECT id FROM pending WHERE NOT is_text)")
        }
        return sorted(units), sorted(row[0] for row in rows if row[1])

    def note(self, ids: Iterable[int], text_ids: Iterable[int]) -> None:
        """Say what is about to be added to the stores."""
        with self.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO pending VALUES (?, 0)", ((id_,) for id_ in ids))
            connection.executemany("INSERT INTO pending VALUES (?, 1)", ((id_,) for id_ in text_ids))

    def switch(
        self,
        files: Sequence[tuple[Any, ...]],
        units: Mapping[int, Sequence[Entry]],
        removed_files: Iterable[int],
        *,
        collected: tuple[Iterable[int], Iterable[int]] = ((), ()),
    ) -> None:
        """Put files and their units in the place of what was there, in one transaction.

        Args:
            files: rows of the table, in the order of its columns.
            units: by number of the file.
            collected: garbage that the stores no longer have.
        """
        replaced = [*units, *removed_files]
        with self.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for kind, ids in enumerate(collected):
                connection.executemany("DELETE FROM garbage WHERE id = ? AND is_text = ?", ((id_, kind) for id_ in ids))
            connection.execute("DELETE FROM pending")
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS replaced (file INTEGER PRIMARY KEY)")
            connection.execute("DELETE FROM replaced")
            connection.executemany("INSERT OR IGNORE INTO replaced VALUES (?)", ((file,) for file in replaced))
            connection.execute(
                "INSERT INTO garbage SELECT units.id, 0 FROM units WHERE file IN (SELECT file FROM replaced)"
            )
            connection.execute(
                "INSERT INTO garbage SELECT text_id, 1 FROM files WHERE id IN (SELECT file FROM replaced)"
            )
            connection.execute("DELETE FROM units WHERE file IN (SELECT file FROM replaced)")
            connection.execute("DELETE FROM files WHERE id IN (SELECT file FROM replaced)")
            connection.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)", files)
            rows = sorted(
                (
                    *(each.id, file, each.kind, each.name, each.qualified_name, each.signature, each.line),
                    *(each.top_line, each.end_line, int(each.has_doc), each.content_hash),
                )
                for file, entries in units.items()
                for each in entries
            )
            connection.executemany("INSERT OR REPLACE INTO units VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("DELETE FROM garbage WHERE NOT is_text AND id IN (SELECT id FROM units)")
            connection.execute("DELETE FROM garbage WHERE is_text AND id IN (SELECT text_id FROM files)")
            connection.execute(
                "INSERT INTO counters VALUES ('changes', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
            )

    def touch(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Note that files have another time of change and size, but the same content: (mtime_ns, size, id)."""
        with self.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("UPDATE files SET mtime_ns = ?, size = ? WHERE id = ?", rows)

    def _num_changes(self) -> int:
        return int(self._one("SELECT coalesce(max(value), 0) FROM counters WHERE name = 'changes'")[0])

    def _one(self, sql: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._all(sql)[0]
        return row

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self.connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise CatalogueError(f"{self.path} is damaged ({error}); index the project again") from None
