"""Every window definition, compared with a search through all its windows."""

from itertools import pairwise

import pytest
from every_window import BOUNDED, SLIDING, TIMES, boundaries, covers, every_window
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventfold.windows import (
    Cumulate,
    Exchange,
    Sliding,
    Span,
    WindowDefinition,
    cumulate,
    sliding,
    tumbling,
)

INSTANTS = st.integers(0, TIMES - 1)


@st.composite
def definitions_with_events(draw: st.DrawFn) -> tuple[WindowDefinition, list[int]]:
    """Draw a definition, and the starts of a key's panes, which only sliding windows use."""
    definition = draw(BOUNDED | SLIDING)
    times = sorted(draw(st.sets(INSTANTS, max_size=30)))
    if isinstance(definition, Sliding):
        times = sorted({time - time % definition.resolution for time in times})
    return definition, times


@settings(max_examples=300)
@given(definitions_with_events(), INSTANTS, st.integers(1, 300), st.integers(-1, TIMES))
def test_over_returns_the_windows_that_overlap_the_interval(
    drawn: tuple[WindowDefinition, list[int]], begin: int, length: int, after: int
) -> None:
    """Those that end after `after`; ascending by end, with starts that never descend."""
    definition, events = drawn
    end = begin + length
    found = list(definition.over(begin, end, after, events))
    assert found == [
        window
        for window in every_window(definition, events)
        if window.start < end and begin < window.end and after < window.end
    ]
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(found))


@given(definitions_with_events())
def test_no_window_exceeds_the_declared_longest(drawn: tuple[WindowDefinition, list[int]]) -> None:
    """None is empty; a table retains its panes for that long."""
    definition, events = drawn
    for start, end in definition.over(0, TIMES, 0, events):
        assert 0 < end - start <= definition.longest


@settings(max_examples=300)
@given(BOUNDED, INSTANTS)
def test_a_slice_reaches_from_one_boundary_to_the_next(
    definition: WindowDefinition, time: int
) -> None:
    """It contains its instant, and can't be longer."""
    assume(covers(definition, time))
    cuts = boundaries(every_window(definition, []))
    start = max(cut for cut in cuts if cut <= time)
    assert definition.slice(time) == Span(start, min(cut for cut in cuts if cut > time))


@settings(max_examples=300)
@given(BOUNDED, INSTANTS)
def test_holds_is_true_where_a_window_contains_the_instant(
    definition: WindowDefinition, time: int
) -> None:
    """Before the first window, and between two sessions, none does."""
    assume(covers(definition, time))
    windows = every_window(definition, [])
    assert definition.holds(time) == any(start <= time < end for start, end in windows)


@given(BOUNDED, INSTANTS)
def test_every_boundary_lies_on_the_grid(definition: WindowDefinition, time: int) -> None:
    """No window begins before the grid's first instant; a calendar has no grid."""
    cuts = boundaries(every_window(definition, []))
    if definition.grid is None:
        assert isinstance(definition, Exchange | Cumulate)
        return
    length, offset = definition.grid
    assert all((cut - offset) % length == 0 and cut >= offset for cut in cuts if cut)
    assert definition.holds(time) == (time >= offset)


@given(SLIDING, INSTANTS)
def test_slices_of_a_sliding_window_are_as_long_as_its_resolution(
    definition: Sliding, time: int
) -> None:
    """Its panes are the distinct event times."""
    start, end = definition.slice(time)
    assert (start % definition.resolution, end - start) == (0, definition.resolution)
    assert start <= time < end
    assert definition.holds(time)


@given(BOUNDED, BOUNDED)
def test_definitions_are_equal_if_their_texts_are(
    one: WindowDefinition, other: WindowDefinition
) -> None:
    """Their hashes are equal too; what they cache of the last call makes no difference."""
    grid = next(iter(one.over(0, TIMES, 0, ())), None)
    if grid:
        one.slice(grid.start)
    assert (one == other) == (str(one) == str(other))
    if one == other:
        assert hash(one) == hash(other)


@pytest.mark.parametrize("definition", [tumbling(1), sliding(1), cumulate(10, 1)], ids=str)
def test_windows_over_an_interval_are_computed_lazily(definition: WindowDefinition) -> None:
    """The first of a long interval comes at once, and ended windows are skipped in one step."""
    after, events = 10**14, range(0, 10**15, 10)
    first = next(definition.over(0, 10**15, after, events))
    assert first.end > after
    assert first.start <= after


def test_a_sliding_window_ends_with_its_event() -> None:
    """Events at 10 and 13: (5, 10] and (8, 13]; the resolution rounds both to one window."""
    assert list(sliding(5).over(0, 20, 0, [10, 13])) == [Span(6, 11), Span(9, 14)]
    assert list(Sliding(5).over(0, 20, 0, [10, 13])) == [Span(6, 11), Span(9, 14)]
    assert list(sliding(10, 5).over(0, 20, 0, [10])) == [Span(5, 15)]


def test_cumulative_windows_grow_up_to_the_full_window() -> None:
    """Windows of 10 in steps of 5."""
    grown = [Span(0, 5), Span(0, 10), Span(10, 15), Span(10, 20)]
    assert list(cumulate(10, 5).over(0, 20, 0, ())) == grown
    assert list(cumulate(10, 5).over(5, 11, 5, ())) == grown[1:]
