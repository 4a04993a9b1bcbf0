"""Counts of what was accepted: kept, added up, bounded; and the threshold that follows from them."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codling.complete import acceptance as module
from codling.complete.acceptance import BUCKETS, Acceptance, Count, by_threshold, lowest_threshold
from codling.errors import ConfigError, InputError


@pytest.fixture
def kept(tmp_path: Path) -> Acceptance:
    return Acceptance(tmp_path / "deep" / "acceptance.sqlite")


def test_counts_add_up_over_processes_and_threads(kept: Acceptance) -> None:
    def work() -> None:
        own = Acceptance(kept.path)
        for _ in range(10):
            own.note("vim", "python", 0.5, shown=1)
            own.note("vim", "python", 0.5, accepted=1, chars=3)
            own.flush()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (count,) = kept.counts()
    assert (count.shown, count.accepted, count.chars) == (30, 30, 90)
    assert (count.client, count.language, count.bucket) == ("vim", "python", BUCKETS // 2)


def test_nothing_is_there_before_something_is_counted(kept: Acceptance) -> None:
    kept.flush()
    assert kept.counts() == []
    assert kept.threshold is None
    assert not kept.path.exists()


def test_programs_from_descriptions_are_counted_apart(kept: Acceptance) -> None:
    kept.note("vim", "python", 0.7, shown=1)
    kept.note("vim", "python", 0.7, shown=2, origin="description")
    kept.note("vim", "python", 0.7, accepted=1, chars=20, origin="description")
    kept.flush()
    counts = {count.origin: count for count in kept.counts()}
    assert counts["code"].shown == 1 and counts["code"].accepted == 0
    assert (counts["description"].shown, counts["description"].accepted, counts["description"].chars) == (2, 1, 20)
    assert by_threshold(kept.counts())[0].shown == 1  # a threshold is about the others


def test_counts_of_an_older_codling_are_read(kept: Acceptance) -> None:
    kept.note("vim", "python", 0.5, shown=1)
    kept.flush()
    with kept._open() as database:
        database.execute("DROP TABLE programs")
    assert [count.origin for count in kept.counts()] == ["code"]


def test_old_days_go_and_the_number_of_rows_is_bounded(kept: Acceptance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 3)
    for number in range(3):
        kept.note("vim", f"language {number}", 0.5, shown=1)
    kept.flush()
    with kept._open() as database:
        database.execute("UPDATE counts SET day = '2001-01-01' WHERE language = 'language 0'")
        database.execute("UPDATE counts SET day = date('now', '-2 days') WHERE language = 'language 1'")
    for number in range(3):
        kept.note("emacs", f"language {number}", 0.5, shown=1)
    kept.flush()
    assert {count.language for count in kept.counts() if count.client == "vim"} == {"language 2"}


def test_the_rows_of_one_day_are_bounded_too(kept: Acceptance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 3)
    for number in range(10):
        kept.note("vim", f"language {number}", 0.5, shown=1)
        kept.flush()
    assert len(kept.counts()) == 3


def test_reading_waits_for_nobody_and_writes_nothing(kept: Acceptance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUSY_S", 0.0)
    kept.set_threshold(0.35)
    kept.note("vim", "python", 0.5, shown=1)
    kept.flush()
    before = kept.path.read_bytes()
    kept.path.chmod(0o400)  # to those whom that keeps out
    kept.path.parent.chmod(0o500)
    try:
        with contextlib.closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
            with contextlib.suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
            assert Acceptance(kept.path).threshold == 0.35
            assert [count.shown for count in kept.counts()] == [1]
    finally:
        kept.path.parent.chmod(0o700)
    assert kept.path.read_bytes() == before


def test_a_damaged_file_stops_nobody(kept: Acceptance) -> None:
    kept.path.parent.mkdir()
    kept.path.write_bytes(b"no database " * 500)
    kept.note("vim", "python", 0.5, shown=1)
    kept.flush()
    assert kept.threshold is None
    with pytest.raises(InputError, match="--clear"):
        kept.counts()
    with pytest.raises(InputError):
        kept.set_threshold(0.5)
    kept.clear()
    assert kept.counts() == []


def test_a_threshold_is_kept(kept: Acceptance) -> None:
    kept.set_threshold(0.35)
    assert Acceptance(kept.path).threshold == 0.35
    kept.set_threshold(None)
    assert kept.threshold is None
    with pytest.raises(ConfigError):
        kept.set_threshold(1.5)


rows = st.lists(
    st.tuples(st.integers(0, BUCKETS - 1), st.integers(0, 50), st.integers(0, 50), st.integers(0, 500)), max_size=20
)


@settings(deadline=None)
@given(rows)
def test_thresholds_are_what_counting_by_hand_gives(rows: list[tuple[int, int, int, int]]) -> None:
    counts = [
        Count(day="2026-01-01", client="", language="", bucket=bucket, shown=num, accepted=min(num, taken), chars=chars)
        for bucket, num, taken, chars in rows
    ]
    table = by_threshold(counts)
    for row in table:
        above = [count for count in counts if count.bucket / BUCKETS >= row.threshold]
        assert row.shown == sum(count.shown for count in above)
        assert row.accepted == sum(count.accepted for count in above)
        assert row.chars == sum(count.chars for count in above)
    found = lowest_threshold(table, 0.5)
    for row in table:
        is_good = row.shown >= 50 and row.accepted >= row.shown / 2
        assert not is_good or (found is not None and found.threshold <= row.threshold)
