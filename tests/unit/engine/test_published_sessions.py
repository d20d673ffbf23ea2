"""Sessions, tick by tick, as a reader of their topic sees them."""

import pytest
from collected_events import (
    Definition,
    WindowRecord,
    answers,
    assert_rows_are_the_changelog,
    declare_table,
    published,
    rows,
)
from partition_driver import Drive
from plans import MINUTE
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick
from app.worker import TickApp
from eventfold.engine import session_windows
from eventfold.engine.rows import OPEN, row_key
from eventfold.windows import every_change, on_close

HOUR = 60 * MINUTE


class B(float):
    """Seconds of a tick of the symbol B."""


def at(*seconds: float) -> list[Raw]:
    """Return ticks so many seconds after noon, of the symbol A unless marked by `B`."""
    ticks = (Tick("B" if type(s) is B else "A", 1.0, NOON + round(s * 1000), 1) for s in seconds)
    return [raw_tick(n, tick) for n, tick in enumerate(ticks)]


def summary(results: list[WindowRecord]) -> list[tuple[float, float, int, int, bool]]:
    """Return start and end (seconds after noon), count, late and finality of each result."""
    return [
        ((s.start - NOON) / 1000, (s.end - NOON) / 1000, s.count, s.late, s.final) for s in results
    ]


def test_a_silence_of_exactly_the_gap_ends_a_session(application: TickApp, drive: Drive) -> None:
    """Intervals are half-open: one millisecond less, and the next tick joins."""
    table = declare_table(application, Definition("session 30s", 0, HOUR, on_close()))
    with drive(table, at(0, 29.999, 59.999, 60, 200)) as driver:
        driver.settle()
        assert summary(published(driver)) == [(0, 59.999, 2, 0, True), (59.999, 90, 2, 0, True)]


def test_a_late_tick_merges_two_sessions_and_the_later_one_is_withdrawn(
    application: TickApp, drive: Drive
) -> None:
    """Before the next result of the merged session, with a revision above all before it."""
    table = declare_table(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(0, 40, 20, 200)) as driver:
        driver.fold(2)
        driver.checkpoint()
        driver.fold(1)
        driver.checkpoint()
        assert summary(published(driver)) == [
            (0, 30, 1, 0, False),
            (40, 70, 1, 0, False),
            (40, 40, 0, 0, True),
            (0, 70, 3, 0, False),
        ]
        assert [s.revision for s in published(driver)] == [0, 2, 5, 4]
        driver.settle()
        assert summary(published(driver))[4:] == [(0, 70, 3, 0, True), (200, 230, 1, 0, False)]
        assert published(driver)[4].revision == 5


def test_a_session_with_an_earlier_start_withdraws_the_former_after_a_crash(
    application: TickApp, drive: Drive
) -> None:
    """The published start is in the row, so the next owner knows of it."""
    table = declare_table(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(40, 20, 10)) as driver:
        driver.fold(1)
        driver.checkpoint()
        driver.fold(1)
        driver.checkpoint(publish=False)
        driver.crash(store="lost")
        driver.fold(1)
        driver.snapshot()
        driver.crash()
        driver.settle()
        # The start at 20 s was never published, so it is never withdrawn.
        assert summary(published(driver)) == [
            (40, 70, 1, 0, False),
            (40, 40, 0, 0, True),
            (10, 70, 3, 0, False),
        ]


def test_a_start_published_after_its_checkpoint_is_withdrawn_too(
    application: TickApp, drive: Drive
) -> None:
    """The row records it, though nothing else in the row has changed since it was written."""
    table = declare_table(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(40, 20)) as driver:
        driver.fold(1)
        driver.checkpoint(publish=False)
        driver.checkpoint()
        driver.crash()
        driver.settle()
        assert summary(published(driver))[1:] == [(40, 40, 0, 0, True), (20, 70, 2, 0, False)]


