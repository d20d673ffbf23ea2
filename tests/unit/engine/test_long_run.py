"""A month of event time in a table that keeps eight days: its state stops growing."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from partition_driver import Drive, NewTable, PartitionDriver
from raw_records import NOON, Raw, raw_tick
from rocksdict import BottommostLevelCompaction, CompactOptions

from app.market.records import Tick

HOUR = 3_600_000
DAY = 24 * HOUR

KEYS = [f"KEY{number:02}" for number in range(40)]

#: A checkpoint each six hours of event time, with a tick of each key an hour.
BATCH = 6 * len(KEYS)

DAYS = (12, 20, 30)


#: Compact a single file too: tombstones that a restore has read are then removed.
_THOROUGH = CompactOptions()
_THOROUGH.set_bottommost_level_compaction(BottommostLevelCompaction.force())


class Size(NamedTuple):
    """Size of a table: rows in its store, bytes of its files, rows of the changelog."""

    rows: int
    disk: int
    changelog: int


def hours(count: int) -> Iterator[Raw]:
    """Yield one tick of each key an hour."""
    for hour in range(count):
        for place, key in enumerate(KEYS):
            tick = Tick(key, 100.0 + (hour * 7 + place) % 50, NOON + hour * HOUR, 1 + hour % 9)
            yield raw_tick(hour * len(KEYS) + place, tick)


def size_of(driver: PartitionDriver) -> Size:
    """Measure a table, with everything flushed and what was deleted compacted away."""
    database = driver.state.store._db
    database.flush()
    database.compact_range(None, None, _THOROUGH)
    # RocksDB's own log grows with its work, not with its content.
    files = [path for path in driver.path.iterdir() if not path.name.startswith("LOG")]
    live = dict(entry for entry in driver.changelog if entry is not None)
    return Size(
        driver.stored_rows(),
        sum(path.stat().st_size for path in files),
        sum(value is not None for value in live.values()),
    )


def fold_until(driver: PartitionDriver, day: int) -> None:
    """Fold up to this day of event time, with checkpoints in between."""
    while driver.folded < day * 24 * len(KEYS):
        driver.fold(BATCH)
        driver.checkpoint()
    while driver.state.behind or driver.state.unpublished:
        driver.checkpoint()


@pytest.mark.parametrize("restart", [None, "kept", "lost"])
def test_a_month_of_records_takes_no_more_room_than_twelve_days(
    new_table: NewTable, drive: Drive, restart: str | None
) -> None:
    """Rows in the store, bytes on disk and the compacted changelog, also after a restart.

    With its store or without: a restore from the changelog leaves no larger store.
    """
    table = new_table("1h", 0, 8 * DAY)
    sizes = []
    with drive(table, list(hours(30 * 24))) as driver:
        for day in DAYS:
            fold_until(driver, day - 1)
            if restart:
                driver.fold(BATCH // 2)
                driver.crash(restart)  # type: ignore[arg-type]  # one of the two it takes
            fold_until(driver, day)
            sizes.append(size_of(driver))
    first, *later = sizes
    # Eight days, the open window, and the records between two checkpoints.
    assert 8 * 24 * len(KEYS) <= first.rows <= (8 * 24 + 1) * len(KEYS) + BATCH
    for size in later:
        assert size.rows == first.rows
        assert size.changelog == first.changelog
        assert size.disk <= 1.2 * first.disk
