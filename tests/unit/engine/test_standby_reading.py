"""Reads of a standby's store follow its changelog."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from partition_driver import Drive, NewTable
from plans import MINUTE
from raw_records import NOON, raw_tick

from app.market.records import Tick
from eventfold.engine.standby import StandbyReader
from eventfold.engine.store import Store
from eventfold.windows import Window


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Open the store of a standby."""
    store = Store(tmp_path / "standby")
    yield store
    store.close()


def test_a_standby_answers_with_the_rows_it_has_read(
    new_table: NewTable, drive: Drive, store: Store
) -> None:
    """Its state is kept between two queries, but not after it has read more rows."""
    table, window, reader = new_table("1m", 0), Window(MINUTE, MINUTE), StandbyReader()
    raw = [raw_tick(n, Tick("A", 1.0, NOON)) for n in range(3)]
    counts, states = [], []
    with drive(table, raw) as driver:
        for _ in raw:
            driver.fold(1)
            begin = len(driver.changelog)
            driver.checkpoint()
            rows = [entry for entry in driver.changelog[begin:] if entry is not None]
            store.write(rows, len(driver.changelog), timed=True)
            for _ in range(2):
                state = reader.state(table, 0, store)
                assert state is not None
                states.append(state)
                counts.append([each.count for each in state.read(b"A", window, 0, 1 << 62)])
    assert counts == [[1], [1], [2], [2], [3], [3]]
    assert [one is other for one, other in pairwise(states)] == [
        True,
        False,
        True,
        False,
        True,
    ]


def test_the_state_of_a_standby_with_a_rebuilt_store_is_loaded_again(
    new_table: NewTable, tmp_path: Path, store: Store
) -> None:
    """Even if it reached the same offset; after `forget` too."""
    table, reader = new_table("1m", 0), StandbyReader()
    other = Store(tmp_path / "other")
    first = reader.state(table, 0, store)
    assert reader.state(table, 0, other) is not first
    other.close()
    again = reader.state(table, 0, store)
    reader.forget(table.name, 0)
    assert reader.state(table, 0, store) is not again