def test_a_former_start_is_withdrawn_with_the_final_result_at_the_latest(
    application: TickApp, drive: Drive
) -> None:
    """A session may change and close between two publications."""
    table = declare_table(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(40, 20, B(200))) as driver:
        driver.fold(1)
        driver.checkpoint()
        driver.settle()
        assert summary(published(driver))[1:3] == [(40, 40, 0, 0, True), (20, 70, 2, 0, True)]


def test_a_session_published_on_close_only_withdraws_nothing(
    application: TickApp, drive: Drive
) -> None:
    """Its former starts were never published."""
    table = declare_table(application, Definition("session 30s", MINUTE, HOUR, on_close()))
    with drive(table, at(40, 20, 0, 200)) as driver:
        for _ in range(4):
            driver.fold(1)
            driver.checkpoint()
        assert summary(published(driver)) == [(0, 70, 3, 0, True)]


def test_every_change_is_published_for_the_record_that_made_it(
    application: TickApp, drive: Drive
) -> None:
    """Within one batch too, and with a checkpoint that publishes nothing else."""
    table = declare_table(application, Definition("session 30s", MINUTE, HOUR, every_change()))
    with drive(table, at(0, 40, 20)) as driver:
        driver.fold_rest()
        driver.checkpoint(publish=False)
        assert summary(published(driver)) == [
            (0, 30, 1, 0, False),
            (40, 70, 1, 0, False),
            (40, 40, 0, 0, True),
            (0, 70, 3, 0, False),
        ]


def test_a_tick_is_late_if_its_session_had_ended_with_the_tick_included(
    application: TickApp, drive: Drive
) -> None:
    """Stream time had passed the end that the session has with the tick, not the one before."""
    table = declare_table(application, Definition("session 30s", 5 * MINUTE, HOUR))
    # 35 s arrives at 60 s and moves the end to 65 s; 10 s arrives after that end.
    with drive(table, at(0, 20, B(60), 35, B(100), 10)) as driver:
        driver.settle()
        assert summary(answers(driver, "A")) == [(0, 65, 4, 1, False)]


def test_a_tick_is_late_once_stream_time_reaches_the_end_of_its_session(
    application: TickApp, drive: Drive
) -> None:
    """Windows are half-open: at its end, a session is over."""
    table = declare_table(application, Definition("session 30s", 5 * MINUTE, HOUR))
    for clock, late in [(39.999, 0), (40, 1)]:
        with drive(table, at(0, B(clock), 10)) as driver:
            driver.settle()
            assert summary(answers(driver, "A")) == [(0, 40, 2, late, False)]


def test_merged_sessions_add_up_their_counts(application: TickApp, drive: Drive) -> None:
    """Records, late ones, and the lowest offset, which the later session may have."""
    table = declare_table(application, Definition("session 30s", 5 * MINUTE, HOUR))
    with drive(table, at(40, B(200), 41, 0, 1, 20)) as driver:
        driver.settle()
        (mine,) = answers(driver, "A")
        assert summary([mine]) == [(0, 71, 5, 4, False)]
        assert (mine.first_offset, mine.last_offset) == (0, 5)


def test_a_session_longer_than_the_retention_is_published_and_leaves_no_row(
    application: TickApp, drive: Drive
) -> None:
    """Its row would start before the range that expiry has already passed."""
    table = declare_table(application, Definition("session 1m", MINUTE, 2 * MINUTE))
    with drive(table, at(*range(0, 3600, 30), B(4000))) as driver:
        for _ in range(12):
            driver.fold(10)
            driver.checkpoint()
            assert len(rows(driver)) == 1
            assert [answer.start for answer in answers(driver, "A")] == [NOON]
        driver.settle()
        assert [summary([s]) for s in published(driver) if s.final] == [[(0, 3630, 120, 0, True)]]
        assert answers(driver, "A") == []
        assert driver.state.span(b"A") is None
        assert len(rows(driver)) == 1


