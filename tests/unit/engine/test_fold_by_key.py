"""Batches in which no record is behind another are folded key by key: nothing shows of it."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from candle_truth import truth
from hypothesis import given, settings
from partition_driver import Drive, NewTable
from plans import MINUTE, live
from raw_records import NOON, Raw, raw_tick
from window_checks import (
    LIVES_IN_ORDER,
    Life,
    assert_answers,
    assert_published,
    assert_refused,
    declared,
)

from app.market.records import Tick
from app.market.topics import CANDLES
from eventfold.aggregates import Ohlc, OhlcState
from eventfold.engine import pane_folding
from eventfold.records import DeadLetter
from eventfold.records.candles import Candle
from eventfold.topics import DEAD_LETTERS

pytestmark = pytest.mark.usefixtures("twin")


@pytest.fixture(autouse=True)
def any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold by key also where keys don't recur."""
    monkeypatch.setattr(pane_folding, "RECURRING", 0)


class Choosy(Ohlc):
    """Candles of trades at certain prices; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def add(self, state: OhlcState, record: Any, time: int, offset: int) -> None:
        """Raise ValueError for a whole price, else fold."""
        _demand_broken(record)
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
            _demand_broken(records[index])
        self.calls += 1
        super().add_all(state, records, times, offsets, indexes)


def _demand_broken(record: Any) -> None:
    if record.price == int(record.price):
        raise ValueError(f"a price of {record.price}")


@settings(max_examples=60)
@given(LIVES_IN_ORDER)
def test_each_window_is_the_fold_of_what_was_accepted(
    new_table: NewTable, drive: Drive, life: Life
) -> None:
    """With crashes, batches that begin with known records, gaps, unreadable records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pane_folding, "RECURRING", 0)
        table = declared(new_table, life.definition)
        with drive(table, life.raw) as driver:
            live(driver, life.plan)
            facts = truth(life.raw, table.grace)
            assert_published(driver, facts)
            assert_refused(driver, facts)
            assert_answers(driver)


@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_records_that_come_again_count_once(new_table: NewTable, drive: Drive, known: int) -> None:
    """A batch may begin with some that are in already, of the very time that stream time has."""
    table = new_table("1m", 0)
    with drive(table, _ticks([1.5] * 12, step=0)) as driver:
        driver.fold(4)
        driver.fold(8, again=known)
        driver.settle()
        assert [c.count for c in driver.written(CANDLES, Candle)] == [6, 6]


def test_a_key_and_pane_takes_one_call(new_table: NewTable, drive: Drive) -> None:
    """That is what it is for."""
    choosy = Choosy()
    table = new_table("1m", 0, aggregate=choosy)
    with drive(table, _ticks([1.5] * 240, step=1_000)) as driver:
        driver.fold_rest()
        assert choosy.calls == 2 * 4


@pytest.mark.parametrize(
    ("records", "keys", "apart", "at_once"),
    [
        (4, 1, 0, False),
        (5, 1, 0, True),
        (9, 2, 0, False),
        (10, 2, 0, True),
        # A minute from the first to the last: of two panes.
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
    """Five times in each pane on average: else it costs more than it saves."""
    monkeypatch.setattr(pane_folding, "RECURRING", 5)
    choosy = Choosy()
    ticks = [Tick("ABC"[n % keys], 1.5, NOON + n * apart, 1) for n in range(records)]
    with drive(new_table("1m", 0, aggregate=choosy), [*map(raw_tick, count(), ticks)]) as driver:
        driver.fold_rest()
        panes = {(tick.symbol, tick.time // MINUTE) for tick in ticks}
        assert choosy.calls == (len(panes) if at_once else records)


@pytest.mark.parametrize(("behind", "keys", "at_once"), [(0, 8, 1), (1, 8, 8), (0, 9, 8)])
def test_records_are_folded_one_by_one_where_they_may_be_late_or_keys_are_many(
    new_table: NewTable, drive: Drive, behind: int, keys: int, at_once: int
) -> None:
    """By the first of a batch, and by the keys that are in memory already."""
    choosy = Choosy()
    before = [Tick("ABCDEFGHI"[n], 1.5, NOON, 1) for n in range(keys)]
    ticks = [*before, *[Tick("A", 1.5, NOON - behind, 1)] * 8]
    table = new_table("1m", 5 * MINUTE, aggregate=choosy)
    with drive(table, [*map(raw_tick, count(), ticks)]) as driver:
        driver.fold(keys)
        choosy.calls = 0
        driver.fold_rest()
        assert choosy.calls == at_once


def test_a_record_that_cannot_be_folded_is_a_dead_letter_and_no_other(
    new_table: NewTable, drive: Drive
) -> None:
    """It moves no clock, and those of its key and pane count."""
    raw = _ticks([1.5, 1.5, 2.0, 1.5, 3.0, 1.5, 1.5, 4.0], step=20_000)
    table = new_table("1m", 0, aggregate=Choosy())
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


def test_a_pane_of_refused_records_only_does_not_exist(new_table: NewTable, drive: Drive) -> None:
    """No window of a minute is published without records."""
    table = new_table("1m", MINUTE, aggregate=Choosy())
    with drive(table, _ticks([2.0, 2.0], step=10)) as driver:
        driver.settle()
        assert not driver.written(CANDLES, dict)
        assert not driver.state.all_keys()


def _ticks(prices: Sequence[float], step: int) -> list[Raw]:
    """Return ticks of two symbols in turn, `step` ms apart."""
    return [
        raw_tick(n, Tick("AB"[n % 2], price, NOON + n * step, 1)) for n, price in enumerate(prices)
    ]
