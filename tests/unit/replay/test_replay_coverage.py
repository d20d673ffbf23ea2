"""Coverage of a comparison: which results are compared, and why the others are not."""

import pytest
from covered_replay import BEGIN, HOUR, INTERVAL, MINUTE, covered, history, window

from app import app
from app.market.topics import CANDLES, SURGES, TICKS_LATE, TOP_GAINERS
from eventfold.replay import coverage
from eventfold.replay.coverage import Coverage
from eventfold.replay.entries import Entries, Entry
from eventfold.replay.results import Found
from eventfold.replay.selection import Interval, select


def why(found: Coverage, result: Found, topic: object = CANDLES, *, in_live: bool = True) -> object:
    """Return why a result is left out; None if it is compared."""
    entries = Entries(topic, select(app, []))  # type: ignore[arg-type]
    return found.left_out(entries, "2026-01-31", result, in_live=in_live)


def test_a_window_that_both_sides_know_for_good_is_compared() -> None:
    """It lies in the interval, is final, and live has folded what the replay has."""
    assert why(covered(), window(0, 15)) is None
    assert why(covered(), window(HOUR - MINUTE, 1)) is None


def test_a_window_reaches_beyond_the_interval_or_is_elsewhere() -> None:
    """Only what touches the interval is counted at all."""
    assert why(covered(), window(-MINUTE, 5)) == coverage.BEYOND
    assert why(covered(), window(HOUR - MINUTE, 5)) == coverage.BEYOND
    assert why(covered(), window(-5 * MINUTE, 5)) == coverage.ELSEWHERE
    assert why(covered(), Found(b"{}", None, None, 0, "")) == coverage.UNKNOWN


def test_a_window_is_not_final_where_its_partition_ends_too_early() -> None:
    """Where its partition is unknown, all have to have got there."""
    early = covered(finalised={0: BEGIN + 5 * MINUTE, 1: INTERVAL.end})
    assert why(early, window(0, 5)) is None
    assert why(early, window(MINUTE, 5)) == coverage.OPEN
    assert why(early, window(MINUTE, 5, partition=1)) is None
    assert why(early, window(MINUTE, 5, partition=None)) == coverage.OPEN
    assert why(early, window(0, 5, partition=2)) == coverage.OPEN


def test_live_may_not_have_folded_it_yet() -> None:
    """Where it has never folded anything, it has published nothing, and that is compared."""
    assert why(covered(live=199), window(0, 5)) == coverage.AHEAD
    new = covered()
    new.committed = {}
    assert why(new, window(0, 5), in_live=False) is None


def test_records_may_have_been_deleted_before_they_were_replayed() -> None:
    """What begins later than all that can be missing is compared."""
    cut = covered(history(0, known_from=BEGIN + 10 * MINUTE), history(1))
    assert why(cut, window(9 * MINUTE, 1)) == coverage.DELETED
    assert why(cut, window(10 * MINUTE, 1)) is None
    assert why(cut, window(0, 1, partition=1)) is None


def test_results_of_live_may_have_been_deleted() -> None:
    """Then their absence means nothing."""
    old = covered()
    old.kept_from = {"candles": BEGIN + 10 * MINUTE}
    assert why(old, window(0, 1), in_live=False) == coverage.FORGOTTEN
    assert why(old, window(0, 1), in_live=True) is None
    assert why(old, window(10 * MINUTE, 1), in_live=False) is None
    # What ended just then was written then or later.
    assert why(old, window(9 * MINUTE, 1), in_live=False) is None


def test_records_of_a_log_that_live_has_deleted_may_be_of_the_whole_interval() -> None:
    """A late tick does not show when it was written: none is missed from the begin on alone."""
    late = Found(b"{}", None, None, None, "ticks-0-150")
    for kept_from, reason in (BEGIN, None), (BEGIN + 1, coverage.FORGOTTEN):
        old = covered()
        old.kept_from = {"ticks-late": kept_from}
        assert why(old, late, TICKS_LATE, in_live=False) == reason


def test_windows_of_another_length_are_not_made_here() -> None:
    """Such as those of a pipeline that is not replayed."""
    assert why(covered(), window(0, 7)) == coverage.OTHERS


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("ticks-0-110", None),
        ("ticks-0-189", None),
        ("ticks-0-109", coverage.ELSEWHERE),
        ("ticks-0-190", coverage.ELSEWHERE),
        ("ticks-0-150,ticks-1-109", coverage.BEYOND),
        ("daily-gains-0-5", coverage.MADE_ANEW),
        ("others-0-5", coverage.ELSEWHERE),
        ("", coverage.UNKNOWN),
    ],
)
def test_a_record_of_a_log_is_compared_where_its_source_is_in_the_interval(
    source: str, reason: str | None
) -> None:
    """As stream time divides the partition; of several sources, all of them."""
    result = Found(b"{}", None, None, None, source)
    assert why(covered(), result, TICKS_LATE) == reason


@pytest.mark.parametrize(("live", "reason"), [(150, coverage.AHEAD), (151, None)])
def test_a_record_of_a_log_is_compared_where_live_has_folded_its_source(
    live: int, reason: str | None
) -> None:
    """What live has committed is the offset of the next record."""
    late = Found(b"{}", None, None, None, "ticks-0-150")
    assert why(covered(live=live), late, TICKS_LATE) == reason


def test_a_period_is_compared_where_all_of_it_is_inside() -> None:
    """By the name of its key, whether a side has it or not."""
    ranking = Found(b"{}", None, None, None, "")
    assert why(covered(), ranking, TOP_GAINERS) == coverage.BEYOND
    day = Interval(BEGIN - 10 * HOUR, BEGIN + 14 * HOUR)
    parts = [history(number, known_from=day.begin) for number in (0, 1)]
    early = covered(*parts, finalised={0: day.end - 1, 1: day.end}, interval=day)
    assert why(early, ranking, TOP_GAINERS) == coverage.OPEN
    whole = covered(*parts, finalised={0: day.end, 1: day.end}, interval=day)
    assert why(whole, ranking, TOP_GAINERS) is None


def test_a_surge_is_a_window_too() -> None:
    """Its topic has one partition, its record names that of the source."""
    assert why(covered(finalised={0: 0, 1: INTERVAL.end}), window(0, 1, 1), SURGES) is None


def test_of_the_windows_read_only_those_of_another_time_are_not_kept() -> None:
    """One whose time is not known is: that it can't be compared is counted."""
    entries = Entries(CANDLES, select(app, []))

    def kept(start: int | None, end: int | None) -> bool:
        entry = Entry("candles", "ACME", "", 0, b"{}", start, end, 0)
        return covered().admits(entries, entry, replayed=False)

    assert kept(BEGIN - 1, BEGIN + 1)
    assert kept(BEGIN + HOUR - 1, BEGIN + HOUR + 1)
    assert not kept(BEGIN - 1, BEGIN)
    assert not kept(BEGIN + HOUR, BEGIN + HOUR + 1)
    assert kept(None, None)
    assert kept(BEGIN - 1, None)
