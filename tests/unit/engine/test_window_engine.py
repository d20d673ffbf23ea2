"""Windows of a partition under random crashes, compared with a brute-force oracle.

The store is real; hypothesis draws batches, checkpoints, publications and crashes.
"""

from typing import Any

import msgspec
import pytest
from candle_truth import truth
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive, NewTable, PartitionDriver
from plans import MINUTE, run_plan, run_step
from raw_records import NOON, Raw, raw_tick
from window_checks import (
    SCENARIOS,
    Scenario,
    assert_answers,
    assert_late_and_dead_letters,
    assert_published,
    by_window,
    declare_table,
)

from app.market.records import LateTick, Tick
from app.market.topics import CANDLES, TICKS_LATE
from eventfold.aggregates import Ohlc
from eventfold.engine import pane_windows
from eventfold.records import DeadLetter
from eventfold.records.candles import Candle
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import Window

pytestmark = pytest.mark.usefixtures("implementation")


def assert_ranges(driver: PartitionDriver, begin: int, end: int) -> None:
    """Check that a range query returns the windows that start in it, and no other."""
    state = driver.state
    for window in driver.table.windows:
        every = state.read(b"A", window, 0, 1 << 62)
        inside = [result.start for result in every if begin <= result.start < end]
        assert [result.start for result in state.read(b"A", window, begin, end)] == inside


@settings(max_examples=60)
@given(SCENARIOS)
def test_each_window_is_the_fold_of_its_accepted_records_after_any_crash(
    new_table: NewTable, drive: Drive, scenario: Scenario
) -> None:
    """Compares all fields of all candles, finals, late ticks, dead letters and queries."""
    table = declare_table(new_table, scenario.definition)
    with drive(table, scenario.raw) as driver:
        for step in scenario.plan:
            run_step(driver, step)
            assert_answers(driver)
        driver.settle()
        facts = truth(scenario.raw, table.grace)
        assert_published(driver, facts)
        assert_late_and_dead_letters(driver, facts)
        assert_answers(driver)
        driver.crash(store="lost")
        assert_answers(driver)


@settings(max_examples=25)
@given(SCENARIOS)
def test_results_of_a_leap_in_time_are_published_in_slices(
    new_table: NewTable, drive: Drive, scenario: Scenario
) -> None:
    """Final results beyond one publication follow in the next ones, also after a crash."""
    table = declare_table(new_table, scenario.definition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pane_windows, "SLICE", 5)
        with drive(table, scenario.raw) as driver:
            run_plan(driver, scenario.plan)
            facts = truth(scenario.raw, table.grace)
            assert_published(driver, facts)
            assert_late_and_dead_letters(driver, facts)


RANGES = st.tuples(
    st.integers(-5, 60).map(lambda minutes: NOON + minutes * MINUTE), st.integers(0, 30 * MINUTE)
)


@settings(max_examples=25)
@given(SCENARIOS, RANGES)
def test_a_time_range_query_includes_its_begin_and_excludes_its_end(
    new_table: NewTable, drive: Drive, scenario: Scenario, asked: tuple[int, int]
) -> None:
    """From store and memory together, at any time: windows with begin <= start < end."""
    begin, length = asked
    with drive(declare_table(new_table, scenario.definition), scenario.raw) as driver:
        for step in scenario.plan:
            run_step(driver, step)
            assert_ranges(driver, begin, begin + length)


class RejectsSize13(Ohlc):
    """Raises ArithmeticError for trades of size 13."""

    def add(self, state: Any, record: Any, time: int, offset: int) -> None:
        """Fold a trade, or raise before anything has changed."""
        if record.size == 13:
            raise ArithmeticError("thirteen")
        super().add(state, record, time, offset)


REJECTS_SIZE_13 = RejectsSize13()


