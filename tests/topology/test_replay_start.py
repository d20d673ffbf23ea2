"""A replay may begin an hour before its interval: earlier records do not change its results.

See docs/decisions.md, *From where a replay is exact*: an event is at most TICKSTREAM_MAX_AHEAD
ahead of its Kafka timestamp.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from market_truth import HOUR, MINUTE

from app import app
from app.market.records import LateTick, Surge, Tick
from app.market.topics import CANDLES, SURGES, TICKS, TICKS_LATE
from eventfold.records.candles import Candle
from eventfold.testing import START, TopologyDriver
from tables.candles import candles
from tables.surges import surges

#: When the interval begins; the topic holds what was sent from three hours before to three after.
BEGIN = START


class Sent(NamedTuple):
    """A tick, and its Kafka timestamp (ms)."""

    tick: Tick
    timestamp: int


@st.composite
def histories(draw: st.DrawFn) -> list[Sent]:
    """Draw ticks around the begin, with clocks ahead, delays, and timestamps out of order.

    The last one is so much later that all windows before it are final.
    """
    sent, clock = [], BEGIN - 2 * HOUR
    fields = st.tuples(
        st.sampled_from([0, 1_000, 5 * MINUTE, 20 * MINUTE]),
        st.sampled_from([0, -5_000, -4 * MINUTE, -10 * MINUTE, 50 * MINUTE, HOUR]),
        st.sampled_from([0, -30_000, 30_000]),
        st.sampled_from([10.0, 10.02, 10.5]),
    )
    for step, ahead, skew, price in draw(st.lists(fields, min_size=20, max_size=40)):
        clock += step
        timestamp = clock + skew
        sent.append(Sent(Tick("ACME", price, timestamp + ahead), timestamp))
    end = clock + 3 * HOUR
    return [*sent, Sent(Tick("ACME", 10.0, end), end)]


def results(sent: Sequence[Sent], dropped: int) -> dict[str, set[Any]]:
    """Return the final windows that begin in the interval or later, and its late records.

    Late records count if they arrive at a stream time within it; offsets count the records dropped.
    """
    with TopologyDriver(
        app, tables=[candles, surges], partitions=1, start=BEGIN + 24 * HOUR
    ) as driver:
        for tick, timestamp in sent:
            driver.pipe(TICKS, tick, partition=0, timestamp=timestamp)
        driver.settle()
        windows: list[Candle | Surge] = [*driver.topic(CANDLES), *driver.topic(SURGES)]
        late: list[LateTick] = driver.topic(TICKS_LATE)
    return {
        "windows": {
            _comparable(window, dropped)
            for window in windows
            if window.final and window.start >= BEGIN
        },
        "late": {
            (each.symbol, each.offset + dropped, each.stream_time)
            for each in late
            if each.stream_time >= BEGIN
        },
    }


def _comparable(window: Candle | Surge, dropped: int) -> tuple[Any, ...]:
    own = (window.open, window.high, window.low, window.count, window.late)
    return (
        *(type(window), window.symbol, window.start, window.end, *own),
        *(window.first_offset + dropped, window.last_offset + dropped),
    )


@settings(max_examples=40)
@given(histories())
def test_records_before_the_warm_up_do_not_change_results(history: list[Sent]) -> None:
    """Neither the windows of the interval nor the late records within it depend on them."""
    ahead = app.tasks.conf.max_ahead
    first = next(
        (n for n, each in enumerate(history) if each.timestamp >= BEGIN - ahead), len(history)
    )
    assert results(history[first:], first) == results(history, 0)
