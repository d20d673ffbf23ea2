"""Windows of a partition, whatever becomes of it, against all ticks again.

A real store; batches, checkpoints, publications and crashes where hypothesis puts them.
"""

from typing import Any

import msgspec
import pytest
from candle_truth import truth
from hypothesis import given, settings
from hypothesis import strategies as st
from partition_driver import Drive, NewTable, PartitionDriver
from plans import MINUTE, follow, live
from raw_records import NOON, Raw, raw_tick
from window_checks import (
    LIVES,
    Life,
    assert_answers,
    assert_published,
    assert_refused,
    by_window,
    declared,
)

from app.market.records import LateTick, Tick
from app.market.topics import CANDLES, TICKS_LATE
from eventfold.aggregates import Ohlc
from eventfold.engine import pane_publishing
from eventfold.records import DeadLetter
from eventfold.records.candles import Candle
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import Window

pytestmark = pytest.mark.usefixtures("twin")


def assert_ranges(driver: PartitionDriver, begin: int, end: int) -> None:
    """Assert that a range returns the windows that start in it, and no other."""
    state = driver.state
    for window in driver.table.windows:
        every = state.read(b"A", window, 0, 1 << 62)
        inside = [result.start for result in every if begin <= result.start < end]
        assert [result.start for result in state.read(b"A", window, begin, end)] == inside


@settings(max_examples=60)
@given(LIVES)
def test_whatever_happens_each_window_is_the_fold_of_what_was_accepted(
    new_table: NewTable, drive: Drive, life: Life
) -> None:
    """Every field of every candle; finals once; late ticks and dead letters once; queries."""
    table = declared(new_table, life.definition)
    with drive(table, life.raw) as driver:
        for step in life.plan:
            follow(driver, step)
            assert_answers(driver)
        driver.settle()
        facts = truth(life.raw, table.grace)
        assert_published(driver, facts)
        assert_refused(driver, facts)
        assert_answers(driver)
        driver.crash(store="lost")
        assert_answers(driver)


@settings(max_examples=25)
@given(LIVES)
def test_a_leap_in_time_is_published_in_slices_and_completely(
    new_table: NewTable, drive: Drive, life: Life
) -> None:
    """What becomes final and is too much for one publication follows, also after a crash."""
    table = declared(new_table, life.definition)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pane_publishing, "SLICE", 5)
        with drive(table, life.raw) as driver:
            live(driver, life.plan)
            facts = truth(life.raw, table.grace)
            assert_published(driver, facts)
            assert_refused(driver, facts)


RANGES = st.tuples(
    st.integers(-5, 60).map(lambda minutes: NOON + minutes * MINUTE), st.integers(0, 30 * MINUTE)
)


@settings(max_examples=25)
@given(LIVES, RANGES)
def test_a_range_of_time_is_asked_for_half_open(
    new_table: NewTable, drive: Drive, life: Life, asked: tuple[int, int]
) -> None:
    """Of store and memory together, at any time: the windows with begin <= start < end."""
    begin, length = asked
    with drive(declared(new_table, life.definition), life.raw) as driver:
        for step in life.plan:
            follow(driver, step)
            assert_ranges(driver, begin, begin + length)


class Superstitious(Ohlc):
    """Raises ArithmeticError for trades of size 13."""

    def add(self, state: Any, record: Any, time: int, offset: int) -> None:
        """Fold a trade, or raise before anything has changed."""
        if record.size == 13:
            raise ArithmeticError("thirteen")
        super().add(state, record, time, offset)


SUPERSTITIOUS = Superstitious()


