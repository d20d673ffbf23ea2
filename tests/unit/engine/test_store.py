"""The ordered store keeps its rows in order, also when it is closed and opened again."""

import itertools
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rocksdict import DbClosedError

from eventfold.engine.rows import META, OPEN, prefix, row_key, split_row_key
from eventfold.engine.store import DamagedStoreError, Store, StoreError, StoreInUseError, wipe

#: Keys that are prefixes of each other, empty, binary, and as long as the meta row's would be.
KEYS = st.sampled_from([b"", b"A", b"AB", b"B", b"\x00", b"\xff\xff", b"__meta__", b"m" * 0x5F5F])
STARTS = st.integers(0, 4) | st.sampled_from([10**12, 2**62])
ROWS = st.builds(row_key, KEYS, STARTS)
WRITES = st.lists(
    st.lists(st.tuples(ROWS | st.just(META), st.none() | st.binary(max_size=3)), max_size=8),
    max_size=4,
)


@pytest.fixture(scope="module")
def new_path(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Return a function that returns the path of another store."""
    directory, names = tmp_path_factory.mktemp("stores"), itertools.count()
    return lambda: directory / str(next(names))


@settings(max_examples=40)
@given(WRITES, st.lists(st.tuples(ROWS, ROWS, STARTS, STARTS), min_size=1, max_size=5))
def test_a_store_is_a_persistent_ordered_dictionary(
    new_path: Callable[[], Path],
    writes: list[list[tuple[bytes, bytes | None]]],
    questions: list[tuple[bytes, bytes, int, int]],
) -> None:
    """By key and start, by start alone, and by key alone; a value of None deletes."""
    store = Store(path := new_path())
    rows: dict[bytes, bytes] = {}
    for offset, batch in enumerate(writes, start=1):
        store.write(batch, 10 * offset, timed=True)
        for row, value in batch:
            rows.pop(row, None)
            if value is not None:
                rows[row] = value
    store.close()
    store = Store(path)
    assert store.offset == 10 * len(writes)
    meta = rows.pop(META, None)
    assert store.get(META) == meta
    by_time = sorted(rows, key=lambda row: (row[-8:], row))
    for first, second, begin, end in questions:
        assert store.get(first) == rows.get(first)
        assert [item for item in store.scan(first, second) if item[0] != META] == sorted(
            item for item in rows.items() if first <= item[0] < second
        )
        assert list(store.keys_between(begin, end)) == [
            row for row in by_time if begin <= split_row_key(row)[1] < end
        ]
        key = split_row_key(first)[0]
        before = [item for item in rows.items() if item[0] < first]
        before = [item for item in before if item[0].startswith(prefix(key))]
        assert store.last_before(prefix(key), first) == max(before, default=None)
    assert list(store.starts()) == sorted({split_row_key(row)[1] for row in rows})
    assert sorted(store.prefixes()) == sorted({split_row_key(row)[0] for row in rows})
    store.close()
    wipe(path)


def test_a_scan_by_time_continues_after_a_given_row(tmp_path: Path) -> None:
    """So expired rows are deleted in slices: each begins where the one before ended."""
    store = Store(tmp_path / "store")
    by_time = [row_key(key, start) for start in (1, 2) for key in (b"A", b"B", b"AB")]
    store.write([(row, b"x") for row in sorted(by_time)], 1, timed=True)
    for number, (row, start) in enumerate(zip(by_time, [1, 1, 1, 2, 2, 2], strict=True), start=1):
        assert list(store.keys_between(start, 3, row)) == by_time[number:]
    store.close()


def test_an_empty_store_begins_at_offset_0(tmp_path: Path) -> None:
    """The changelog is then read from its start."""
    store = Store(tmp_path / "new" / "store")
    assert store.offset == 0
    assert list(store.prefixes()) == list(store.starts()) == []
    store.close()


def test_a_store_without_rows_has_no_files_and_no_entries(tmp_path: Path) -> None:
    """Its metrics are 0, as RocksDB's are; only its buffers take memory."""
    store = Store(tmp_path / "store")
    size = store.size()
    assert (size.disk, size.entries) == (0, 0)
    assert size.memory > 0
    store.close()


def test_a_store_can_be_closed_twice(tmp_path: Path) -> None:
    """As by a task that is lost while it closes."""
    store = Store(tmp_path / "store")
    store.close()
    store.close()


def test_reads_and_writes_of_a_closed_store_raise_an_error_of_their_own(tmp_path: Path) -> None:
    """It is not taken for damage."""
    store = Store(tmp_path / "store")
    store.write([(row_key(b"A", 1), b"x")], 7, timed=True)
    store.close()
    with pytest.raises(DbClosedError):
        store.get(row_key(b"A", 1))
    with pytest.raises(DbClosedError):
        store.write([], 8, timed=True)


def test_a_store_that_fails_to_flush_is_closed_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its missing rows are restored from the changelog."""

    class Broken:
        """A database without room."""

        def close(self) -> None:
            """Fail."""
            raise OSError("no room")

    store = Store(tmp_path / "store")
    store.close()
    store._db = Broken()
    for _ in range(2):
        store.close()
    assert [each.message for each in caplog.records] == [
        f"{tmp_path / 'store'} could not be flushed: no room"
    ]
    assert store.size() == (0, 0, 0)


def test_a_store_in_use_is_rejected_with_a_remedy(tmp_path: Path) -> None:
    """Two workers on one machine need a directory each."""
    store = Store(tmp_path / "store")
    with pytest.raises(StoreInUseError, match="give each its own WEB_PORT or APP_DATADIR"):
        Store(tmp_path / "store")
    store.close()


def test_a_broken_store_is_rebuilt(tmp_path: Path) -> None:
    """It is a cache of the changelog, which is read again from offset 0."""
    store = Store(path := tmp_path / "store")
    store.write([(row_key(b"A", 1), b"x")], 7, timed=True)
    store.close()
    (path / "CURRENT").write_text("nothing that RocksDB would write\n")
    store = Store(path)
    assert store.offset == 0
    assert store.get(row_key(b"A", 1)) is None
    store.close()


def test_a_scan_raises_at_data_that_it_cannot_read(tmp_path: Path) -> None:
    """RocksDB's iterator ends there, as if there were no more rows."""
    store = Store(path := tmp_path / "store")
    chance = random.Random(1)
    rows = [(row_key(b"A", start), chance.randbytes(100)) for start in range(5_000)]
    store.write(rows, 1, timed=True)
    store.close()
    (table,) = path.glob("*.sst")
    data = bytearray(table.read_bytes())
    half = len(data) // 2
    data[half : half + 1_000] = chance.randbytes(1_000)
    table.write_bytes(data)
    store = Store(path)
    with pytest.raises(DamagedStoreError, match=r"is damaged: Corruption"):
        list(store.scan(row_key(b"A", 0), row_key(b"A", OPEN)))
    store.close()
    wipe(path)
    store = Store(path)
    assert store.offset == 0
    store.close()


def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    """With the store, and that room is missing."""
    store = Store(tmp_path / "store")
    chance = random.Random(1)

    def fill() -> None:
        for number in range(100):
            starts = range(5_000 * number, 5_000 * (number + 1))
            rows = [(row_key(b"A", start), chance.randbytes(100)) for start in starts]
            store.write(rows, number, timed=True)

    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, usual[1]))
    try:
        with pytest.raises(StoreError, match=r"store can't be read or written: .*make room"):
            fill()
        store.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.scan(b"", b"\xff"),
        lambda store: store.keys_between(0),
        Store.starts,
        Store.prefixes,
    ],
    ids=["rows", "keys", "starts", "prefixes"],
)
def test_a_store_that_is_read_can_be_closed_and_opened_again(
    tmp_path: Path, read: Callable[[Store], Iterator[object]]
) -> None:
    """A reopened task finds its store free; its reader gets an error, not half of the rows."""
    store = Store(tmp_path / "store")
    store.write([(row_key(key, 1), b"1") for key in (b"A", b"B")], 1, timed=True)
    reading = itertools.chain(read(store))
    next(reading)
    store.close()
    Store(tmp_path / "store").close()
    with pytest.raises(DbClosedError):
        list(reading)
