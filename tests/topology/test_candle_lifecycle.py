"""Candles as a reader of the topic sees them: on time, corrected, final, too late."""

from collections.abc import Iterator

import pytest

from app import app
from app.market.records import LateTick, Tick
from app.market.topics import CANDLES, TICKS, TICKS_LATE
from eventfold.records.candles import Candle
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import tumbling
from tables.candles import candles

pytestmark = pytest.mark.usefixtures("folding")

MINUTE = 60_000
ONE = tumbling("1m")


@pytest.fixture
def driver() -> Iterator[TopologyDriver]:
    """Yield a driver of candles alone."""
    with TopologyDriver(app, tables=[candles], partitions=2) as running:
        yield running


def minutes(found: list[Candle]) -> list[Candle]:
    """Return the candles of one minute."""
    return [candle for candle in found if candle.size == MINUTE]


def test_candle_is_updated_corrected_and_final_once(driver: TopologyDriver) -> None:
    """On time, then within grace (5 min), then final; each result holds more than the last."""
    noon = driver.now
    driver.pipe(TICKS, Tick("A", 10.0, noon + 1_000), Tick("A", 12.0, noon + 2_000))
    driver.advance("1s")
    (opened,) = minutes(driver.read(CANDLES))
    assert (opened.open, opened.close, opened.count, opened.final) == (10.0, 12.0, 2, False)

    # The next minute has begun when a tick of the first one comes.
    driver.pipe(TICKS, Tick("A", 11.0, noon + MINUTE), Tick("A", 9.0, noon))
    driver.advance("1s")
    corrected, following = minutes(driver.read(CANDLES))
    assert (corrected.open, corrected.low, corrected.count, corrected.late) == (9.0, 9.0, 3, 1)
    assert corrected.revision > opened.revision
    assert following.start == noon + MINUTE

    # Stream time reaches the end of the minute and its grace.
    driver.pipe(TICKS, Tick("A", 11.0, noon + 6 * MINUTE))
    driver.advance("1s")
    final = next(candle for candle in minutes(driver.read(CANDLES)) if candle.start == noon)
    assert final.final
    assert final.revision == corrected.revision + 1
    assert (final.count, final.late) == (3, 1)

    driver.pipe(TICKS, Tick("A", 11.0, noon + 30 * MINUTE))
    driver.settle()
    assert not [candle for candle in minutes(driver.read(CANDLES)) if candle.start == noon]


def test_late_tick_goes_to_late_topic_with_reason_and_offset(driver: TopologyDriver) -> None:
    """It changes no window; its late record is in the partition of its key."""
    noon = driver.now
    driver.pipe(TICKS, Tick("A", 10.0, noon), Tick("A", 11.0, noon + 6 * MINUTE))
    (late,) = driver.pipe(TICKS, Tick("A", 99.0, noon + 59_999, 7))
    driver.settle()
    assert driver.read(TICKS_LATE) == [
        LateTick(
            *("A", 99.0, noon + 59_999, 7),
            reason="late",
            stream_time=noon + 6 * MINUTE,
            grace=5 * MINUTE,
            partition=late.partition,
            offset=late.offset,
            table="candles",
        )
    ]
    (record,) = driver.records(TICKS_LATE)
    assert (record.partition, record.key) == (late.partition, b"A")
    assert dict(record.headers)["source"] == f"ticks-{late.partition}-{late.offset}".encode()
    assert [candle.high for candle in candles.read("A", ONE, noon, noon + 1)] == [10.0]
    assert candles.late_of("A") == 1


def test_a_tick_just_within_grace_counts(driver: TopologyDriver) -> None:
    """A tick is late before stream time less the grace, not at it."""
    noon = driver.now
    driver.pipe(TICKS, Tick("A", 1.0, noon + 5 * MINUTE), Tick("A", 2.0, noon))
    driver.pipe(TICKS, Tick("A", 3.0, noon - 1))
    driver.settle()
    assert [candle.close for candle in candles.read("A", ONE, 0, noon + 1)] == [2.0]
    assert [tick.price for tick in driver.read(TICKS_LATE)] == [3.0]


def test_each_partition_has_its_own_stream_time(driver: TopologyDriver) -> None:
    """Hours in one partition close no window in another."""
    noon = driver.now
    driver.pipe(TICKS, Tick("A", 1.0, noon), partition=0)
    driver.advance("2h")
    driver.pipe(TICKS, Tick("B", 1.0, noon + 120 * MINUTE), partition=1)
    driver.pipe(TICKS, Tick("A", 2.0, noon + 1), partition=0)
    driver.settle()
    (answer,) = candles.read("A", ONE, noon, noon + 1)
    assert (answer.count, answer.final) == (2, False)
    assert driver.read(TICKS_LATE) == []


def test_tick_far_ahead_is_a_dead_letter_and_closes_no_window(driver: TopologyDriver) -> None:
    """A time too far ahead of the record's own timestamp is a dead letter, as is garbage."""
    driver.pipe(TICKS, Tick("A", 1.0, driver.now), partition=0)
    driver.pipe(TICKS, Tick("A", 1.0, driver.now + 60 * MINUTE + 1), partition=0)
    driver.pipe_raw(TICKS, b"A", b"{", partition=0)
    driver.settle()
    assert not any(candle.final for candle in driver.read(CANDLES))
    ahead, garbage = driver.read(DEAD_LETTERS)
    assert "3600001 ms ahead" in ahead.error
    assert (garbage.partition, garbage.offset, garbage.value) == (0, 2, b"{")


def test_query_returns_folded_data_and_reader_sees_committed_data(
    driver: TopologyDriver,
) -> None:
    """They differ until the next checkpoint; after a crash in between, the tick is folded again."""
    noon = driver.now
    driver.pipe(TICKS, Tick("A", 1.0, noon))
    driver.run()
    assert [candle.count for candle in candles.read("A", ONE, noon, noon + 1)] == [1]
    assert driver.read(CANDLES) == []
    driver.crash()
    driver.run()
    assert [candle.count for candle in candles.read("A", ONE, noon, noon + 1)] == [1]
    driver.settle()
    assert len(minutes(driver.read(CANDLES))) == 1


def test_a_changed_window_is_published_once_an_interval(driver: TopologyDriver) -> None:
    """Ten ticks within a second are one result; before the worker stops, the rest is published."""
    for number in range(10):
        driver.pipe(TICKS, Tick("A", 1.0 + number, driver.now))
        driver.advance("90ms")
    driver.advance("100ms")
    assert [candle.count for candle in minutes(driver.read(CANDLES))] == [10]
    driver.pipe(TICKS, Tick("A", 1.0, driver.now))
    driver.advance("200ms")
    assert driver.read(CANDLES) == []
    driver.restart()
    assert [candle.count for candle in minutes(driver.read(CANDLES))] == [11]
