"""A whole table is read while it is folded; a partition that closes meanwhile is reported."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from random import Random

import pytest
from collected_events import Definition, declare_table
from partition_driver import Drive, PartitionDriver
from plans import MINUTE
from raw_records import NOON, raw_tick

from app.market.records import Tick
from app.worker import TickApp
from eventfold.engine import store
from eventfold.engine.errors import ClosedMeanwhileError
from eventfold.engine.store import Store
from eventfold.engine.window_table import WindowTable, place_of

#: More keys than one piece of a partition's scan.
KEYS = [f"K{number:02}" for number in range(40)]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PIECE", 3)


@pytest.fixture(params=["1m", "session 1m", "count 2/1"])
def table(request: pytest.FixtureRequest, application: TickApp) -> WindowTable:
    """Return a table of each window definition."""
    return declare_table(application, Definition(request.param, 0, 24 * 60 * MINUTE))


@pytest.fixture
def partition(table: WindowTable, drive: Drive) -> Iterator[PartitionDriver]:
    """Open a partition in which each key has a window in the store."""
    ticks = [raw_tick(n, Tick(key, 1.0, NOON)) for n, key in enumerate(KEYS)]
    with drive(table, ticks) as driver, ExitStack() as ending:
        driver.fold_rest()
        driver.settle()
        table.open(driver.state)
        ending.callback(table.close, driver.state)
        yield driver


@pytest.mark.parametrize("end", [NOON + MINUTE, 1 << 52])
def test_a_scan_returns_each_key_while_records_are_folded_and_stored(
    table: WindowTable, partition: PartitionDriver, end: int
) -> None:
    """Windows are in order of time, as they are when they are read."""
    dice = Random(7)
    (window,) = table.windows
    found = []
    for key in table.keys_of(window, NOON, end):
        found.append(key)
        fresh = raw_tick(len(partition.raw), Tick(dice.choice([*KEYS, "new"]), 2.0, NOON + 1))
        partition.raw = [*partition.raw, fresh]
        dice.choice([partition.fold_rest, partition.settle])()
    assert set(KEYS) <= set(found) <= {*KEYS, "new"}
    windows = list(table.windows_of(set(found), window, NOON, end))
    assert [place_of(each) for each in windows] == sorted(map(place_of, windows))
    assert {each.key for each in windows} >= set(KEYS)


def test_a_reader_gets_an_error_if_a_partition_closes_meanwhile(
    table: WindowTable, partition: PartitionDriver
) -> None:
    """Half-way or before the first key; the reader does not keep the store locked."""
    (window,) = table.windows
    keys = table.keys_of(window, NOON, 1 << 52)

    def close_amid_the_keys() -> None:
        next(keys)
        table.close(partition.state)
        partition.state.store.close()
        Store(partition.path).close()
        list(keys)

    for close in (lambda: table.close(partition.state), close_amid_the_keys):
        table.open(partition.state)
        with pytest.raises(ClosedMeanwhileError), table.kept_open():
            close()
    with table.kept_open():
        table.open(partition.state)


async def test_states_substituted_by_one_reader_are_invisible_to_others(
    table: WindowTable, partition: PartitionDriver
) -> None:
    """Such as a standby's; folding and other readers use the open partitions."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def read() -> list[str]:
        with table.reading([]):
            begun.set()
            await over.wait()
            return table.keys()

    reader = asyncio.create_task(read())
    await begun.wait()
    assert table.keys() == KEYS
    assert table.partitions == [partition.state.partition]
    over.set()
    assert await reader == []
