"""Panes: their initial state, and how they count corrections."""

from math import inf

from eventfold.aggregates import FirstState, LastState, OhlcState
from eventfold.windows import Pane
from eventfold.windows.panes import AFTER_ALL, BEFORE_ALL


def test_new_pane_is_empty_and_before_all_offsets() -> None:
    """It has no records, and nothing to be written or published."""
    pane = Pane(b"k", 60_000, None)
    assert (pane.count, pane.first_offset, pane.last_offset) == (0, BEFORE_ALL, BEFORE_ALL)
    assert pane.corrections is None
    assert not pane.dirty
    assert not pane.unpublished


def test_corrections_are_counted_by_stream_time() -> None:
    """With one counter for each stream time."""
    pane = Pane(b"k", 0, None)
    for reached in (30, 30, 40):
        pane.correct(reached)
    assert pane.corrections == {30: 2, 40: 1}


def test_candle_without_trades_has_zeros_and_no_average() -> None:
    """A withdrawn session is published with it."""
    state = OhlcState()
    assert (state.open, state.close, state.volume, state.notional, state.total) == (0,) * 5
    assert (state.high, state.low, state.vwap) == (-inf, inf, None)


def test_bounds_of_an_empty_state_enclose_every_record() -> None:
    """Also one at the epoch with offset 0; and a row can store the bounds."""
    assert BEFORE_ALL < 0
    assert 1 << 61 < AFTER_ALL < 1 << 63
    first, last, candle = FirstState(), LastState(), OhlcState()
    assert (first.time, first.offset) == (candle.open_time, candle.open_offset) == (AFTER_ALL,) * 2
    assert (last.time, last.offset) == (candle.close_time, candle.close_offset) == (BEFORE_ALL,) * 2
