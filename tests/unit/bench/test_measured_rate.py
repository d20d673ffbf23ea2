"""Measurement of a run: its progress at each instant, and where the clock starts."""

import polars as pl
import pytest

from bench.progress import Interval, curve_of_windows, measured


def curve(*steps: tuple[int, float]) -> pl.DataFrame:
    """Make a curve of (ms, ticks)."""
    return pl.DataFrame(steps, schema={"at": pl.Int64, "ticks": pl.Float64}, orient="row")


def records(*rows: tuple[int, str, int]) -> pl.DataFrame:
    """Make records of windows: (ms, window, count)."""
    return pl.DataFrame(rows, schema=["at", "window", "count"], orient="row")


def test_a_later_record_of_a_window_replaces_the_earlier() -> None:
    """Ticks are counted once, however often their window is published."""
    found = curve_of_windows(records((1, "a", 3), (2, "b", 2), (3, "a", 5), (4, "a", 5)), 1)
    assert found.rows() == [(1, 3), (2, 5), (3, 7), (4, 7)]


def test_records_appended_at_the_same_time_are_one_step() -> None:
    """A curve has one row for each instant."""
    assert curve_of_windows(records((1, "a", 3), (1, "b", 2)), 1).rows() == [(1, 5)]


def test_a_tick_in_several_windows_counts_once() -> None:
    """Each of the overlapping windows counts as a part of it."""
    assert curve_of_windows(records((1, "a", 1), (1, "b", 1), (2, "c", 2)), 2).rows() == [
        (1, 1),
        (2, 2),
    ]


def test_the_clock_starts_at_the_end_of_the_burst_that_passes_a_third() -> None:
    """How far each tick was is known at the end of a burst, not within it."""
    steps = curve((0, 100), (1000, 300), (1040, 350), (1080, 400), (2000, 700), (2050, 900))
    found = measured(steps, 2050, 900)
    assert found == Interval(1080, 400, 2050, 900)
    assert found.rate == pytest.approx(500 / 0.97)


def test_steady_output_starts_the_clock_where_a_third_is_passed() -> None:
    """It has no bursts whose end could be waited for."""
    steps = curve(*((at, at) for at in range(0, 3001, 50)))
    assert measured(steps, 3000, 3000) == Interval(1000, 1000, 3000, 3000)


def test_output_of_a_single_burst_can_not_be_measured() -> None:
    """Nothing is left after the warm-up; the caller has to report that."""
    assert measured(curve((5000, 450), (5050, 900)), 5050, 900) is None
    assert measured(curve(), 5050, 900) is None


def test_records_published_again_do_not_move_the_end_of_the_clock() -> None:
    """The end is that of the last result that had been wrong before."""
    steps = curve((0, 400), (1000, 900), (9000, 900))
    assert measured(steps, 1000, 900) == Interval(0, 400, 1000, 900)
