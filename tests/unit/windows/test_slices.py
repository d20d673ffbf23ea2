"""Slices: time is cut wherever a window of the table may begin or end."""

import pytest
from every_window import BOUNDED, SLIDING, TIMES, boundaries, covers, every_window
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventfold.windows import (
    Slices,
    WindowDefinition,
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
#: Definitions that one table can have.
TABLES = st.lists(
    BOUNDED,
    min_size=1,
    max_size=4,
    unique_by=lambda definition: (definition.size, definition.advance),
)


@settings(max_examples=200)
@given(TABLES)
def test_every_window_is_made_of_whole_panes(definitions: list[WindowDefinition]) -> None:
    """One after another from its start to its end, whatever other windows the table has."""
    slices = Slices(definitions)
    for definition in definitions:
        for start, end in definition.over(0, TIMES, 0, ()):
            if not all(covers(other, start) and covers(other, end - 1) for other in definitions):
                continue
            time = start
            while time < end:
                assert slices.start_of(time) == time
                time = slices.end_of(time)
            assert time == end


@settings(max_examples=200)
@given(TABLES, st.lists(INSTANTS, min_size=1, max_size=20))
def test_instant_lies_in_one_pane_if_a_window_contains_it(
    definitions: list[WindowDefinition], times: list[int]
) -> None:
    """Otherwise in none. All instants of a pane have the same pane, in any order of calls."""
    slices = Slices(definitions)
    windows = [window for definition in definitions for window in every_window(definition, [])]
    for time in times:
        if not all(covers(definition, time) for definition in definitions):
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
    definitions: list[WindowDefinition], time: int
) -> None:
    """If panes differ in length, the floor is a boundary or the epoch."""
    assume(all(covers(definition, time) for definition in definitions))
    slices = Slices(definitions)
    cuts = boundaries([w for definition in definitions for w in every_window(definition, [])])
    floor = slices.floor(time)
    assert floor <= time
    assert not any(floor < cut <= time for cut in cuts)
    assert slices.floor(floor) == floor
    if not slices.length:
        assert floor in cuts


@given(TABLES)
def test_panes_of_a_grid_are_as_long_as_possible(definitions: list[WindowDefinition]) -> None:
    """No longer ones would fit all sizes, advances, steps and offsets."""
    slices = Slices(definitions)
    assert bool(slices.length) == all(definition.grid for definition in definitions)
    if not slices.length:
        return
    assert 0 <= slices.offset < slices.length
    grids = [definition.grid for definition in definitions if definition.grid]
    least = min(grid.length for grid in grids)
    for length in range(slices.length + 1, least + 1):
        assert any(
            grid.length % length or (grid.offset - grids[0].offset) % length for grid in grids
        )


@given(TABLES)
def test_longest_is_that_of_the_longest_window(definitions: list[WindowDefinition]) -> None:
    """Panes are retained for that long plus the grace."""
    assert Slices(definitions).longest == max(definition.longest for definition in definitions)


@given(SLIDING, INSTANTS)
def test_pane_of_a_sliding_window_is_one_event_time(
    definition: WindowDefinition, time: int
) -> None:
    """At the resolution of the window."""
    slices = Slices([definition])
    assert slices.start_of(time) == slices.floor(time) == definition.slice(time).start
    assert slices.end_of(slices.start_of(time)) == definition.slice(time).end


@pytest.mark.parametrize(
    ("definitions", "text"),
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
def test_layout_describes_where_time_is_cut(definitions: list[WindowDefinition], text: str) -> None:
    """A table's state contains it, so it may never change for the same definition."""
    assert str(Slices(definitions)) == text
    assert str(Slices(definitions[::-1])) == text