def test_state_size_is_bounded_by_the_retention(application: TickApp, drive: Drive) -> None:
    """In store and memory, with new keys all the time; each is deleted with a tombstone."""
    table = declare_table(application, Definition("session 1m", MINUTE, 10 * MINUTE))
    raw = [raw_tick(n, Tick(f"K{n}", 1.0, NOON + n * MINUTE, 1)) for n in range(500)]
    with drive(table, raw) as driver:
        while driver.folded < len(raw):
            driver.fold(5)
            driver.checkpoint()
            assert len(rows(driver)) <= 10 + 5 + 3
            assert len(driver.state.windows._sessions) <= 3
            assert len(driver.state.windows._ends) <= 3
        assert len(rows(driver)) >= 10
        assert len(driver.state.all_keys()) == len(rows(driver))
        assert_rows_are_the_changelog(driver)


@pytest.mark.parametrize("stored", [False, True])
def test_a_session_that_closes_deletes_only_the_row_it_had(
    application: TickApp, drive: Drive, *, stored: bool
) -> None:
    """One that began since the last checkpoint had none, so it leaves no tombstone."""
    table = declare_table(application, Definition("session 30s", 0, HOUR))
    with drive(table, at(0, B(200))) as driver:
        driver.fold(1)
        if stored:
            driver.checkpoint()
        driver.fold_rest()
        deleted = [row for row, value in driver.checkpoint().rows if value is None]
        assert deleted == [row_key(b"A", OPEN + NOON)] * stored


def test_entries_for_session_ends_do_not_grow_with_the_records(
    application: TickApp, drive: Drive
) -> None:
    """A session has one entry, however often its end moves; merged ones go with time."""
    table = declare_table(application, Definition("session 1m", 5 * MINUTE, HOUR))
    with drive(table, at(*(n // 2 + 40 * (n % 2) for n in range(2_000)))) as driver:
        driver.fold(1_000)
        driver.checkpoint()
        assert len(driver.state.windows._ends) == 1
        driver.fold_rest()
        assert len(driver.state.windows._ends) == 1


def test_changes_unpublished_at_a_crash_are_published_afterwards(
    application: TickApp, drive: Drive
) -> None:
    """Rows were committed, their sessions not yet published: the next owner publishes them."""
    table = declare_table(application, Definition("session 30s", MINUTE, HOUR))
    with drive(table, at(0, 1, 2, 3)) as driver:
        for tick in range(1, 5):
            driver.fold(1)
            driver.checkpoint(publish=False)
            driver.crash(store="lost")
            assert driver.state.unpublished
            driver.checkpoint()
            assert not driver.state.unpublished
            assert [s.count for s in published(driver)] == list(range(1, tick + 1))


def test_a_long_session_that_closes_after_the_expiry_of_its_start_leaves_no_row(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stream time stands still while a leap is published in slices; expiry only looks ahead."""
    monkeypatch.setattr(session_windows, "SLICE", 1)
    table = declare_table(application, Definition("session 30s", MINUTE, 2 * MINUTE))
    long = [float(second) for second in range(0, 600, 20)]
    with drive(table, at(*long, B(570), B(700))) as driver:
        driver.settle()
        assert [(s.symbol, s.count) for s in published(driver) if s.final] == [("B", 1), ("A", 30)]
        assert driver.state.meta.expired > NOON
        assert rows(driver, 0, NOON + 1) == []


def test_the_lateness_of_session_ticks_is_counted(application: TickApp, drive: Drive) -> None:
    """Of accepted ticks, of rejected ones, and of those in time order."""
    table = declare_table(application, Definition("session 30s", 60_000, HOUR, on_close()))
    with drive(table, at(600, 600, 584, 540, 0)) as driver:
        driver.fold_rest()
        assert driver.state.meta.lateness == {0: 2, 16_384: 1, 61_440: 1, 622_592: 1}
        assert driver.state.late_of(b"A") == 1
