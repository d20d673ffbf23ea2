"""A wrong clock makes its own records dead letters and no others, with default settings."""

import pytest
from worker_scenarios import Market

from app.market.records import Tick
from app.market.topics import CANDLES, DAILY_GAINS, TICKS, TICKS_LATE, TOP_GAINERS
from eventfold.topics import DEAD_LETTERS

MINUTE, HOUR = 60_000, 3_600_000

pytestmark = pytest.mark.usefixtures("folding")


@pytest.fixture(scope="module", autouse=True)
def max_ahead() -> None:
    """Leave TICKSTREAM_MAX_AHEAD as it is by default."""


def test_producer_in_a_wrong_time_zone_makes_no_other_record_late(market: Market) -> None:
    """All of its records are dead letters; those of right clocks are all in windows."""
    with market(partitions=1) as driver:
        for second in range(300):
            now = driver.now
            driver.pipe(TICKS, Tick("HONEST", 10.0, now), timestamp=now)
            if second % 20 == 0:
                driver.pipe(TICKS, Tick("ZONE", 10.0, now + HOUR), timestamp=now)
            driver.advance("1s")
        driver.settle()
        assert driver.topic(TICKS_LATE) == []
        letters = driver.topic(DEAD_LETTERS)
        assert [letter.key for letter in letters] == ["ZONE"] * 15
        assert all("3600000 ms ahead" in letter.error for letter in letters)
        newest = {(each.start, each.size): each.count for each in driver.topic(CANDLES)}
        assert sum(count for (_, size), count in newest.items() if size == MINUTE) >= 300


def test_records_without_kafka_timestamps_are_folded_by_event_time(market: Market) -> None:
    """They count by their own time, beside records that have a timestamp."""
    with market(partitions=1) as driver:
        noon = driver.now
        for minute in range(60):
            tick = Tick("A", 10.0, noon + minute * MINUTE)
            driver.pipe(TICKS, tick, timestamp=-1 if minute % 2 else 0)
        driver.settle()
        assert driver.topic(DEAD_LETTERS) == []
        assert driver.topic(DAILY_GAINS)[-1].count == 60


def test_record_accepted_by_one_stage_is_not_too_far_ahead_for_the_next(market: Market) -> None:
    """The gain of a tick is published, though the tick is as far ahead as both bounds allow."""
    with market(partitions=1) as driver:
        stamp = driver.now + 5 * MINUTE
        driver.pipe(TICKS, Tick("A", 10.0, stamp + 5 * MINUTE), timestamp=stamp)
        driver.settle()
        assert driver.topic(DEAD_LETTERS) == []
        assert [each.symbol for each in driver.topic(TOP_GAINERS)[-1].rank] == ["A"]