@settings(max_examples=30)
@given(SCENARIOS, st.sets(st.integers(0, 39), max_size=5))
def test_only_the_record_that_raises_is_a_dead_letter(
    new_table: NewTable, drive: Drive, scenario: Scenario, unfoldable: set[int]
) -> None:
    """It moves no stream time, though it may be ahead of all; the records around it count."""
    table = declare_table(new_table, scenario.definition, aggregate=REJECTS_SIZE_13)
    raw = [
        with_size_13(record, n) if n in unfoldable else record
        for n, record in enumerate(scenario.raw)
    ]
    rejected = {record.offset for n, record in enumerate(raw) if n in unfoldable}
    with drive(table, raw) as driver:
        run_plan(driver, scenario.plan)
        facts = truth(raw, table.grace, rejected)
        assert_published(driver, facts)
        assert_late_and_dead_letters(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        errors = {
            letter.offset: letter.error
            for letter in driver.written(DEAD_LETTERS, DeadLetter)
            if letter.stage == table.name
        }
    tried = rejected - {event.offset for event in facts.late}
    assert errors == dict.fromkeys(tried, "ArithmeticError: thirteen")


def with_size_13(record: Raw, number: int) -> Raw:
    """Replace a tick by one of size 13, every second one far ahead in time."""
    time = record.timestamp + number % 2 * 30 * MINUTE
    return raw_tick(record.offset, Tick("ABC"[number % 3], 1.5, time, 13))


def test_a_window_is_published_when_it_opens_is_corrected_and_is_final(
    new_table: NewTable, drive: Drive
) -> None:
    """A minute opens, is corrected out of order, closes, is corrected within grace, is final."""
    table = new_table("1m", MINUTE)
    first = [Tick("A", 10.0, NOON + 1_000, 1), Tick("A", 9.0, NOON, 2)]
    late = [Tick("A", 11.0, NOON + 61_000, 1), Tick("A", 12.0, NOON + 59_999, 1)]
    after = [Tick("A", 11.0, NOON + 2 * MINUTE, 1), Tick("A", 99.0, NOON + 59_999, 1)]
    raw = [raw_tick(n, tick) for n, tick in enumerate([*first, *late, *after])]
    with drive(table, raw) as driver:
        for _ in range(3):
            driver.fold(2)
            driver.checkpoint()
        minute = by_window(driver)[Window(MINUTE, MINUTE), "A", NOON]
        results = [(c.open, c.close, c.count, c.late, c.revision, c.final) for c in minute]
    assert results == [
        (9.0, 10.0, 2, 0, 2, False),
        (9.0, 12.0, 3, 1, 6, False),
        (9.0, 12.0, 3, 1, 7, True),
    ]


def test_a_window_is_not_published_again_without_a_change(
    new_table: NewTable, drive: Drive
) -> None:
    """A publication has the changes since the last one; a quiet partition publishes nothing."""
    raw = [raw_tick(n, Tick("A", 1.0, NOON + n)) for n in range(5)]
    with drive(new_table("1m", 0), raw) as driver:
        driver.fold(5)
        driver.checkpoint(publish=False)
        assert driver.outputs == {}
        assert driver.state.unpublished
        driver.checkpoint()
        assert len(driver.written(CANDLES, Candle)) == 1
        assert not driver.state.unpublished
        assert not driver.state.dirty
        driver.checkpoint()
        assert len(driver.written(CANDLES, Candle)) == 1


def test_changes_unpublished_at_a_crash_are_published_afterwards(
    new_table: NewTable, drive: Drive
) -> None:
    """Rows were committed, their windows not yet published: the next owner publishes them."""
    raw = [raw_tick(n, Tick("A", 1.0, NOON + n)) for n in range(5)]
    with drive(new_table("1m", 0), raw) as driver:
        for tick in range(1, len(raw) + 1):
            driver.fold(1)
            driver.checkpoint(publish=False)
            driver.crash(store="lost")
            assert driver.state.unpublished
            driver.checkpoint()
            assert driver.written(CANDLES, Candle)[-1].count == tick
        assert len(driver.written(CANDLES, Candle)) == len(raw)


def test_a_pane_keeps_one_count_of_corrections_for_each_pane_it_is_behind(
    new_table: NewTable, drive: Drive
) -> None:
    """However many records came late."""
    clocks = range(0, 3 * MINUTE, 1_000)
    drawn = [tick for ms in clocks for tick in (Tick("B", 1.0, NOON + ms), Tick("A", 1.0, NOON))]
    with drive(
        new_table("1m", 5 * MINUTE), [raw_tick(n, tick) for n, tick in enumerate(drawn)]
    ) as driver:
        driver.fold_rest()
        (pane,) = driver.state.windows.panes.by_key[b"A"].values()
        assert pane.corrections == {NOON + MINUTE: 60, NOON + 2 * MINUTE: 60}


def test_a_crash_amid_a_leap_in_time_leaves_no_window_open(
    new_table: NewTable, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slices that one publication left are still due for the next owner."""
    monkeypatch.setattr(pane_windows, "SLICE", 5)
    minutes = [raw_tick(n, Tick("A", 1.0, NOON + n * MINUTE)) for n in range(9)]
    with drive(
        new_table("1m", 0), [*minutes, raw_tick(9, Tick("A", 1.0, NOON + 60 * MINUTE))]
    ) as driver:
        driver.fold_rest()
        driver.checkpoint()
        driver.crash()
        driver.settle()
        finals = [candle.start for candle in driver.written(CANDLES, Candle) if candle.final]
    assert finals == [NOON + n * MINUTE for n in range(9)]


def test_the_largest_sizes_add_up_exactly_or_are_dead_letters(
    new_table: NewTable, drive: Drive
) -> None:
    """A sum that no row can hold must not stop a partition for good."""
    raw = [raw_tick(n, Tick("A", 1.0, NOON, 2**53)) for n in range(2_100)]
    with drive(new_table("1m", 0), raw) as driver:
        driver.settle()
        counted = 0
        for candle in driver.written(CANDLES, Candle):
            assert candle.volume == candle.count * 2**53
            counted = candle.count
        assert counted + len(driver.written(DEAD_LETTERS, DeadLetter)) == len(raw)


@pytest.mark.parametrize(
    ("price", "mean"), [(5e-324, 5e-324), (1e15, 1e15), (-1e15, -1e15), (1.7e308, None)]
)
def test_the_candle_of_extreme_prices_can_be_read(
    new_table: NewTable, drive: Drive, price: float, mean: float | None
) -> None:
    """A sum of prices may be beyond a float, which JSON cannot hold: its mean is null."""
    raw = [raw_tick(n, Tick("A", price, NOON, 2**53)) for n in range(3)]
    with drive(new_table("1m", 0), raw) as driver:
        driver.settle()
        *_, candle = driver.written(CANDLES, Candle)
        assert (candle.count, candle.close, candle.mean) == (3, price, mean)
        assert candle.vwap == mean


def test_only_the_first_of_several_tables_reports_an_unreadable_record(
    new_table: NewTable, drive: Drive
) -> None:
    """A record is one dead letter, however many tables are folded from its topic."""
    raw = [Raw(0, NOON, b"A", b"?"), raw_tick(1, Tick("A", 1.0, NOON))]
    letters = []
    for reports_decode_errors in (True, False):
        table = new_table("1m", 0)
        with drive(table, raw, reports_decode_errors=reports_decode_errors) as driver:
            driver.settle()
            letters.append(len(driver.written(DEAD_LETTERS, DeadLetter)))
            assert len(driver.written(CANDLES, Candle)) == 1
    assert letters == [1, 0]


def test_outputs_stay_in_their_partition_and_have_the_key_of_their_records(
    new_table: NewTable, drive: Drive
) -> None:
    """Candles and late ticks are co-partitioned with ticks; dead letters are keyed by topic."""
    raw = [
        raw_tick(0, Tick("Ünïcode €", 1.0, NOON + MINUTE)),
        raw_tick(1, Tick("B", 1.0, NOON)),
        Raw(2, NOON, b"B", b"?"),
    ]
    table = new_table("1m", 0)
    with drive(table, raw, partition=4) as driver:
        driver.settle()
        written = {
            topic: [(out.partition, out.record[0]) for out in records]
            for topic, records in driver.outputs.items()
        }
        (candle,) = driver.written(CANDLES, Candle)
        assert candle.partition == driver.written(TICKS_LATE, LateTick)[0].partition == 4
    assert written["candles"] == [(4, "Ünïcode €".encode())]
    assert written["ticks-late"] == [(4, b"B")]
    assert [key for _, key in written["dead-letters"]] == [b"ticks"]


def test_the_position_is_committed_with_the_rows(new_table: NewTable, drive: Drive) -> None:
    """It is the offset after the last record folded, unreadable and late ones included."""
    raw = [raw_tick(7, Tick("A", 1.0, NOON)), Raw(11, NOON, b"A", b"?")]
    with drive(new_table("1m", 0), raw) as driver:
        driver.fold(2)
        snapshot = driver.checkpoint()
        assert snapshot.position == 12
        meta = msgspec.json.decode(dict(snapshot.rows)[b"__meta__"])
        assert meta["positions"] == {"ticks": 12}
        assert meta["stream_time"] == NOON
        driver.crash(store="lost")
        assert driver.state.restored_position == driver.state.position == 12
