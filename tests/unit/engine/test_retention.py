"""Expired rows are deleted with their windows; the remaining windows are complete."""

from collections.abc import Iterator

import pytest
from candle_truth import candles, truth
from hypothesis import given, settings
from partition_driver import Drive, NewTable, PartitionDriver
from plans import MINUTE, PLANS, Step, run_plan, ticks
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick
from app.market.topics import TICKS_LATE
from eventfold.engine import partition
from eventfold.engine.rows import META, split_row_key

HOUR = 60 * MINUTE


def minutes(count: int, symbols: str = "AB") -> Iterator[Raw]:
    """Yield one tick of each symbol a minute."""
    for number in range(count):
        for place, symbol in enumerate(symbols):
            tick = Tick(symbol, 1.0 + number, NOON + number * MINUTE, 1)
            yield raw_tick(len(symbols) * number + place, tick)


def assert_expired(driver: PartitionDriver) -> None:
    """Check that no row is left of which every window ended before the retention."""
    table, state = driver.table, driver.state
    oldest = next(state.store.starts(), None)
    limit = state.meta.stream_time - table.retention
    assert oldest is None or oldest + table.strategy.longest > limit


def test_state_size_is_bounded_by_the_retention(new_table: NewTable, drive: Drive) -> None:
    """Two symbols, one tick a minute for a day, one hour of which is kept."""
    table = new_table("1m,5m", MINUTE, HOUR)
    rows = []
    with drive(table, list(minutes(1440))) as driver:
        while driver.folded < len(driver.raw):
            driver.fold(20)
            driver.checkpoint()
            rows.append(driver.stored_rows())
        # An hour, the longest window, and the records between two checkpoints.
        assert max(rows) <= 2 * (60 + 5 + 10 + 1)
        assert rows[-1] >= 2 * 60
        assert_expired(driver)
        # Memory keeps the panes that results may still need: grace and the longest window.
        assert sum(len(panes) for panes in driver.state.windows.panes.by_key.values()) <= 2 * (
            1 + 5 + 10 + 1
        )


def test_a_deleted_row_is_a_tombstone_in_the_changelog(new_table: NewTable, drive: Drive) -> None:
    """Compaction deletes it too, so a restored store is no larger than the one before."""
    with drive(new_table("1m,5m", MINUTE, HOUR), list(minutes(300))) as driver:
        while driver.folded < len(driver.raw):
            driver.fold(20)
            driver.checkpoint()
        entries = [entry for entry in driver.changelog if entry is not None]
        last = dict(entries)
        deleted = {row for row, value in last.items() if value is None}
        assert deleted
        assert {split_row_key(row)[0] for row in deleted} == {b"A", b"B"}
        kept = driver.stored_rows()
        assert len(last) - len(deleted) - (META in last) == kept
        driver.crash(store="lost")
        assert driver.stored_rows() == kept


@settings(max_examples=30)
@given(ticks(), PLANS)
def test_expired_rows_are_deleted_completely_despite_crashes(
    new_table: NewTable, drive: Drive, raw: list[Raw], plan: list[Step]
) -> None:
    """In slices, after crashes and leaps in time; each slice makes progress."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "EXPIRE_SLICE", 3)
        with drive(new_table("1m,5m", MINUTE, 10 * MINUTE), raw) as driver:
            run_plan(driver, plan)
            for _ in raw:
                driver.checkpoint()
            assert_expired(driver)


def test_a_window_is_answered_completely_or_not_at_all(new_table: NewTable, drive: Drive) -> None:
    """At the edge of the retention the first of a window's minutes are deleted before the last."""
    table = new_table("1m,5m,5m/1m,7m", MINUTE, 10 * MINUTE)
    raw = list(minutes(40, "A"))
    with drive(table, raw) as driver:
        for count in range(1, len(raw) + 1):
            driver.fold(1)
            driver.checkpoint()
            facts = truth(raw[:count], table.grace)
            for window in table.windows:
                expected = candles(facts.kept, window, driver.state.meta.finalised)
                answers = [table.record(a) for a in driver.state.read(b"A", window, 0, 1 << 62)]
                assert [a.count for a in answers] == [expected["A", a.start].count for a in answers]
                assert answers == [expected["A", a.start] for a in answers]


def test_retention_and_grace_are_measured_in_stream_time(new_table: NewTable, drive: Drive) -> None:
    """A quiet partition keeps its rows for any time; a leap of stream time deletes them."""
    table = new_table("1m", MINUTE, 10 * MINUTE)
    leap = raw_tick(100, Tick("B", 1.0, NOON + HOUR))
    with drive(table, [*minutes(3, "A"), leap]) as driver:
        driver.fold(3)
        for _ in range(5):
            driver.checkpoint()
        assert len(driver.state.rows_of(b"A")) == 3
        assert driver.state.span(b"A") == (NOON, NOON + 3 * MINUTE)
        driver.fold(1)
        driver.checkpoint()
        driver.checkpoint()
        assert driver.state.rows_of(b"A") == []
        assert driver.state.span(b"A") is None
        assert driver.state.all_keys() == {b"B"}
        assert TICKS_LATE.base_name not in driver.outputs


@pytest.mark.parametrize("retention", [0, 5 * MINUTE, 6 * MINUTE - 1])
def test_a_retention_shorter_than_a_window_and_its_grace_is_rejected(
    new_table: NewTable, retention: int
) -> None:
    """The message names the table: windows would lose panes before they are final."""
    with pytest.raises(ValueError, match=r"table candles-\d+: a retention of .* its grace, 6m"):
        new_table("1m,5m", MINUTE, retention)
