"""Panes: what one holds before its first record, and how it notes what came late."""

from math import inf

from eventfold.aggregates import FirstState, LastState, OhlcState
from eventfold.windows import Pane
from eventfold.windows.panes import AFTER_ALL, BEFORE_ALL


def test_a_pane_begins_before_all_offsets() -> None:
    """Nothing is in it, nothing of it is to be written or published."""
    pane = Pane(b"k", 60_000, None)
    assert (pane.count, pane.first_offset, pane.last_offset) == (0, BEFORE_ALL, BEFORE_ALL)
    assert pane.corrections is None
    assert not pane.dirty
    assert not pane.unpublished


def test_an_arrival_is_noted_by_how_far_stream_time_had_come() -> None:
    """Each in its own place."""
    pane = Pane(b"k", 0, None)
    for reached in (30, 30, 40):
        pane.correct(reached)
    assert pane.corrections == {30: 2, 40: 1}


def test_a_candle_of_no_trades_has_zeros_and_no_average() -> None:
    """As a session that is withdrawn is published."""
    state = OhlcState()
    assert (state.open, state.close, state.volume, state.notional, state.total) == (0,) * 5
    assert (state.high, state.low, state.vwap) == (-inf, inf, None)


def test_no_record_comes_before_or_after_the_bounds_of_nothing() -> None:
    """At the epoch, with offset 0, is one; and rows hold the bounds."""
    assert BEFORE_ALL < 0
    assert 1 << 61 < AFTER_ALL < 1 << 63
    first, last, candle = FirstState(), LastState(), OhlcState()
    assert (first.time, first.offset) == (candle.open_time, candle.open_offset) == (AFTER_ALL,) * 2
    assert (last.time, last.offset) == (candle.close_time, candle.close_offset) == (BEFORE_ALL,) * 2
