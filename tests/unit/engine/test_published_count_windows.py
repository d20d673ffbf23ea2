"""Count windows, tick by tick, as a reader of their topic sees them."""

import pytest
from candle_truth import Event
from collected_events import (
    Definition,
    WindowRecord,
    answers,
    assert_rows_are_the_changelog,
    declare_table,
    open_rows,
    published,
    rows,
)
from count_truth import window
from partition_driver import Drive
from plans import MINUTE
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick
from app.market.topics import TICKS_LATE
from app.worker import TickApp
from eventfold.engine import closed_windows, count_windows, portion
from eventfold.windows import on_close

HOUR = 60 * MINUTE


def trades(count: int, symbol: str = "A", step: int = 1_000) -> list[Raw]:
    """Return ticks of one symbol, `step` ms apart."""
    return [raw_tick(n, Tick(symbol, 1.0, NOON + n * step, 1)) for n in range(count)]


def summary(results: list[WindowRecord]) -> list[tuple[int, int, int, bool]]:
    """Return first and last offset, count and finality of each result."""
    return [(s.first_offset, s.last_offset, s.count, s.final) for s in results]


def test_a_count_window_is_final_as_soon_as_it_is_full(application: TickApp, drive: Drive) -> None:
    """It is published with the next checkpoint, even one that publishes nothing else."""
    table = declare_table(application, Definition("count 4/2", 0, HOUR))
    with drive(table, trades(7)) as driver:
        driver.fold(3)
        driver.checkpoint()
        assert summary(published(driver)) == [(2, 2, 1, False), (0, 2, 3, False)]
        driver.fold(3)
        driver.checkpoint(publish=False)
        assert summary(published(driver))[2:] == [(0, 3, 4, True), (2, 5, 4, True)]
        driver.settle()
        assert summary(published(driver))[4:] == [(6, 6, 1, False), (4, 6, 3, False)]


def test_an_old_record_counts_in_the_window_that_is_open_on_its_arrival(
    application: TickApp, drive: Drive
) -> None:
    """No grace applies; the window begins with its oldest time and ends with its newest."""
    table = declare_table(application, Definition("count 3", 0, HOUR))
    times = [NOON + MINUTE, NOON, NOON + 2 * MINUTE]
    with drive(table, [raw_tick(n, Tick("A", 1.0, time, 1)) for n, time in enumerate(times)]) as d:
        d.settle()
        (result,) = published(d)
        assert (result.start, result.end, result.final) == (NOON, NOON + 2 * MINUTE + 1, True)
        assert TICKS_LATE.base_name not in d.outputs
        assert d.state.meta.lateness == {}


def test_a_key_has_one_row_for_each_pane_of_a_window(application: TickApp, drive: Drive) -> None:
    """However many records came, and however many of its windows are open."""
    for text, panes in [("count 100", 1), ("count 10/5", 2), ("count 9/6", 3), ("count 5/1", 5)]:
        table = declare_table(application, Definition(text, 0, HOUR, on_close()))
        with drive(table, trades(250)) as driver:
            while driver.folded < 250:
                driver.fold(7)
                driver.checkpoint()
                assert len(open_rows(driver)) <= panes
            assert len(open_rows(driver)) == panes


def test_a_checkpoint_writes_the_panes_that_changed(application: TickApp, drive: Drive) -> None:
    """Not all panes of a window: here that of one record, the full window, and the meta row."""
    table = declare_table(application, Definition("count 50/1", 0, HOUR, on_close()))
    with drive(table, trades(100)) as driver:
        driver.fold(90)
        driver.checkpoint()
        driver.fold(1)
        assert len(driver.snapshot().rows) == 2 + 1


def test_changed_rows_include_those_of_windows_that_closed(
    application: TickApp, drive: Drive
) -> None:
    """Memory is estimated by them; with too few, a task would fold more than fits."""
    table = declare_table(application, Definition("count 2", 0, HOUR, on_close()))
    with drive(table, trades(9)) as driver:
        driver.fold(5)
        # Two windows, and the pane of the third.
        assert driver.state.changed_rows == 3
        assert len(driver.checkpoint().rows) == 3 + 1
        assert driver.state.changed_rows == 0


