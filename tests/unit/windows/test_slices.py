"""Panes: time, cut wherever a window of the table may begin or end."""

import pytest
from every_window import BOUNDED, SLIDING, TIMES, boundaries, every_window, known
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventfold.windows import (
    Slices,
    WindowFamily,
    cumulate,
    day,
    exchange,
    hopping,
    parse_windows,
    sliding,
    tumbling,
    week,
)

INSTANTS = st.integers(0, TIMES - 1)
#: Families that one table can have.
TABLES = st.lists(
    BOUNDED, min_size=1, max_size=4, unique_by=lambda family: (family.size, family.advance)
)


@settings(max_examples=200)
@given(TABLES)
def test_every_window_is_made_of_whole_panes(families: list[WindowFamily]) -> None:
    """One after another from its start to its end, whatever the kinds beside it."""
    slices = Slices(families)
    for family in families:
        for start, end in family.over(0, TIMES, 0, ()):
            if not all(known(other, start) and known(other, end - 1) for other in families):
                continue
            time = start
            while time < end:
                assert slices.start_of(time) == time
                time = slices.end_of(time)
            assert time == end


@settings(max_examples=200)
@given(TABLES, st.lists(INSTANTS, min_size=1, max_size=20))
def test_an_instant_lies_in_one_pane_where_a_window_holds_it(
    families: list[WindowFamily], times: list[int]
) -> None:
    """And in none elsewhere. All instants of a pane have the same pane, in any order asked."""
    slices = Slices(families)
    windows = [window for family in families for window in every_window(family, [])]
    for time in times:
        if not all(known(family, time) for family in families):
            with pytest.raises(ValueError, match="outside of the sessions known"):
                slices.start_of(time)
            continue
        start = slices.start_of(time)
        if not any(w.start <= time < w.end for w in windows):
            assert start == -1
            continue
        end = slices.end_of(start)
        assert 0 <= start <= time < end
        assert {slices.start_of(each) for each in range(start, end)} == {start}


@settings(max_examples=200)
@given(TABLES, INSTANTS)
def test_between_the_floor_and_its_instant_no_window_begins_or_ends(
    families: list[WindowFamily], time: int
) -> None:
    """Where panes differ, one does at the floor itself, or it is the epoch."""
    assume(all(known(family, time) for family in families))
    slices = Slices(families)
    cuts = boundaries([w for family in families for w in every_window(family, [])])
    floor = slices.floor(time)
    assert floor <= time
    assert not any(floor < cut <= time for cut in cuts)
    assert slices.floor(floor) == floor
    if not slices.length:
        assert floor in cuts


@given(TABLES)
def test_panes_of_a_grid_are_as_long_as_they_can_be(families: list[WindowFamily]) -> None:
    """No longer ones would fit all sizes, advances, steps and offsets."""
    slices = Slices(families)
    assert bool(slices.length) == all(family.grid for family in families)
    if not slices.length:
        return
    assert 0 <= slices.offset < slices.length
    grids = [family.grid for family in families if family.grid]
    least = min(grid.length for grid in grids)
    for length in range(slices.length + 1, least + 1):
        assert any(
            grid.length % length or (grid.offset - grids[0].offset) % length for grid in grids
        )


@given(TABLES)
def test_the_longest_of_all_windows_is_known(families: list[WindowFamily]) -> None:
    """Panes are kept as long as that, and the grace."""
    assert Slices(families).longest == max(family.longest for family in families)


@given(SLIDING, INSTANTS)
def test_a_sliding_window_is_made_of_its_events(family: WindowFamily, time: int) -> None:
    """A pane is one event time, at the family's resolution."""
    slices = Slices([family])
    assert slices.start_of(time) == slices.floor(time) == family.slice(time).start
    assert slices.end_of(slices.start_of(time)) == family.slice(time).end


@pytest.mark.parametrize(
    ("families", "text"),
    [
        (parse_windows("1m"), "panes of 1m"),
        (parse_windows("1m,5m,15m,5m/1m,15m/1m"), "panes of 1m"),
        (parse_windows("1d"), "panes of 1d"),
        (parse_windows("5m/2m"), "panes of 1m"),
        ([tumbling("1m", "30s")], "panes of 1m from 30s"),
        ([tumbling("1h", "15m"), hopping("30m", "15m")], "panes of 15m"),
        ([tumbling("1h", "10m"), tumbling("30m")], "panes of 10m"),
        ([cumulate("1d", "5m"), tumbling("15m")], "panes of 5m"),
        ([sliding("5m")], "panes of 1ms"),
        ([sliding("5m", "100ms")], "panes of 100ms"),
        (
            [week("America/New_York"), tumbling("1m"), day("America/New_York")],
            "panes between the boundaries of 1m, day America/New_York, week America/New_York",
        ),
        (
            [exchange("XNYS"), cumulate(exchange("XNYS"), "5m")],
            "panes between the boundaries of cumulate exchange XNYS 5m, exchange XNYS",
        ),
    ],
    ids=str,
)
def test_a_layout_says_where_time_is_cut(families: list[WindowFamily], text: str) -> None:
    """It stands in a table's state, so it may never change for the same definition."""
    assert str(Slices(families)) == text
    assert str(Slices(families[::-1])) == text
