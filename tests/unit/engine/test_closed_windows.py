"""Closed windows by start: several of one start, full rows, unstored and stored ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from collected_events import CollectedEvents, CollectEvents

from eventfold.engine.closed_windows import FULL, ClosedWindows
from eventfold.engine.rows import split_row_key
from eventfold.engine.store import Store
from eventfold.windows import Evidence, Folded, Span


def window(start: int, number: int = 0, length: int = 10) -> Folded:
    """Return a window whose evidence identifies it."""
    evidence = Evidence(number + 1, number, number + 5, number % 3)
    return Folded(
        Span(start, start + length + number), CollectedEvents([(start, number, 1)]), evidence
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return a store."""
    store = Store(tmp_path / "store")
    yield store
    store.close()


@pytest.fixture
def closed(store: Store) -> ClosedWindows:
    """Return the closed windows of a table over the store."""
    return ClosedWindows("t", CollectEvents(), store)


def write_changes(closed: ClosedWindows, store: Store) -> list[tuple[bytes, int]]:
    """Write the changes as a checkpoint does; return keys and starts of the rows."""
    rows = list(closed.take_rows())
    store.write(rows, 1, timed=True)
    closed.settle()
    return sorted(split_row_key(row) for row, _ in rows)


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("count", [1, FULL - 1, FULL, FULL + 1, 2 * FULL, 2 * FULL + 1])
def test_windows_of_one_start_continue_in_the_next_row_when_one_is_full(
    closed: ClosedWindows, store: Store, count: int, *, stored: bool
) -> None:
    """Any number of windows may start at one instant; range queries find all of them."""
    some = [window(100, n) for n in range(count)]
    places = [closed.add(b"A", each) for each in some]
    assert places == [100 + n // FULL for n in range(count)]
    rows = [(b"A", 100 + n) for n in range(1 + (count - 1) // FULL)]
    assert closed.changed == len(rows)
    if stored:
        assert write_changes(closed, store) == rows
        assert (closed.changed, list(closed.keys())) == (0, [])
    assert closed.between(b"A", 100, 101) == some
    assert closed.between(b"A", 0, 1 << 62) == some
    assert closed.between(b"A", -5, 100) == closed.between(b"A", 101, 200) == []
    assert closed.between(b"B", 0, 1 << 62) == []


def test_room_for_a_window_is_searched_from_the_row_of_the_last_one(
    closed: ClosedWindows, store: Store
) -> None:
    """Rows before that are full; the row of another start may have room."""
    for n in range(FULL):
        closed.add(b"A", window(100, n))
    write_changes(closed, store)
    assert closed.add(b"A", window(101, 50)) == 101
    assert closed.add(b"A", window(100, 99), 101) == 101
    for _ in range(2):
        assert [each.evidence.first_offset for each in closed.between(b"A", 100, 101)] == [
            *range(FULL),
            99,
        ]
        assert [each.evidence.first_offset for each in closed.between(b"A", 101, 102)] == [50]
        write_changes(closed, store)


def test_windows_in_memory_are_listed_until_they_are_stored(
    closed: ClosedWindows, store: Store
) -> None:
    """By key and by start, with the span of each row."""
    for key, start, number in (b"A", 100, 0), (b"A", 100, 7), (b"B", 200, 0):
        closed.add(key, window(start, number))
    assert set(closed.keys()) == {b"A", b"B"}
    assert closed.spans(b"A") == [(100, 117)]
    assert closed.spans(b"C") == []
    for begin, end, keys in (
        (100, 200, {b"A"}),
        (101, 200, set()),
        (101, 201, {b"B"}),
        (0, 100, set()),
        (100, 201, {b"A", b"B"}),
    ):
        assert closed.keys_between(begin, end) == keys
    rows = list(closed.take_rows())
    closed.add(b"B", window(300, 1))
    store.write(rows, 1, timed=True)
    closed.settle()
    assert (set(closed.keys()), closed.spans(b"B"), closed.changed) == ({b"B"}, [(300, 311)], 1)
    assert [each.span.start for each in closed.between(b"B", 0, 400)] == [200, 300]
    ((row, value),) = ((r, v) for r, v in rows if split_row_key(r) == (b"A", 100))
    assert closed.span_of(row, value) == (100, 117)
    assert list(closed.take_rows()) != []
