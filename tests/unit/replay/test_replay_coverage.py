"""Coverage of a comparison: which results are compared, and why the others are not."""

import pytest
from replay_coverage import BEGIN, HOUR, INTERVAL, MINUTE, history, new_coverage, window

from app import app
from app.market.topics import CANDLES, SURGES, TICKS_LATE, TOP_GAINERS
from eventfold.replay import coverage
from eventfold.replay.coverage import Coverage
from eventfold.replay.entries import Entries, Entry
from eventfold.replay.results import Found
from eventfold.replay.selection import Interval, select
from eventfold.topics import Topic


def why(found: Coverage, result: Found, topic: Topic = CANDLES, *, in_live: bool = True) -> object:
    """Return why a result is left out; None if it is compared."""
    entries = Entries(topic.of(app.settings), select(app, []))
    return found.left_out(entries, "2026-01-31", result, in_live=in_live)


def test_window_that_is_final_on_both_sides_is_compared() -> None:
    """It is within the interval, and live has folded the same records as the replay."""
    assert why(new_coverage(), window(0, 15)) is None
    assert why(new_coverage(), window(HOUR - MINUTE, 1)) is None


def test_window_that_is_not_within_the_interval_is_left_out() -> None:
    """Only windows that touch the interval are counted."""
    assert why(new_coverage(), window(-MINUTE, 5)) == coverage.BEYOND
    assert why(new_coverage(), window(HOUR - MINUTE, 5)) == coverage.BEYOND
    assert why(new_coverage(), window(-5 * MINUTE, 5)) == coverage.IGNORED
    assert why(new_coverage(), Found(b"{}", None, None, 0, "")) == coverage.UNKNOWN


def test_window_of_a_partition_that_ends_too_early_is_left_out() -> None:
    """If its partition is unknown, all partitions have to reach its end."""
    early = new_coverage(finalised={0: BEGIN + 5 * MINUTE, 1: INTERVAL.end})
    assert why(early, window(0, 5)) is None
    assert why(early, window(MINUTE, 5)) == coverage.OPEN
    assert why(early, window(MINUTE, 5, partition=1)) is None
    assert why(early, window(MINUTE, 5, partition=None)) == coverage.OPEN
    assert why(early, window(0, 5, partition=2)) == coverage.OPEN


def test_window_that_live_has_not_folded_yet_is_left_out() -> None:
    """If live has never folded anything, its missing results are compared."""
    assert why(new_coverage(live=199), window(0, 5)) == coverage.NOT_FOLDED
    new = new_coverage()
    new.committed = {}
    assert why(new, window(0, 5), in_live=False) is None


def test_window_of_deleted_records_is_left_out() -> None:
    """Windows that begin after all records that can be missing are compared."""
    cut = new_coverage(history(0, known_from=BEGIN + 10 * MINUTE), history(1))
    assert why(cut, window(9 * MINUTE, 1)) == coverage.DELETED
    assert why(cut, window(10 * MINUTE, 1)) is None
    assert why(cut, window(0, 1, partition=1)) is None


def test_deleted_result_of_live_is_no_difference() -> None:
    """Its absence proves nothing."""
    old = new_coverage()
    old.kept_from = {"candles": BEGIN + 10 * MINUTE}
    assert why(old, window(0, 1), in_live=False) == coverage.EXPIRED
    assert why(old, window(0, 1), in_live=True) is None
    assert why(old, window(10 * MINUTE, 1), in_live=False) is None
    # A window that ended just then was written then or later.
    assert why(old, window(9 * MINUTE, 1), in_live=False) is None


def test_deleted_log_entries_may_be_of_any_time_in_the_interval() -> None:
    """A late tick does not show when it was written, so the log has to reach back to the begin."""
    late = Found(b"{}", None, None, None, "ticks-0-150")
    for kept_from, reason in (BEGIN, None), (BEGIN + 1, coverage.EXPIRED):
        old = new_coverage()
        old.kept_from = {"ticks-late": kept_from}
        assert why(old, late, TICKS_LATE, in_live=False) == reason


def test_windows_of_lengths_that_are_not_replayed_are_left_out() -> None:
    """Such as those of a pipeline that is not replayed."""
    assert why(new_coverage(), window(0, 7)) == coverage.OTHER_WINDOWS


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("ticks-0-110", None),
        ("ticks-0-189", None),
        ("ticks-0-109", coverage.IGNORED),
        ("ticks-0-190", coverage.IGNORED),
        ("ticks-0-150,ticks-1-109", coverage.BEYOND),
        ("daily-gains-0-5", coverage.REDERIVED),
        ("others-0-5", coverage.IGNORED),
        ("", coverage.UNKNOWN),
    ],
)
def test_log_entry_is_compared_if_its_sources_are_in_the_interval(
    source: str, reason: str | None
) -> None:
    """Stream time divides the partition; of several sources, all have to be."""
    result = Found(b"{}", None, None, None, source)
    assert why(new_coverage(), result, TICKS_LATE) == reason


@pytest.mark.parametrize(("live", "reason"), [(150, coverage.NOT_FOLDED), (151, None)])
def test_log_entry_is_compared_if_live_has_folded_its_source(live: int, reason: str | None) -> None:
    """The committed offset is that of the next record."""
    late = Found(b"{}", None, None, None, "ticks-0-150")
    assert why(new_coverage(live=live), late, TICKS_LATE) == reason


def test_period_is_compared_if_it_is_wholly_within_the_interval() -> None:
    """By the name of its key, whether a side has it or not."""
    ranking = Found(b"{}", None, None, None, "")
    assert why(new_coverage(), ranking, TOP_GAINERS) == coverage.BEYOND
    day = Interval(BEGIN - 10 * HOUR, BEGIN + 14 * HOUR)
    parts = [history(number, known_from=day.begin) for number in (0, 1)]
    early = new_coverage(*parts, finalised={0: day.end - 1, 1: day.end}, interval=day)
    assert why(early, ranking, TOP_GAINERS) == coverage.OPEN
    whole = new_coverage(*parts, finalised={0: day.end, 1: day.end}, interval=day)
    assert why(whole, ranking, TOP_GAINERS) is None


def test_surge_is_compared_as_a_window() -> None:
    """Its topic has one partition, its record names that of the source."""
    assert why(new_coverage(finalised={0: 0, 1: INTERVAL.end}), window(0, 1, 1), SURGES) is None


def test_windows_of_other_times_are_not_kept() -> None:
    """A window of unknown time is kept, to be counted as not comparable."""
    entries = Entries(CANDLES.of(app.settings), select(app, []))

    def kept(start: int | None, end: int | None) -> bool:
        entry = Entry("candles", "ACME", "", 0, b"{}", start, end, 0)
        return new_coverage().admits(entries, entry, replayed=False)

    assert kept(BEGIN - 1, BEGIN + 1)
    assert kept(BEGIN + HOUR - 1, BEGIN + HOUR + 1)
    assert not kept(BEGIN - 1, BEGIN)
    assert not kept(BEGIN + HOUR, BEGIN + HOUR + 1)
    assert kept(None, None)
    assert kept(BEGIN - 1, None)