def test_merges_for_a_record_do_not_grow_with_the_overlap_of_windows(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three merges for each window that fills, amortised, whatever its number of panes."""
    merges = 0
    for text in ("count 10/1", "count 500/1"):
        table = declare_table(application, Definition(text, 0, HOUR, on_close()))
        merge = table.aggregate.merge

        def counted(left: object, right: object, merge: object = merge) -> object:
            nonlocal merges
            merges += 1
            return merge(left, right)

        monkeypatch.setattr(table.aggregate, "merge", counted)
        with drive(table, trades(2_000, step=1)) as driver:
            merges = 0
            driver.fold_rest()
            assert merges <= 3 * 2_000
            driver.checkpoint()


def test_windows_that_share_a_start_share_rows_of_a_bounded_size(
    application: TickApp, drive: Drive
) -> None:
    """A record older than all that follow starts many windows; a query finds all of them."""
    table = declare_table(application, Definition("count 100/1", 0, HOUR, on_close()))
    raw = [raw_tick(n, Tick("A", 1.0, NOON, 1)) for n in range(300)]
    with drive(table, raw) as driver:
        while driver.folded < 300:
            driver.fold(13)
            driver.checkpoint()
            driver.crash()
        closed = [int.from_bytes(row[-8:]) for row in rows(driver, 0, 1 << 60)]
        assert closed == list(range(NOON, NOON + -(-201 // closed_windows.FULL)))
        assert len([s for s in answers(driver, "A", NOON, NOON + 1) if s.final]) == 201
        assert answers(driver, "A", NOON + 1, NOON + 50) == []


def test_full_rows_are_not_read_again_for_each_window_that_closes(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reads grow with the number of rows, not with that of windows."""
    table = declare_table(application, Definition("count 1", 0, HOUR, on_close()))
    with drive(table, trades(1_000, step=0)) as driver:
        looked_up: list[bytes] = []
        get = driver.state.store.get
        monkeypatch.setattr(driver.state.store, "get", lambda r: looked_up.append(r) or get(r))
        while driver.folded < 1_000:
            driver.fold(closed_windows.FULL)
            driver.checkpoint()
        assert len(looked_up) <= 2 * -(-1_000 // closed_windows.FULL)


def test_a_symbol_without_records_expires_after_the_retention(
    application: TickApp, drive: Drive
) -> None:
    """In stream time; a later record begins a first window again."""
    table = declare_table(application, Definition("count 3/1", 0, HOUR, on_close()))
    times = [0, HOUR, HOUR + 1, 2 * HOUR + 2, 2 * HOUR + 3, 2 * HOUR + 4]
    raw = [raw_tick(n, Tick("A", 1.0, NOON + time, 1)) for n, time in enumerate(times)]
    with drive(table, raw) as driver:
        driver.settle()
        assert summary(published(driver)) == [(0, 2, 3, True), (3, 5, 3, True)]


def test_the_time_of_a_symbols_last_record_survives_a_crash(
    application: TickApp, drive: Drive
) -> None:
    """It is restored from the newest of its panes, whichever row that is in."""
    table = declare_table(application, Definition("count 3/1", 0, HOUR, on_close()))
    with drive(table, trades(5, step=50 * MINUTE)) as driver:
        for _ in range(5):
            driver.fold(1)
            driver.checkpoint()
            driver.crash()
        assert summary(published(driver)) == [(0, 2, 3, True), (1, 3, 3, True), (2, 4, 3, True)]


def test_expiry_continues_after_a_crash(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slices that one publication left are still due for the next owner."""
    monkeypatch.setattr(count_windows, "SLICE", 1)
    table = declare_table(application, Definition("count 3", 0, HOUR, on_close()))
    drawn = [Tick(symbol, 1.0, NOON, 1) for symbol in "ABCDE"]
    drawn.append(Tick("F", 1.0, NOON + 2 * HOUR, 1))
    with drive(table, [raw_tick(n, tick) for n, tick in enumerate(drawn)]) as driver:
        driver.fold_rest()
        for left in (4, 3, 2, 1):
            driver.checkpoint()
            driver.crash()
            assert driver.state.behind
            assert len(open_rows(driver)) == left + 1
        driver.checkpoint()
        assert not driver.state.behind
        assert driver.state.all_keys() == {b"F"}


def test_a_window_older_than_the_retention_is_final_and_leaves_no_row(
    application: TickApp, drive: Drive
) -> None:
    """Its row would start before the range that expiry has already passed."""
    table = declare_table(application, Definition("count 1", 0, HOUR, on_close()))
    raw = [raw_tick(n, Tick("A", 1.0, time, 1)) for n, time in enumerate((NOON + 2 * HOUR, NOON))]
    with drive(table, raw) as driver:
        for _ in raw:
            driver.fold(1)
            driver.checkpoint()
        assert summary(published(driver)) == [(0, 0, 1, True), (1, 1, 1, True)]
        assert len(rows(driver, 0, 1 << 60)) == len(answers(driver, "A")) == 1


def test_changes_unpublished_at_a_crash_are_published_afterwards(
    application: TickApp, drive: Drive
) -> None:
    """Rows were committed, the open windows not yet published."""
    table = declare_table(application, Definition("count 9", 0, HOUR))
    with drive(table, trades(4)) as driver:
        for tick in range(1, 5):
            driver.fold(1)
            driver.checkpoint(publish=False)
            driver.crash(store="lost")
            assert driver.state.unpublished
            driver.checkpoint()
            assert not driver.state.unpublished
            assert [s.count for s in published(driver)] == list(range(1, tick + 1))


def test_the_oldest_change_is_published_first_and_once(
    application: TickApp, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are ordered by their newest record, not by their oldest."""
    monkeypatch.setattr(portion, "RESULTS", 1)
    table = declare_table(application, Definition("count 6/3", 0, HOUR))
    raw = [raw_tick(n, Tick(symbol, 1.0, NOON + n, 1)) for n, symbol in enumerate("AAABA")]
    with drive(table, raw) as driver:
        driver.fold_rest()
        driver.checkpoint()
        assert summary(published(driver)) == [(3, 3, 1, False)]
        driver.crash()
        driver.settle()
        assert summary(published(driver))[1:] == [(4, 4, 1, False), (0, 4, 4, False)]


def test_state_size_is_bounded_by_the_retention(application: TickApp, drive: Drive) -> None:
    """In store and memory, with new keys all the time; each is deleted with a tombstone."""
    table = declare_table(application, Definition("count 4/1", 0, 10 * MINUTE))
    raw = [
        raw_tick(2 * n + twice, Tick(f"K{n}", 1.0, NOON + n * MINUTE, 1))
        for n in range(400)
        for twice in range(2)
    ]
    with drive(table, raw) as driver:
        while driver.folded < len(raw):
            driver.fold(10)
            driver.checkpoint()
            assert len(driver.state.windows._rings) <= 11
            assert len(driver.state.windows._ends) <= 11
            assert len(open_rows(driver)) <= 2 * 11
        assert len(driver.state.all_keys()) == 11
        assert_rows_are_the_changelog(driver)


def test_records_are_counted_in_arrival_order(application: TickApp, drive: Drive) -> None:
    """So the results may differ when records arrive in another order."""
    events = [Event(n, Tick("A", 1.0, NOON - n, 1), NOON) for n in range(2)]
    table = declare_table(application, Definition("count 2", 0, HOUR, on_close()))
    with drive(table, [raw_tick(event.offset, event.tick) for event in events]) as driver:
        driver.settle()
        assert published(driver) == [window(events, 2)]


@pytest.mark.parametrize(("early", "left"), [(0, {b"A", b"B", b"C"}), (-1, {b"C"})])
def test_keys_without_records_are_deleted_in_slices_after_the_retention(
    application: TickApp,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
    early: int,
    left: set[bytes],
) -> None:
    """All of them, though nothing else happens."""
    monkeypatch.setattr(count_windows, "SLICE", 1)
    table = declare_table(application, Definition("count 4", 0, HOUR))
    times = {"A": NOON, "B": NOON, "C": NOON + HOUR - early}
    raw = [raw_tick(n, Tick(key, 1.0, time, 1)) for n, (key, time) in enumerate(times.items())]
    with drive(table, raw) as driver:
        driver.settle()
        assert driver.state.all_keys() == left
        assert len(open_rows(driver)) == len(left)
