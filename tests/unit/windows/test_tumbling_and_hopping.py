"""Tumbling and hopping windows, compared with trying them one by one."""

import re

import pytest
from every_window import WINDOWS
from hypothesis import given
from hypothesis import strategies as st

from eventfold.windows import Window, hopping, parse_windows, tumbling


def overlapping(window: Window, begin: int, end: int) -> list[int]:
    """Find the windows by trying every one from the first on."""
    return [
        start
        for start in range(window.offset, end, window.advance)
        if start < end and begin < start + window.size
    ]


@given(WINDOWS, st.integers(0, 2_000))
def test_starts_returns_the_windows_that_contain_an_instant(window: Window, time: int) -> None:
    """All offset + k * advance with start <= time < start + size, oldest first."""
    starts = list(window.starts(time))
    assert starts == overlapping(window, time, time + 1)
    assert all(start <= time < start + window.size for start in starts)


@given(WINDOWS, st.integers(0, 2_000), st.integers(1, 300))
def test_starts_over_returns_the_windows_that_overlap_a_range(
    window: Window, begin: int, length: int
) -> None:
    """They are the windows of all its instants, each once."""
    end = begin + length
    starts = list(window.starts_over(begin, end))
    assert starts == overlapping(window, begin, end)
    assert set(starts) == {start for time in range(begin, end) for start in window.starts(time)}


@given(
    WINDOWS,
    st.lists(st.integers(0, 500), max_size=8),
    st.integers(-1, 500),
    st.integers(0, 300),
)
def test_holding_returns_the_windows_of_each_pane_once(
    window: Window, panes: list[int], after: int, more: int
) -> None:
    """Ascending; only those that end in (after, until]."""
    until, panes = after + more, sorted(set(panes))
    found = list(window.holding(panes, after, until))
    each = {span for pane in panes for span in window.over(pane, pane + 1, after, ())}
    assert found == sorted(span for span in each if span.end <= until)


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("by", [-1, 0, 1])
def test_holding_is_exact_to_the_millisecond(offset: int, by: int) -> None:
    """At each edge of three windows, a millisecond before and after; alone and beside another."""
    window = hopping(20, 10, offset)
    for pane in (10 + offset, 20 + offset, 50 + offset):
        for after in (20 + offset, 30 + offset, 40 + offset):
            for panes in ([pane + by], [offset, pane + by], [pane + by, 90 + offset]):
                found = list(window.holding(panes, after + by, 70 + offset + by))
                expected = [
                    (start, start + 20)
                    for start in range(offset, 200, 10)
                    if any(start <= each < start + 20 for each in panes)
                    and after + by < start + 20 <= 70 + offset + by
                ]
                assert found == expected


@given(st.integers(1, 86_400_000), st.integers(0, 2**41))
def test_tumbling_windows_neither_overlap_nor_leave_gaps(size: int, time: int) -> None:
    """Each instant lies in one window, which begins at a multiple of its size."""
    (start,) = tumbling(size).starts(time)
    assert start % size == 0
    assert start <= time < start + size


@given(st.integers(1, 1000), st.integers(1, 100), st.integers(0, 2**31))
def test_each_instant_lies_in_size_over_advance_hopping_windows(
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


def test_offset_is_part_of_a_window_definition() -> None:
    """Without one it is 0, so a size and an advance are enough to look a window up."""
    assert Window(300_000, 60_000) == Window(300_000, 60_000, 0) == hopping("5m", "1m")
    assert Window(300_000, 60_000) != hopping("5m", "1m", "30s")
    assert list(tumbling(1000, 300).starts(299)) == []
    assert list(tumbling(1000, 300).starts(1300)) == [1300]


def test_list_of_windows_keeps_its_order_without_duplicates() -> None:
    """`5m` and `5m/5m` are the same window."""
    assert parse_windows("5m, 1m ,5m/5m,5m/1m,1h+15m") == (
        tumbling(300_000),
        tumbling(60_000),
        hopping(300_000, 60_000),
        tumbling(3_600_000, 900_000),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5m/10m", "window 5m by 10m: the advance is larger than the size"),
        ("0s", "window 0ms by 0ms: both have to be positive"),
        ("5m/0s", "window 5m by 0ms: both have to be positive"),
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
def test_invalid_window_of_a_list_is_named_in_the_error(text: str, problem: str) -> None:
    """The error names the window, and what is wrong with it."""
    with pytest.raises(ValueError, match="^" + re.escape(problem)):
        parse_windows(text)
