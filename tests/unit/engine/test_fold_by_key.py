"""Batches in time order are folded key by key, with the same results as record by record."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from candle_truth import truth
from hypothesis import given, settings
from partition_driver import Drive, NewTable
from plans import MINUTE, run_plan
from raw_records import NOON, Raw, raw_tick
from window_checks import (
    SCENARIOS_IN_ORDER,
    Scenario,
    assert_answers,
    assert_late_and_dead_letters,
    assert_published,
    declare_table,
)

from app.market.records import LateTick, Tick
from app.market.topics import CANDLES, TICKS, TICKS_LATE
from app.worker import TickApp
from eventfold.aggregates import Ohlc, OhlcState
from eventfold.engine import pane_folding
from eventfold.engine.window_table import WindowTable
from eventfold.records import DeadLetter
from eventfold.records.candles import Candle, candle
from eventfold.topics import DEAD_LETTERS

pytestmark = pytest.mark.usefixtures("implementation")


@pytest.fixture(autouse=True)
def any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold by key also where keys don't recur."""
    monkeypatch.setattr(pane_folding, "RECURRING", 0)


class RejectsWholePrices(Ohlc):
    """Candle aggregate that raises for whole prices, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def add(self, state: OhlcState, record: Any, time: int, offset: int) -> None:
        """Raise ValueError for a whole price, else fold."""
        _demand_fraction(record)
        self.calls += 1
        super().add(state, record, time, offset)

    def add_all(
        self,
        state: OhlcState,
        records: Sequence[Any],
        times: Sequence[int],
        offsets: Sequence[int],
        indexes: Sequence[int],
    ) -> None:
        """Raise ValueError if any record has a whole price, else fold all."""
        for index in indexes:
            _demand_fraction(records[index])
        self.calls += 1
        super().add_all(state, records, times, offsets, indexes)


def _demand_fraction(record: Any) -> None:
    if record.price == int(record.price):
        raise ValueError(f"a price of {record.price}")


@settings(max_examples=60)
@given(SCENARIOS_IN_ORDER)
def test_each_window_is_the_fold_of_its_accepted_records(
    new_table: NewTable, drive: Drive, scenario: Scenario
) -> None:
    """With crashes, batches that begin with known records, gaps and unreadable records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pane_folding, "RECURRING", 0)
        table = declare_table(new_table, scenario.definition)
        with drive(table, scenario.raw) as driver:
            run_plan(driver, scenario.plan)
            facts = truth(scenario.raw, table.grace)
            assert_published(driver, facts)
            assert_late_and_dead_letters(driver, facts)
            assert_answers(driver)


@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_known_records_at_the_start_of_a_batch_count_once(
    new_table: NewTable, drive: Drive, known: int
) -> None:
    """Even if their event time equals stream time."""
    table = new_table("1m", 0)
    with drive(table, _ticks([1.5] * 12, step=0)) as driver:
        driver.fold(4)
        driver.fold(8, again=known)
        driver.settle()
        assert [c.count for c in driver.written(CANDLES, Candle)] == [6, 6]


def test_records_of_one_key_and_pane_are_folded_in_one_call(
    new_table: NewTable, drive: Drive
) -> None:
    """This is the purpose of folding by key."""
    aggregate = RejectsWholePrices()
    table = new_table("1m", 0, aggregate=aggregate)
    with drive(table, _ticks([1.5] * 240, step=1_000)) as driver:
        driver.fold_rest()
        assert aggregate.calls == 2 * 4


