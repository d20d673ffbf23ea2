"""Counts of late records are reported for as long as the retention, and then no more."""

from pathlib import Path

import pytest
from partition_driver import Drive, NewTable, PartitionDriver
from plans import MINUTE
from raw_records import raw_tick

from app.market.records import Tick
from eventfold.engine.lateness import LateCounts
from eventfold.engine.rows import LATE, split_row_key
from eventfold.engine.store import Store

DAY = 86_400_000
RETENTION = 3 * DAY

#: 2026-02-01T00:00:00Z.
MIDNIGHT = 1_769_904_000_000


def late_after_expiry(driver: PartitionDriver) -> int:
    """Fold the rest, let all expire that is due; return the late count of A."""
    driver.settle()
    for _ in range(3):
        driver.checkpoint()
    return int(driver.state.late_of(b"A"))


@pytest.mark.parametrize("came", [MIDNIGHT - DAY, MIDNIGHT - DAY // 2, MIDNIGHT - 1, MIDNIGHT])
@pytest.mark.parametrize("restart", [False, True])
def test_a_late_record_is_counted_for_the_whole_retention(
    new_table: NewTable, drive: Drive, came: int, *, restart: bool
) -> None:
    """From its arrival, to the millisecond; a day and a window later the count is deleted."""
    table = new_table("1m", 0, RETENTION)
    later = [came + RETENTION, came + RETENTION + DAY + MINUTE]
    times = [("B", came), ("A", came - 1), ("A", came - 2), *(("B", time) for time in later)]
    raw = [raw_tick(n, Tick(key, 1.0, time)) for n, (key, time) in enumerate(times)]
    with drive(table, raw[:-1]) as driver:
        driver.fold(3)
        driver.checkpoint()
        if restart:
            driver.crash(store="lost")
        assert driver.state.late_of(b"A") == 2
        assert late_after_expiry(driver) == 2
    with drive(table, raw) as driver:
        driver.fold(3)
        driver.checkpoint()
        assert late_after_expiry(driver) == 0


def test_records_in_time_order_are_counted_in_every_batch(
    new_table: NewTable, drive: Drive
) -> None:
    """`faust lateness` compares late ones with all of them, not with those of one batch."""
    raw = [raw_tick(n, Tick("A", 1.0, MIDNIGHT + n, 1)) for n in range(3)]
    with drive(new_table("1m", 0), raw) as driver:
        for _ in raw:
            driver.fold(1)
        assert driver.state.meta.lateness == {0: 3}


@pytest.mark.parametrize("most", [1, 2, 3, 4, 100])
def test_late_counts_of_past_days_are_deleted_in_slices(tmp_path: Path, most: int) -> None:
    """A day after they ended, each once, oldest first; later ones stay."""
    store, days = Store(tmp_path / "store"), [0, DAY, 2 * DAY]
    counts = LateCounts("t", store)
    for day in days:
        for key in (b"A", b"B", b"C"):
            counts.add(key, day + DAY - 1)
            counts.add(key, day)
    assert (counts.changed, counts.of(b"B")) == (9, 6)
    store.write(counts.take_rows(), 1, timed=True)
    counts.settle()
    assert (counts.changed, counts.of(b"B")) == (0, 6)
    assert counts.expire(DAY, most) == []
    expected: list[tuple[bytes, int]] = []
    for end, over in ((DAY + 1, 1), (2 * DAY, 1), (2 * DAY + 1, 2)):
        found = []
        while rows := counts.expire(end, most):
            assert len(rows) <= most
            found += [split_row_key(row) for row in rows]
            if len(rows) < most:
                break
        expected += found
        assert expected == [(key, LATE + day) for day in days[:over] for key in (b"A", b"B", b"C")]
    store.close()
