"""Results that are too many for one checkpoint are published by several, each once."""

from collections import Counter
from typing import Literal

import pytest
from candle_truth import truth
from hypothesis import given, settings
from partition_driver import Drive, NewTable, PartitionDriver
from plans import MINUTE, run_plan
from raw_records import NOON, Raw, raw_tick
from window_checks import (
    SCENARIOS,
    Scenario,
    assert_answers,
    assert_late_and_dead_letters,
    assert_published,
    declare_table,
)

from app.market.records import LateTick, Tick
from app.market.topics import CANDLES, TICKS_LATE
from eventfold.engine import pane_windows, partition, portion
from eventfold.engine.partition import Snapshot
from eventfold.records.candles import Candle
from eventfold.windows import on_close

pytestmark = pytest.mark.usefixtures("implementation")

HOUR = 60 * MINUTE

KEYS = 20_000

#: By how many results of one key and pane a portion may exceed its limit.
LEEWAY = 8


@pytest.fixture(autouse=True)
def small_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit checkpoints to a few results."""
    monkeypatch.setattr(portion, "RESULTS", 3)
    monkeypatch.setattr(pane_windows, "SLICE", 2)


def results_of(snapshot: Snapshot) -> int:
    """Return how many windows a checkpoint published."""
    return sum(
        len(out) for (topic, _), out in snapshot.outputs.items() if topic == CANDLES.base_name
    )


def assert_each_once(driver: PartitionDriver) -> None:
    """Check that no result is published twice: each revision of a window is there once."""
    found = Counter(
        (c.symbol, c.size, c.advance, c.start, c.revision) for c in driver.written(CANDLES, Candle)
    )
    assert set(found.values()) <= {1}


@settings(max_examples=60)
@given(SCENARIOS)
def test_each_window_is_published_once_and_correctly_after_any_crash(
    new_table: NewTable, drive: Drive, scenario: Scenario
) -> None:
    """Including crashes between the portions of one instant, and of changes."""
    table = declare_table(new_table, scenario.definition)
    with drive(table, scenario.raw) as driver:
        run_plan(driver, scenario.plan)
        facts = truth(scenario.raw, table.grace)
        assert_published(driver, facts)
        assert_late_and_dead_letters(driver, facts)
        assert_answers(driver)
        assert_each_once(driver)


def one_instant(keys: int) -> list[Raw]:
    """Return a tick of each of many symbols in one minute, and one that makes them final."""
    drawn = [Tick(f"S{n:05}", 1.0 + n % 7, NOON + n % MINUTE) for n in range(keys)]
    drawn.append(Tick("LAST", 1.0, NOON + 6 * MINUTE))
    return [raw_tick(n, tick) for n, tick in enumerate(drawn)]


@pytest.mark.parametrize("emit", [None, on_close()], ids=["changes", "on close"])
@pytest.mark.parametrize("windows", ["1m", "1m,2m/1m"])
def test_many_keys_of_one_instant_are_published_in_several_transactions(
    new_table: NewTable,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
    windows: str,
    emit: object,
) -> None:
    """None exceeds the limit; after crashes in between, each final is there once."""
    limit = 4_000
    monkeypatch.setattr(portion, "RESULTS", limit)
    monkeypatch.setattr(pane_windows, "SLICE", limit)
    table = new_table(windows, MINUTE, HOUR, emit=emit)
    with drive(table, one_instant(KEYS)) as driver:
        driver.fold_rest()
        while driver.state.dirty or driver.state.behind or driver.state.unpublished:
            # Finals and changes are a portion each.
            assert results_of(driver.checkpoint()) <= 2 * (limit + LEEWAY)
            if len(driver.snapshots) % 3 == 0:
                driver.crash("lost" if len(driver.snapshots) % 2 else "kept")
            if len(driver.snapshots) % 4 == 0:
                driver.commit(driver.snapshot(), stored=False)
                driver.crash()
        assert len(driver.snapshots) >= KEYS // limit
        finals = Counter(
            (candle.symbol, candle.size, candle.advance, candle.start)
            for candle in driver.written(CANDLES, Candle)
            if candle.final
        )
        assert set(finals.values()) == {1}
        assert len({symbol for symbol, *_ in finals}) == KEYS
        assert_each_once(driver)


@pytest.mark.parametrize(("keys", "published"), [(2, [2]), (3, [3]), (4, [3, 1])])
def test_changes_of_open_windows_beyond_a_portion_are_left_to_the_next_transaction(
    new_table: NewTable, drive: Drive, keys: int, published: list[int]
) -> None:
    """Three of one minute fit; those that changed longest ago are published first."""
    raw = one_instant(keys)[:keys]
    with drive(new_table("1m", MINUTE, HOUR), raw) as driver:
        driver.fold_rest()
        for number, results in enumerate(published, start=1):
            assert results_of(driver.checkpoint()) == results
            assert driver.state.behind is (number < len(published))
        symbols = [candle.symbol for candle in driver.written(CANDLES, Candle)]
        assert symbols == [f"S{n:05}" for n in range(keys)]


def test_windows_published_on_close_leave_nothing_to_publish_while_they_are_open(
    new_table: NewTable, drive: Drive
) -> None:
    """However many have changed: the next transaction is not due at once."""
    with drive(new_table("1m", MINUTE, HOUR, emit=on_close()), one_instant(9)[:9]) as driver:
        driver.fold_rest()
        assert results_of(driver.checkpoint()) == 0
        assert not driver.state.behind
        assert not driver.state.unpublished


@pytest.mark.parametrize("store", ["kept", "lost"])
def test_a_portion_is_bounded_in_bytes_too(
    new_table: NewTable,
    drive: Drive,
    monkeypatch: pytest.MonkeyPatch,
    store: Literal["kept", "lost"],
) -> None:
    """A few large results count as much as many small ones."""
    monkeypatch.setattr(portion, "RESULTS", 1_000_000)
    monkeypatch.setattr(portion, "BYTES", 100_000)
    monkeypatch.setattr(pane_windows, "SLICE", 1_000_000)

    class Large(Candle):
        """A large candle."""

        text: str = "x" * 10_000

    def large(result: object) -> Large:
        candle = declared_record(result)
        return Large(*(getattr(candle, name) for name in Candle.__struct_fields__))

    table = new_table("1m", MINUTE, HOUR)
    declared_record = table.record
    monkeypatch.setattr(table, "publications", [])
    table.publish(CANDLES, large)
    with drive(table, one_instant(200)) as driver:
        driver.fold_rest()
        while driver.state.dirty or driver.state.behind or driver.state.unpublished:
            snapshot = driver.checkpoint()
            size = sum(
                len(value or b"") for out in snapshot.outputs.values() for _, value, _ in out
            )
            if len(driver.snapshots) > 1:
                assert size <= 2 * 111_000
            driver.crash(store)
        finals = [candle.symbol for candle in driver.written(CANDLES, Candle) if candle.final]
        assert len(finals) == len(set(finals)) == 200


def test_many_rows_of_one_instant_are_deleted_in_several_transactions(
    new_table: NewTable, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None exceeds the limit, with late counts too; queries see none of the rows meanwhile."""
    limit, keys = 700, 3_000
    monkeypatch.setattr(portion, "RESULTS", 100_000)
    monkeypatch.setattr(pane_windows, "SLICE", 100_000)
    monkeypatch.setattr(partition, "EXPIRE_SLICE", limit)
    monkeypatch.setattr("eventfold.engine.window_state.EXPIRE_SLICE", limit)
    table = new_table("1m", MINUTE, HOUR)
    raw = one_instant(keys)
    late = [Tick(f"S{n:05}", 1.0, NOON) for n in range(keys // 2)]
    raw += [raw_tick(len(raw) + n, tick) for n, tick in enumerate(late)]
    raw.append(raw_tick(len(raw), Tick("LAST", 1.0, NOON + 50 * HOUR)))
    with drive(table, raw) as driver:
        driver.fold(len(raw) - 1)
        driver.checkpoint()
        assert driver.stored_rows() == keys + 1
        driver.fold(1)
        for number in range(2 * keys // limit + 2):
            deleted = [row for row, value in driver.checkpoint().rows if value is None]
            assert len(deleted) <= 2 * limit
            assert driver.state.read(b"S02999", table.windows[0], 0, 1 << 62) == []
            if number % 3 == 0:
                driver.crash("kept" if number % 2 else "lost")
        assert driver.stored_rows() == 1
        assert driver.state.late_of(b"S00999") == 0
        assert list(driver.state.store.keys_between(1 << 62, (1 << 63) - 1)) == []


def test_no_record_enters_the_windows_of_an_instant_published_in_part(
    new_table: NewTable, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of no key, also after a restart with a larger grace: they are final for all keys."""
    monkeypatch.setattr(portion, "RESULTS", 10)
    monkeypatch.setattr(pane_windows, "SLICE", 10)
    raw = one_instant(100)
    raw.append(raw_tick(len(raw), Tick("S00000", 7.0, NOON)))
    raw.append(raw_tick(len(raw), Tick("S00099", 7.0, NOON)))
    with drive(new_table("1m", MINUTE, HOUR, emit=on_close()), raw) as driver:
        driver.fold(len(raw) - 2)
        driver.checkpoint()
        assert len(driver.written(CANDLES, Candle)) == 10
        driver.table = new_table("1m", 30 * MINUTE, HOUR, emit=on_close())
        driver.crash()
        driver.settle()
        candles = driver.written(CANDLES, Candle)
        assert [candle.symbol for candle in candles] == [f"S{n:05}" for n in range(100)]
        assert {candle.count for candle in candles} == {1}
        assert [late.symbol for late in driver.written(TICKS_LATE, LateTick)] == [
            "S00000",
            "S00099",
        ]
