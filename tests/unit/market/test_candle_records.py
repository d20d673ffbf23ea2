"""Candles and late ticks as records, made from windows of trades."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.market.records import LateTick, Tick
from app.market.topics import TICKS
from eventfold.aggregates import Ohlc
from eventfold.engine.late_records import late_records
from eventfold.records.candles import Candle, candle
from eventfold.windows import Rejection, WindowResult, hopping

NOON = 1_769_860_800_000
MINUTE = 60_000


def result(*ticks: Tick, late: int = 0, final: bool = False) -> WindowResult:
    """Return the window of 5 min at noon with these ticks, the first at offset 100."""
    ohlc = Ohlc()
    state = ohlc.zero()
    for number, tick in enumerate(ticks):
        ohlc.add(state, tick, tick.time, 100 + number)
    return WindowResult(
        key="ACME",
        window=hopping(5 * MINUTE, MINUTE),
        start=NOON,
        end=NOON + 5 * MINUTE,
        state=state,
        count=len(ticks),
        first_offset=100,
        last_offset=99 + len(ticks),
        late=late,
        final=final,
        revision=2 * (99 + len(ticks)) + final,
        partition=3,
        stream_time=NOON,
        before=lambda *_: None,
    )


def test_candle_has_every_field_of_its_window() -> None:
    """As in the contract, from ticks that arrived out of order."""
    ticks = [
        Tick("ACME", 3.0, NOON + 2, 10),
        Tick("ACME", 1.0, NOON, 20),
        Tick("ACME", 2.0, NOON + 1),
    ]
    assert candle(result(*ticks, late=1, final=True)) == Candle(
        symbol="ACME",
        size=300_000,
        advance=60_000,
        start=NOON,
        end=NOON + 300_000,
        open=1.0,
        high=3.0,
        low=1.0,
        close=3.0,
        volume=30,
        vwap=50 / 30,
        count=3,
        mean=2.0,
        revision=2 * 102 + 1,
        final=True,
        late=1,
        partition=3,
        first_offset=100,
        last_offset=102,
    )


def test_without_volume_the_vwap_is_null_and_the_mean_is_not() -> None:
    """Prices of unknown size have a mean all the same."""
    record = candle(result(Tick("ACME", 1.0, NOON), Tick("ACME", 4.0, NOON)))
    assert (record.volume, record.vwap, record.mean) == (0, None, 2.5)
    assert json.loads(msgspec.json.encode(record))["vwap"] is None


@given(
    st.lists(
        st.tuples(st.floats(1e-15, 1e15), st.integers(0, 2**53)),
        min_size=1,
        max_size=5,
    )
)
def test_encoded_candle_decodes_to_the_same_candle(trades: list[tuple[float, int]]) -> None:
    """Numbers stay numbers (JSON knows neither NaN nor infinity), and means lie in between."""
    record = candle(result(*(Tick("ACME", price, NOON, size) for price, size in trades)))
    raw = msgspec.json.encode(record)
    assert msgspec.json.decode(raw, type=Candle) == record
    assert record.low <= record.mean * (1 + 1e-9)
    assert record.mean <= record.high * (1 + 1e-9)
    assert math.isfinite(record.mean)


@pytest.mark.parametrize("size", [0, 7])
def test_late_tick_has_the_tick_the_reason_and_the_offset(size: int) -> None:
    """And the table whose grace was over."""
    tick = Tick("ACME", 2.5, NOON, size)
    rejection = Rejection("late", NOON + 9, 8, partition=3, offset=77, table="candles")
    _, make = late_records(TICKS, "ticks-late")
    expected = LateTick(
        symbol="ACME",
        price=2.5,
        time=NOON,
        size=size,
        reason="late",
        stream_time=NOON + 9,
        grace=8,
        partition=3,
        offset=77,
        table="candles",
    )
    assert msgspec.json.encode(make(tick, rejection)) == msgspec.json.encode(expected)
