"""Which local stores are trusted when a partition opens, and which are restored anew."""

from pathlib import Path

import pytest
from aiokafka import TopicPartition

from app.state import changelog
from app.state.changelog import STALE, open_store
from app.state.errors import OtherHistoryError
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


@pytest.mark.parametrize(("first", "end"), [(0, 10), (10, 10), (0, 15), (11, 20)])
def test_a_store_that_the_changelog_continues_is_kept(tmp_path: Path, first: int, end: int) -> None:
    """It reached 10; a transaction's marker may stand there, which is no row."""
    store = open_store(stored(tmp_path / "s", 10), CHANGELOG, first, end)
    assert store.get(ROW) is not None
    store.close()


@pytest.mark.parametrize(
    ("first", "end", "words"),
    [
        (12, 20, "begins at offset 12"),
        (0, 9, "ends at offset 9"),
        (0, 0, "ends at offset 0"),
    ],
)
def test_a_store_of_another_history_is_refused_and_left_alone(
    tmp_path: Path, first: int, end: int, words: str
) -> None:
    """Rows were lost between what it reached and what the changelog has."""
    path = stored(tmp_path / "s", 10)
    with pytest.raises(OtherHistoryError, match=words):
        open_store(path, CHANGELOG, first, end)
    store = Store(path)
    assert store.get(ROW) is not None
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
