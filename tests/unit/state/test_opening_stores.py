"""Which local stores are trusted when a partition opens, and which are restored anew."""

from pathlib import Path

import pytest
from aiokafka import TopicPartition

from app.state import changelog
from app.state.changelog import STALE, open_store
from app.state.rows import row_key
from app.state.store import Store

CHANGELOG = TopicPartition("changelog", 0)
ROW = row_key(b"A", 0)


def stored(path: Path, offset: int) -> Path:
    """Leave a store with one row that reached `offset`."""
    store = Store(path)
    store.write([(ROW, b"1")], offset, timed=True)
    store.close()
    return path


@pytest.mark.parametrize(
    ("first", "end", "kept"),
    [(0, 10, True), (10, 10, True), (0, 15, True), (11, 20, False), (0, 9, False), (0, 0, False)],
)
def test_a_store_of_another_history_is_made_anew(
    tmp_path: Path, first: int, end: int, *, kept: bool
) -> None:
    """It reached 10: a changelog of [first, end) can bring it up to date only from within."""
    store = open_store(stored(tmp_path / "s", 10), CHANGELOG, first, end)
    assert (store.get(ROW) is not None) is kept
    assert store.offset == (10 if kept else 0)
    store.close()


@pytest.mark.parametrize(("end", "kept"), [(10, True), (11, False)])
def test_a_store_that_may_have_missed_tombstones_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int, *, kept: bool
) -> None:
    """Brokers drop tombstones after a day; a store that missed nothing at all is kept."""
    path = stored(tmp_path / "s", 10)
    now = changelog.time.time_ns()
    monkeypatch.setattr(changelog.time, "time_ns", lambda: now + (STALE + 1000) * 1_000_000)
    store = open_store(path, CHANGELOG, 0, end)
    assert (store.get(ROW) is not None) is kept
    store.close()
