"""A partition is restored from its changelog, from the offset that its store reached."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from changelog_broker import Broker, Consumer
from partition_driver import NewTable

from app.settings import Settings
from eventfold.engine import changelog, replica, restore
from eventfold.engine.errors import OtherHistoryError
from eventfold.engine.progress import Progress
from eventfold.engine.replica import OWN
from eventfold.engine.rows import row_key
from eventfold.engine.store import Store
from eventfold.engine.window_table import WindowTable
from eventfold.topics import TOMBSTONES_KEPT

NOW = 1_767_225_600_000


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Return a clock that the test sets (ms)."""
    clock = SimpleNamespace(now=NOW)
    for module in replica, changelog:
        monkeypatch.setattr(module, "now_ms", lambda: clock.now)
    return clock


@pytest.fixture
def table(new_table: NewTable) -> WindowTable:
    """Return a table."""
    return new_table("1m", 0)


async def restored(broker: Broker, path: Path, table: WindowTable) -> tuple[list[int], Progress]:
    """Restore the store at `path`; return the starts of its rows, and the progress."""
    progress = Progress(table.name, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changelog, "AIOKafkaConsumer", partial(Consumer, broker))
        store = await restore.restore(path, table, 0, Settings(), progress)
    assert store.offset == broker.end
    starts = list(store.starts())
    store.close()
    return starts, progress


def stored(path: Path, offset: int, *, current: int = NOW, identity: str = f"{OWN}x") -> None:
    """Write a store that has reached an offset, with a row that no changelog has."""
    store = Store(path)
    store.write([(row_key(b"A", 999), b"")], offset, timed=True, current=current)
    store.history = identity
    store.close()


@pytest.mark.parametrize("first", [0, 1])
async def test_all_rows_of_several_fetches_are_restored(
    tmp_path: Path, table: WindowTable, first: int
) -> None:
    """From the first row that is left to the marker after the last, which is no row."""
    broker = Broker(8, first=first)
    starts, progress = await restored(broker, tmp_path / "store", table)
    assert starts == list(range(first, 8))
    assert broker.sought == [first]
    assert (progress.begin, progress.position, progress.end) == (first, 10, 10)
    assert (progress.rows, progress.percent) == (9 - first, 100)


async def test_a_closed_store_is_restored_from_the_offset_it_reached(
    tmp_path: Path, table: WindowTable
) -> None:
    """One record earlier: without topic ids the meta row identifies the changelog."""
    broker = Broker(8)
    stored(tmp_path / "store", 6)
    starts, progress = await restored(broker, tmp_path / "store", table)
    assert starts == [5, 6, 7, 999]
    assert broker.sought == [5]
    assert progress.rows == 4


async def test_a_store_of_another_changelog_is_restored_from_the_first_record(
    tmp_path: Path, table: WindowTable
) -> None:
    """As soon as a meta row shows it; its former rows are deleted."""
    broker = Broker(8)
    stored(tmp_path / "store", 6, identity=f"{OWN}y")
    starts, progress = await restored(broker, tmp_path / "store", table)
    assert starts == list(range(8))
    assert broker.sought == [5, 0]
    assert (progress.begin, progress.percent) == (0, 100)


@pytest.mark.parametrize(
    ("kept", "passed", "again"),
    [
        ("60000", 30_000, False),
        ("60000", 30_001, True),
        (None, TOMBSTONES_KEPT // 2, False),
        (None, TOMBSTONES_KEPT // 2 + 1, True),
    ],
)
async def test_a_store_older_than_half_the_tombstone_retention_is_rebuilt(
    tmp_path: Path,
    table: WindowTable,
    clock: SimpleNamespace,
    kept: str | None,
    passed: int,
    *,
    again: bool,
) -> None:
    """By the topic's configuration, or by our own setting if reading it is not permitted."""
    broker = Broker(8)
    broker.kept = kept
    stored(tmp_path / "store", 6, current=NOW)
    clock.now += passed
    starts, _ = await restored(broker, tmp_path / "store", table)
    assert (999 in starts) is not again
    assert broker.sought == ([5, 0] if again else [5])


async def test_a_store_ahead_of_its_changelog_is_rejected(
    tmp_path: Path, table: WindowTable
) -> None:
    """It is closed, and can be inspected."""
    stored(tmp_path / "store", 11)
    with pytest.raises(OtherHistoryError, match="ends at offset 10"):
        await restored(Broker(8), tmp_path / "store", table)
    Store(tmp_path / "store").close()


async def test_an_interrupted_restore_closes_its_store(
    tmp_path: Path, table: WindowTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next restore continues with the rows that were read."""

    async def position(*_: Any) -> int:
        raise ConnectionError

    broker = Broker(8)
    with monkeypatch.context() as patch:
        patch.setattr(Consumer, "position", position)
        with pytest.raises(ConnectionError):
            await restored(broker, tmp_path / "store", table)
    starts, _ = await restored(broker, tmp_path / "store", table)
    assert starts == list(range(8))


async def test_an_empty_changelog_makes_an_empty_store(tmp_path: Path, table: WindowTable) -> None:
    """Nothing is fetched."""
    broker = Broker(0)
    broker.records, broker.end = [], 0
    starts, progress = await restored(broker, tmp_path / "store", table)
    assert (starts, progress.rows) == ([], 0)