@settings(max_examples=30)
@given(LIVES, st.sets(st.integers(0, 39), max_size=5))
def test_a_record_that_cant_be_folded_is_a_dead_letter_and_no_other(
    new_table: NewTable, drive: Drive, life: Life, unlucky: set[int]
) -> None:
    """It moves no clock, though its time may be ahead of all; what stands around it counts."""
    table = declared(new_table, life.definition, aggregate=SUPERSTITIOUS)
    raw = [
        with_thirteen(record, n) if n in unlucky else record for n, record in enumerate(life.raw)
    ]
    refused = {record.offset for n, record in enumerate(raw) if n in unlucky}
    with drive(table, raw) as driver:
        live(driver, life.plan)
        facts = truth(raw, table.grace, refused)
        assert_published(driver, facts)
        assert_refused(driver, facts)
        assert driver.state.meta.stream_time == facts.stream_time
        errors = {
            letter.offset: letter.error
            for letter in driver.written(DEAD_LETTERS, DeadLetter)
            if letter.stage == table.name
        }
    tried = refused - {event.offset for event in facts.late}
    assert errors == dict.fromkeys(tried, "ArithmeticError: thirteen")


def with_thirteen(record: Raw, number: int) -> Raw:
    """Replace a tick by one of size 13, every second one far ahead in time."""
    time = record.timestamp + number % 2 * 30 * MINUTE
    return raw_tick(record.offset, Tick("ABC"[number % 3], 1.5, time, 13))


def test_ticks_of_a_day_are_published_as_a_reader_would_tell_it(
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
        told = [(c.open, c.close, c.count, c.late, c.revision, c.final) for c in minute]
    assert told == [
        (9.0, 10.0, 2, 0, 2, False),
        (9.0, 12.0, 3, 1, 6, False),
        (9.0, 12.0, 3, 1, 7, True),
    ]


def test_the_same_window_is_not_published_again_without_a_change(
    new_table: NewTable, drive: Drive
) -> None:
    """A publication has what changed since the last one; a quiet partition has none."""
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


def test_what_a_crash_left_unpublished_is_published_afterwards(
    new_table: NewTable, drive: Drive
) -> None:
    """Rows were committed, their windows not yet: the next owner owes them, new ticks or not."""
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


def test_a_pane_remembers_a_handful_of_corrections(new_table: NewTable, drive: Drive) -> None:
    """One for each pane that stream time was ahead by, however many records came late."""
    clocks = range(0, 3 * MINUTE, 1_000)
    drawn = [tick for ms in clocks for tick in (Tick("B", 1.0, NOON + ms), Tick("A", 1.0, NOON))]
    with drive(
        new_table("1m", 5 * MINUTE), [raw_tick(n, tick) for n, tick in enumerate(drawn)]
    ) as driver:
        driver.fold_rest()
        (pane,) = driver.state._panes[b"A"].values()
        assert pane.corrections == {NOON + MINUTE: 60, NOON + 2 * MINUTE: 60}


def test_a_crash_in_the_middle_of_a_leap_leaves_no_window_open(
    new_table: NewTable, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one publication left to the next is still due when the next owner makes it."""
    monkeypatch.setattr(pane_publishing, "SLICE", 5)
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


def test_the_largest_sizes_add_up(new_table: NewTable, drive: Drive) -> None:
    """Or are dead letters: a sum that no row can hold must not stop a partition for good."""
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
def test_the_candle_of_whatever_was_accepted_can_be_read(
    new_table: NewTable, drive: Drive, price: float, mean: float | None
) -> None:
    """Sums of prices may be larger than a number can be, which JSON has no word for: null."""
    raw = [raw_tick(n, Tick("A", price, NOON, 2**53)) for n in range(3)]
    with drive(new_table("1m", 0), raw) as driver:
        driver.settle()
        *_, candle = driver.written(CANDLES, Candle)
        assert (candle.count, candle.close, candle.mean) == (3, price, mean)
        assert candle.vwap == mean


def test_only_the_first_of_several_tables_reports_what_none_can_read(
    new_table: NewTable, drive: Drive
) -> None:
    """A record is one dead letter, however many tables are folded from its topic."""
    raw = [Raw(0, NOON, b"A", b"?"), raw_tick(1, Tick("A", 1.0, NOON))]
    letters = []
    for leads in (True, False):
        table = new_table("1m", 0)
        with drive(table, raw, leads=leads) as driver:
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
