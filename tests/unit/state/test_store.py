"""The ordered store: what was written is there, in order, after closing too."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.state.rows import META, prefix, row_key, split_row_key
from app.state.store import Store, StoreInUseError, wipe

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
    """Give a function that names a place for another store."""
    directory, names = tmp_path_factory.mktemp("stores"), itertools.count()
    return lambda: directory / str(next(names))


@settings(max_examples=40)
@given(WRITES, st.lists(st.tuples(ROWS, ROWS, STARTS, STARTS), min_size=1, max_size=5))
def test_a_store_is_an_ordered_dictionary_that_outlives_its_process(
    new_path: Callable[[], Path],
    writes: list[list[tuple[bytes, bytes | None]]],
    questions: list[tuple[bytes, bytes, int, int]],
) -> None:
    """By key and start, by start alone, and by key alone; None deletes."""
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


def test_an_empty_store_begins_at_offset_0(tmp_path: Path) -> None:
    """The changelog is read from its start then."""
    store = Store(tmp_path / "new" / "store")
    assert store.offset == 0
    assert list(store.prefixes()) == list(store.starts()) == []
    store.close()


def test_a_store_can_be_closed_twice(tmp_path: Path) -> None:
    """A task that is lost while it closes does so."""
    store = Store(tmp_path / "store")
    store.close()
    store.close()


def test_a_store_in_use_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Two workers on one machine need a directory each."""
    store = Store(tmp_path / "store")
    with pytest.raises(StoreInUseError, match="give each its own WEB_PORT or APP_DATADIR"):
        Store(tmp_path / "store")
    store.close()


def test_a_broken_store_is_made_anew(tmp_path: Path) -> None:
    """It is a cache of the changelog: it is read again from offset 0."""
    store = Store(path := tmp_path / "store")
    store.write([(row_key(b"A", 1), b"x")], 7, timed=True)
    store.close()
    (path / "CURRENT").write_text("nothing that RocksDB would write\n")
    store = Store(path)
    assert store.offset == 0
    assert store.get(row_key(b"A", 1)) is None
    store.close()
