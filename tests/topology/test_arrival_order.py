"""The same input makes the same windows in any order within grace, with any batches and workers.

Only the evidence of arrival (offsets, corrections) and the number of publications may differ.
"""

from itertools import cycle
from math import isclose
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from market_truth import GRACE
from msgspec import structs
from worker_scenarios import EVENING, LATER, SYMBOLS, Market

from app.market.records import Tick
from app.market.topics import CANDLES, TICKS, TICKS_LATE, TOP_GAINERS
from eventfold.testing import TopologyDriver
from eventfold.topics import DEAD_LETTERS

pytestmark = pytest.mark.usefixtures("folding")

#: Fields that depend on how the records of a window arrived.
EVIDENCE = ("revision", "late", "first_offset", "last_offset")

#: Sums of floats, whose last bits depend on the order.
SUMS = ("vwap", "mean")


class Schedule(NamedTuple):
    """A schedule by which the same ticks arrive and are processed."""

    #: By how much each tick is late (ms), in turn.
    delays: list[int]
    #: How many ticks arrive at once, and how much time (ms) passes after them, in turn.
    portions: list[tuple[int, int]]
    batch: int
    workers: int
    commit_time: int


#: In the order of time, all at once, by one worker.
IN_ORDER = Schedule([0], [(1_000, 0)], 500, 1, 0)

SCHEDULES = st.builds(
    Schedule,
    st.lists(st.integers(0, GRACE["candles"]), min_size=1, max_size=40),
    st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from([0, 0, 200, 1_000, 60_000])),
        min_size=1,
        max_size=5,
    ),
    batch=st.sampled_from([1, 2, 7, 500]),
    workers=st.integers(1, 3),
    commit_time=st.sampled_from([0, 0, 130]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Tick]:
    """Draw ticks in the order of time, no two at the same instant."""
    fields = st.tuples(
        st.sampled_from(SYMBOLS),
        st.sampled_from([1, 3, 20_000, 60_000, 150_000, 3_600_000, 20_000_000]),
        st.floats(0.01, 1e6),
        st.integers(0, 1_000),
    )
    clock, history = EVENING, []
    length = draw(st.integers(1, 60))
    for symbol, step, price, size in draw(st.lists(fields, min_size=length, max_size=length)):
        clock += step
        history.append(Tick(symbol, price, clock, size))
    return history


@settings(max_examples=60)
@given(histories(), SCHEDULES)
def test_results_do_not_depend_on_order_batches_workers_or_speed(
    market: Market, history: list[Tick], schedule: Schedule
) -> None:
    """Windows and rankings are those of all ticks in the order of time, processed at once."""
    assert_same_results(process(market, history, IN_ORDER), process(market, history, schedule))


def process(market: Market, history: list[Tick], schedule: Schedule) -> dict[tuple, dict]:
    """Process a history by a schedule; return its `outcome`."""
    with market(
        partitions=3, start=LATER, batch=schedule.batch, commit_time=schedule.commit_time
    ) as driver:
        driver.rebalance([f"w{number}" for number in range(schedule.workers)])
        left = delayed(history, schedule.delays)
        for count, passes in cycle(schedule.portions):
            now, left = left[:count], left[count:]
            driver.pipe(TICKS, *now)
            driver.run()
            driver.advance(passes)
            if not left:
                break
        driver.settle()
        assert driver.topic(TICKS_LATE) == driver.topic(DEAD_LETTERS) == []
        return outcome(driver)


def delayed(history: list[Tick], delays: list[int]) -> list[Tick]:
    """Return ticks in order of arrival, none of them after its grace.

    Whatever came before a tick had a time of at most the tick's own plus its delay.
    """
    arrivals = [
        (tick.time + delays[number % len(delays)], number) for number, tick in enumerate(history)
    ]
    return [history[number] for _, number in sorted(arrivals)]


def outcome(driver: TopologyDriver) -> dict[tuple, dict]:
    """Return the last candle of each window and the last ranking of each day."""
    found: dict[tuple, dict] = {}
    for candle in driver.topic(CANDLES):
        fields = structs.asdict(candle)
        found[candle.symbol, candle.size, candle.advance, candle.start] = {
            name: value for name, value in fields.items() if name not in EVIDENCE
        }
    for ranking in driver.topic(TOP_GAINERS):
        found[(ranking.day,)] = {"rank": ranking.rank, "time": ranking.time}
    return found


def assert_same_results(one: dict[tuple, dict], other: dict[tuple, dict]) -> None:
    """Assert that sums of floats agree within 1e-9, and everything else exactly."""
    assert one.keys() == other.keys()
    for window, fields in one.items():
        for name, value in fields.items():
            if name in SUMS and value is not None:
                assert isclose(value, other[window][name], rel_tol=1e-9), (window, name)
            else:
                assert value == other[window][name], (window, name)
