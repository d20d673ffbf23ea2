"""The largest rows and records that are written, and what happens to larger ones."""

from typing import Any

import pytest
from partition_driver import Drive, NewTable, PartitionDriver
from prometheus_client import REGISTRY
from raw_records import NOON, Raw, raw_tick

from app.market.records import Tick
from app.market.topics import CANDLES
from eventfold.aggregates import Ohlc
from eventfold.engine.errors import TaskError, UnwritableError
from eventfold.engine.rows import META
from eventfold.engine.unwritable import Careful
from eventfold.records import DeadLetter
from eventfold.records.candles import Candle
from eventfold.topics import DEAD_LETTERS

pytestmark = pytest.mark.usefixtures("implementation")


def ticks(count: int = 1) -> list[Raw]:
    """Return ticks, ten seconds apart."""
    return [raw_tick(n, Tick("A", 1.5 + n, NOON + 10_000 * n, 1)) for n in range(count)]


@pytest.fixture
def driver(new_table: NewTable, drive: Drive) -> PartitionDriver:
    """Return a partition that has folded one tick."""
    return drive(new_table("1m", 0), ticks())


@pytest.mark.parametrize(("room", "taken"), [(1, True), (0, True), (-1, False)])
def test_a_row_may_be_as_large_as_a_record(
    driver: PartitionDriver, room: int, *, taken: bool
) -> None:
    """With its key; the error of a larger one names the table and the batch to fold again."""
    with driver:
        driver.fold_rest()
        rows = driver.snapshot(publish=False).rows
        largest = max(len(row) + len(value or b"") for row, value in rows if row != META)
        driver.crash()
        driver.state.outputs.largest = largest + room
        driver.fold_rest()
        if taken:
            assert len(driver.snapshot(publish=False).rows) == len(rows)
            return
        with pytest.raises(UnwritableError) as caught:
            driver.snapshot(publish=False)
        error = caught.value
        assert (error.table, error.begin, error.end) == (driver.table.name, 0, 1)
        assert error.offset is None
        assert f"the row of key b'A' would have {largest:,} bytes" in str(error)


@pytest.mark.parametrize(("room", "taken"), [(1, True), (0, True), (-1, False)])
def test_a_result_may_be_as_large_as_a_record(
    new_table: NewTable, drive: Drive, room: int, *, taken: bool
) -> None:
    """With its key; the dead letter of a larger one keeps a quarter of the limit."""
    value = b'"%s"' % (b"x" * 3_998)
    with drive(new_table("1m", 0, record=_wide), ticks()) as driver:
        driver.state.outputs.largest = len(b"A") + len(value) + room
        driver.settle()
        assert driver.written(CANDLES, str) == ["x" * 3_998] * taken
        letters = driver.written(DEAD_LETTERS, DeadLetter)
        assert len(letters) == (not taken)
        for letter in letters:
            assert letter.value == value[:1_000]
            assert (letter.offset, letter.key, letter.stage) == (0, "A", driver.table.name)
            assert letter.error.startswith("TooLargeError: a record for candles (b'A') would have")


def _wide(_: Any) -> str:
    return "x" * 3_998


def test_the_dead_letter_of_a_result_that_cannot_be_encoded_has_no_value(
    new_table: NewTable, drive: Drive
) -> None:
    """Such as lists nested too deeply; the worker goes on."""

    def much(_: Any) -> Any:
        nested: list[Any] = []
        for _ in range(100_000):
            nested = [nested]
        return nested

    with drive(new_table("1m", 0, record=much), ticks()) as driver:
        driver.settle()
        (letter,) = driver.written(DEAD_LETTERS, DeadLetter)
        assert letter.value is None
        assert letter.error.startswith("RecursionError")


def test_an_aggregate_that_fails_to_merge_is_reported_with_its_window(
    new_table: NewTable, drive: Drive
) -> None:
    """It would fail again and again, so the worker stops."""

    class Broken(Ohlc):
        """Candles that can't be merged."""

        merge_runs = None

        def merge(self, *_: Any) -> Any:
            raise ZeroDivisionError("no merge")

    raw = [raw_tick(n, Tick("A", 1.5, NOON + 60_000 * n, 1)) for n in range(2)]
    words = "publishing window 5m/1m of key 'A' of partition 0 raised ZeroDivisionError"
    with drive(new_table("5m/1m", 0, aggregate=Broken()), raw) as driver:
        driver.fold_rest()
        with pytest.raises(TaskError, match=words):
            driver.snapshot()


class RejectsEveryThird(Ohlc):
    """Candle aggregate that raises for every third record."""

    def add(self, state: Any, record: Any, time: int, offset: int) -> None:
        """Raise ValueError for every third record, else fold."""
        if offset % 3 == 1:
            raise ValueError("a third")
        super().add(state, record, time, offset)

    add_all = None


@pytest.mark.parametrize("until", [0, 1, 4, 5, 8, 9, 100])
@pytest.mark.parametrize("batch", [2, 8])
def test_records_that_are_folded_one_by_one_make_the_same_windows(
    new_table: NewTable, drive: Drive, until: int, batch: int
) -> None:
    """One by one up to an offset, then in batches; records that raise are dead letters."""
    found = []
    for careful in (False, True):
        with drive(new_table("1m", 30_000, aggregate=RejectsEveryThird()), ticks(8)) as driver:
            if careful:
                driver.state._careful = Careful()
                driver.state._careful.until = until
            for _ in range(0, 8, batch):
                driver.fold(batch)
            driver.settle()
            letters = [each.offset for each in driver.written(DEAD_LETTERS, DeadLetter)]
            assert letters == [1, 4, 7]
            rows = [value for row, value in dict(driver.changelog[:-1]).items() if row != META]
            found.append((driver.written(CANDLES, Candle), rows, driver.state.meta))
            driver.crash(store="lost")
            assert driver.state.position == 8
    assert found[0] == found[1]


def test_a_batch_of_known_records_is_not_counted(new_table: NewTable, drive: Drive) -> None:
    """Neither as a batch nor as records."""
    with drive(new_table("1m", 0), ticks(4)) as driver:
        labels = {"table": driver.table.name, "partition": "0"}
        names = "eventfold_batches_total", "eventfold_records_total"

        def counted() -> list[float]:
            return [REGISTRY.get_sample_value(name, labels) or 0 for name in names]

        before = counted()
        driver.fold(3)
        driver.state._careful = Careful()
        driver.fold(0, again=2)
        assert counted() == [before[0] + 1, before[1] + 3]
        driver.fold(1, again=2)
        assert counted() == [before[0] + 2, before[1] + 4]


def test_a_record_that_is_left_out_is_a_dead_letter_with_the_reason(
    new_table: NewTable, drive: Drive
) -> None:
    """The records before and after it count."""
    with drive(new_table("1m", 0), ticks(3)) as driver:
        table = driver.table.name
        driver.state._careful = careful = Careful()
        careful.note(UnwritableError(table, "too large", 0, 3, 1))
        driver.settle()
        (letter,) = driver.written(DEAD_LETTERS, DeadLetter)
        assert (letter.offset, letter.error) == (1, "ValueError: too large")
        assert driver.written(CANDLES, Candle)[-1].count == 2