@pytest.mark.parametrize(
    ("records", "keys", "apart", "at_once"),
    [
        (4, 1, 0, False),
        (5, 1, 0, True),
        (9, 2, 0, False),
        (10, 2, 0, True),
        # A minute from the first to the last: they are of two panes.
        (9, 1, 7_500, False),
        (9, 1, 7_499, True),
        (10, 1, 6_667, True),
    ],
)
def test_records_are_folded_by_key_where_keys_recur(  # noqa: PLR0917
    new_table: NewTable,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
    records: int,
    keys: int,
    apart: int,
    *,
    at_once: bool,
) -> None:
    """Five records of each pane on average, else it costs more than it saves."""
    monkeypatch.setattr(pane_folding, "RECURRING", 5)
    aggregate = RejectsWholePrices()
    ticks = [Tick("ABC"[n % keys], 1.5, NOON + n * apart, 1) for n in range(records)]
    with drive(new_table("1m", 0, aggregate=aggregate), [*map(raw_tick, count(), ticks)]) as driver:
        driver.fold_rest()
        panes = {(tick.symbol, tick.time // MINUTE) for tick in ticks}
        assert aggregate.calls == (len(panes) if at_once else records)


@pytest.mark.parametrize(("behind", "keys", "at_once"), [(0, 8, 1), (1, 8, 8), (0, 9, 8)])
def test_records_that_may_be_late_or_have_many_keys_are_folded_one_by_one(
    new_table: NewTable, drive: Drive, behind: int, keys: int, at_once: int
) -> None:
    """Decided by the first record of a batch, and by the number of keys in memory."""
    aggregate = RejectsWholePrices()
    before = [Tick("ABCDEFGHI"[n], 1.5, NOON, 1) for n in range(keys)]
    ticks = [*before, *[Tick("A", 1.5, NOON - behind, 1)] * 8]
    table = new_table("1m", 5 * MINUTE, aggregate=aggregate)
    with drive(table, [*map(raw_tick, count(), ticks)]) as driver:
        driver.fold(keys)
        aggregate.calls = 0
        driver.fold_rest()
        assert aggregate.calls == at_once


def test_only_the_record_that_raises_is_a_dead_letter(new_table: NewTable, drive: Drive) -> None:
    """It moves no stream time; the other records of its key and pane count."""
    raw = _ticks([1.5, 1.5, 2.0, 1.5, 3.0, 1.5, 1.5, 4.0], step=20_000)
    table = new_table("1m", 0, aggregate=RejectsWholePrices())
    with drive(table, raw) as driver:
        driver.fold_rest()
        assert driver.state.meta.stream_time == NOON + 6 * 20_000
        driver.settle()
        assert [e.offset for e in driver.written(DEAD_LETTERS, DeadLetter)] == [2, 4, 7]
        at_once = driver.written(CANDLES, dict)
    with drive(table, raw) as driver:
        for _ in raw:
            driver.fold(1)
        driver.settle()
        assert driver.written(CANDLES, dict) == at_once


@pytest.mark.parametrize(("by", "counts"), [(-1, [2]), (0, [1, 1]), (1, [1, 1])])
def test_a_record_at_the_end_of_a_window_is_in_the_next_one(
    new_table: NewTable, drive: Drive, by: int, counts: list[int]
) -> None:
    """Also where it is the only one of its batch that is not in the first window."""
    ticks = [Tick("A", 1.5, time, 1) for time in (NOON, NOON + MINUTE + by)]
    with drive(new_table("1m", 0), [*map(raw_tick, count(), ticks)]) as driver:
        driver.settle()
        found = {each.start: each.count for each in driver.written(CANDLES, Candle)}
        assert list(found.values()) == counts


@pytest.mark.parametrize(("by", "late"), [(-1, 1), (0, 0), (1, 0)])
def test_a_late_record_is_rejected_though_its_batch_ends_ahead_of_stream_time(
    new_table: NewTable, drive: Drive, by: int, late: int
) -> None:
    """The batch is in time order, and only its first record is behind."""
    times = [NOON, NOON + by, *[NOON + MINUTE] * 8]
    ticks = [Tick("A", 1.5, time, 1) for time in times]
    with drive(new_table("1m", 0), [*map(raw_tick, count(), ticks)]) as driver:
        driver.fold(1)
        driver.settle()
        assert [each.time for each in driver.written(TICKS_LATE, LateTick)] == [NOON - 1] * late


@pytest.mark.parametrize(("by", "late"), [(-1, 1), (0, 0), (1, 0)])
def test_a_record_moves_stream_time_though_all_after_it_raise(
    new_table: NewTable, drive: Drive, by: int, late: int
) -> None:
    """Older records are late from then on."""
    raw = _ticks([1.5, *[2.0] * 7, 1.5], step=0)
    raw[-1] = raw_tick(8, Tick("A", 1.5, NOON + by, 1))
    with drive(new_table("1m", 0, aggregate=RejectsWholePrices()), raw) as driver:
        driver.fold(8)
        driver.settle()
        dead = [each.offset for each in driver.written(DEAD_LETTERS, DeadLetter)]
        assert sorted(dead) == [*range(1, 8)]
        assert len(driver.written(TICKS_LATE, LateTick)) == late


def test_candles_of_calendar_days_count_each_record_of_a_batch(
    application: TickApp, drive: Drive, implementation: str
) -> None:
    """Days differ in length, so no batch is cut by a length."""
    table = WindowTable(
        application,
        name=f"days-{implementation}",
        source=TICKS,
        windows="day Europe/Berlin",
        aggregate=Ohlc(),
        record=candle,
        grace=0,
        retention="2d",
        help="candles of days",
    )
    table.publish(CANDLES)
    with drive(table, _ticks([1.5] * 12, step=1_000)) as driver:
        driver.settle()
        assert [each.count for each in driver.written(CANDLES, Candle)] == [6, 6]


def test_a_pane_whose_records_all_raise_does_not_exist(new_table: NewTable, drive: Drive) -> None:
    """No window is published without records."""
    table = new_table("1m", MINUTE, aggregate=RejectsWholePrices())
    with drive(table, _ticks([2.0, 2.0], step=10)) as driver:
        driver.settle()
        assert not driver.written(CANDLES, dict)
        assert not driver.state.all_keys()


def _ticks(prices: Sequence[float], step: int) -> list[Raw]:
    """Return ticks of two symbols in turn, `step` ms apart."""
    return [
        raw_tick(n, Tick("AB"[n % 2], price, NOON + n * step, 1)) for n, price in enumerate(prices)
    ]
