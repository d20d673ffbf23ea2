"""Answers of every window definition, against a search through all its windows."""

from itertools import pairwise

import pytest
from every_window import BOUNDED, SLIDING, TIMES, boundaries, every_window, known
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from eventfold.windows import (
    Cumulate,
    Exchange,
    Sliding,
    Span,
    WindowFamily,
    cumulate,
    sliding,
    tumbling,
)

INSTANTS = st.integers(0, TIMES - 1)


@st.composite
def families_with_events(draw: st.DrawFn) -> tuple[WindowFamily, list[int]]:
    """Draw a family, and the starts of a key's panes, which only sliding windows use."""
    family = draw(BOUNDED | SLIDING)
    times = sorted(draw(st.sets(INSTANTS, max_size=30)))
    if isinstance(family, Sliding):
        times = sorted({time - time % family.resolution for time in times})
    return family, times


@settings(max_examples=300)
@given(families_with_events(), INSTANTS, st.integers(1, 300), st.integers(-1, TIMES))
def test_windows_over_an_interval_are_those_that_share_an_instant_with_it(
    drawn: tuple[WindowFamily, list[int]], begin: int, length: int, after: int
) -> None:
    """And end after the instant given; ascending by end, with starts that never descend."""
    family, events = drawn
    end = begin + length
    found = list(family.over(begin, end, after, events))
    assert found == [
        window
        for window in every_window(family, events)
        if window.start < end and begin < window.end and after < window.end
    ]
    assert all(a.start <= b.start and a.end <= b.end for a, b in pairwise(found))


@given(families_with_events())
def test_no_window_is_longer_than_the_longest(drawn: tuple[WindowFamily, list[int]]) -> None:
    """Nor empty; a table keeps panes for as long as that."""
    family, events = drawn
    for start, end in family.over(0, TIMES, 0, events):
        assert 0 < end - start <= family.longest


@settings(max_examples=300)
@given(BOUNDED, INSTANTS)
def test_a_slice_reaches_from_one_boundary_to_the_next(family: WindowFamily, time: int) -> None:
    """It holds its instant, and can't be longer."""
    assume(known(family, time))
    cuts = boundaries(every_window(family, []))
    start = max(cut for cut in cuts if cut <= time)
    assert family.slice(time) == Span(start, min(cut for cut in cuts if cut > time))


@settings(max_examples=300)
@given(BOUNDED, INSTANTS)
def test_an_instant_is_held_where_a_window_holds_it(family: WindowFamily, time: int) -> None:
    """Before the first window, and between two sessions, none does."""
    assume(known(family, time))
    windows = every_window(family, [])
    assert family.holds(time) == any(start <= time < end for start, end in windows)


@given(BOUNDED, INSTANTS)
def test_on_a_grid_every_boundary_is(family: WindowFamily, time: int) -> None:
    """And no window begins before the grid's first instant; a calendar has no grid."""
    cuts = boundaries(every_window(family, []))
    if family.grid is None:
        assert isinstance(family, Exchange | Cumulate)
        return
    length, offset = family.grid
    assert all((cut - offset) % length == 0 and cut >= offset for cut in cuts if cut)
    assert family.holds(time) == (time >= offset)


@given(SLIDING, INSTANTS)
def test_a_window_that_slides_may_begin_or_end_at_each_step_of_its_resolution(
    family: Sliding, time: int
) -> None:
    """Its panes are the distinct event times."""
    start, end = family.slice(time)
    assert (start % family.resolution, end - start) == (0, family.resolution)
    assert start <= time < end
    assert family.holds(time)


@given(BOUNDED, BOUNDED)
def test_families_are_equal_where_their_definitions_are(
    one: WindowFamily, other: WindowFamily
) -> None:
    """And can be keys; what they remember of the last question makes no difference."""
    grid = next(iter(one.over(0, TIMES, 0, ())), None)
    if grid:
        one.slice(grid.start)
    assert (one == other) == (str(one) == str(other))
    if one == other:
        assert hash(one) == hash(other)


@pytest.mark.parametrize("family", [tumbling(1), sliding(1), cumulate(10, 1)], ids=str)
def test_windows_are_made_one_after_another(family: WindowFamily) -> None:
    """Of a long interval the first comes at once, and those that ended are not walked through."""
    after, events = 10**14, range(0, 10**15, 10)
    first = next(family.over(0, 10**15, after, events))
    assert first.end > after
    assert first.start <= after


def test_a_window_that_slides_holds_what_led_up_to_its_event() -> None:
    """Events at 10 and 13: (5, 10] and (8, 13]; the resolution rounds both to one window."""
    assert list(sliding(5).over(0, 20, 0, [10, 13])) == [Span(6, 11), Span(9, 14)]
    assert list(Sliding(5).over(0, 20, 0, [10, 13])) == [Span(6, 11), Span(9, 14)]
    assert list(sliding(10, 5).over(0, 20, 0, [10])) == [Span(5, 15)]


def test_the_day_so_far_grows_up_to_the_day() -> None:
    """Ten by four: the last step of a window that isn't a multiple of it is shorter."""
    grown = [Span(0, 5), Span(0, 10), Span(10, 15), Span(10, 20)]
    assert list(cumulate(10, 5).over(0, 20, 0, ())) == grown
    assert list(cumulate(10, 5).over(5, 11, 5, ())) == grown[1:]
