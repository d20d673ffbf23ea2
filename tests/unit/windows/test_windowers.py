"""Windows aligned to the epoch, against counting them one by one."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.windows import Window, hopping, pane_size, parse_window, parse_windows, tumbling

#: Sizes and advances with and without common divisors.
WINDOWS = st.builds(
    lambda advance, more: Window(advance + more, advance), st.integers(1, 40), st.integers(0, 200)
)


def overlapping(window: Window, begin: int, end: int) -> list[int]:
    """Look at every window from the epoch on."""
    return [
        start
        for start in range(0, end, window.advance)
        if start < end and begin < start + window.size
    ]


@given(WINDOWS, st.integers(0, 2_000))
def test_an_instant_lies_in_the_windows_that_hold_it(window: Window, time: int) -> None:
    """`starts` gives all k * advance with start <= time < start + size, oldest first."""
    starts = list(window.starts(time))
    assert starts == overlapping(window, time, time + 1)
    assert all(start <= time < start + window.size for start in starts)


@given(WINDOWS, st.integers(0, 2_000), st.integers(1, 300))
def test_a_range_overlaps_the_windows_that_share_an_instant(
    window: Window, begin: int, length: int
) -> None:
    """`starts_over` gives the windows of all its instants, each once."""
    end = begin + length
    starts = list(window.starts_over(begin, end))
    assert starts == overlapping(window, begin, end)
    assert set(starts) == {start for time in range(begin, end) for start in window.starts(time)}


@given(st.integers(1, 86_400_000), st.integers(0, 2**41))
def test_tumbling_windows_neither_overlap_nor_leave_gaps(size: int, time: int) -> None:
    """Each instant lies in one window, which begins at a multiple of its size."""
    (start,) = tumbling(size).starts(time)
    assert start % size == 0
    assert start <= time < start + size


@given(st.integers(1, 1000), st.integers(1, 100), st.integers(0, 2**31))
def test_hopping_windows_hold_each_instant_size_over_advance_times(
    advance: int, overlap: int, time: int
) -> None:
    """Away from the epoch, before which no window begins."""
    window = hopping(advance * overlap, advance)
    assert len(window.starts(time + window.size)) == overlap


def test_a_window_is_half_open() -> None:
    """Its start belongs to it, its end to the next."""
    window = tumbling(1000)
    assert list(window.starts(999)) == [0]
    assert list(window.starts(1000)) == [1000]


@given(WINDOWS)
def test_a_window_survives_being_written_and_read(window: Window) -> None:
    """`str` gives what `parse_window` reads."""
    assert parse_window(str(window)) == window


def test_a_list_is_read_in_order_and_each_window_once() -> None:
    """`5m` and `5m/5m` are the same window."""
    assert parse_windows("5m, 1m ,5m/5m,5m/1m") == (
        tumbling(300_000),
        tumbling(60_000),
        hopping(300_000, 60_000),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5m/10m", "window 5m by 10m: the advance is larger than the size"),
        ("0s", "window 0 ms by 0 ms: both have to be positive"),
        ("5m/0s", "window 300000 ms by 0 ms: both have to be positive"),
        ("5x", "'5x' is not a duration"),
        ("5m/1y", "'1y' is not a duration"),
        ("5m/", "'' is not a duration"),
        ("/1m", "'' is not a duration"),
        ("5m/1m/1s", "'1m/1s' is not a duration"),
        ("1m,5m/10m", "window 5m by 10m"),
        ("1m,,5m", "'' is not a duration"),
        ("", "'' is not a duration"),
    ],
)
def test_a_definition_that_cant_be_right_is_refused_by_name(text: str, problem: str) -> None:
    """The error says which window, and what is wrong with it."""
    with pytest.raises(ValueError, match="^" + re.escape(problem)):
        parse_windows(text)


@pytest.mark.parametrize(("size", "advance"), [(0, 1), (1, 0), (-5, -5), (5, -1)])
def test_sizes_and_advances_have_to_be_positive(size: int, advance: int) -> None:
    """The error names both."""
    with pytest.raises(ValueError, match=f"window {size} ms by {advance} ms"):
        hopping(size, advance)


@given(st.lists(WINDOWS, min_size=1, max_size=5))
def test_every_window_is_made_of_whole_panes(windows: list[Window]) -> None:
    """Panes are as long as they can be: no divisor of all sizes and advances is larger."""
    pane = pane_size(windows)
    lengths = [length for window in windows for length in window]
    assert all(length % pane == 0 for length in lengths)
    assert not any(
        all(length % longer == 0 for length in lengths)
        for longer in range(pane + 1, min(lengths) + 1)
    )


@given(WINDOWS, st.integers(0, 3_000))
def test_a_pane_lies_in_a_window_as_a_whole(window: Window, time: int) -> None:
    """All instants of a pane lie in the same windows, so a pane can stand for its records."""
    pane = pane_size([window])
    assume(pane > 1)
    start = time - time % pane
    assert set(window.starts(time)) == set(window.starts_over(start, start + pane))


def test_a_table_without_windows_is_refused() -> None:
    """There would be nothing to keep."""
    with pytest.raises(ValueError, match="at least one window"):
        pane_size([])
