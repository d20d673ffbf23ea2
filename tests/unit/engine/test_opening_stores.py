"""Local stores that a restore or a standby can reuse, and those that are rebuilt."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition

from app.settings import Settings
from eventfold.engine import replica as replicas
from eventfold.engine.errors import OtherHistoryError
from eventfold.engine.replica import OWN, Log, Replica
from eventfold.engine.rows import META, Meta, encode_meta, row_key
from eventfold.engine.store import Store

CHANGELOG = TopicPartition("changelog", 0)
ROW, OTHER_ROW = row_key(b"A", 0), row_key(b"B", 0)
HOUR = 3_600_000
NOW, DAY = 1_767_225_600_000, 24 * HOUR


class Record(NamedTuple):
    """A record of a changelog."""

    key: bytes
    value: bytes | None


class Clock:
    """This machine's clock (ms)."""

    now = NOW

    def __call__(self) -> int:
        """Return the time."""
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Return a clock that the test sets."""
    clock = Clock()
    monkeypatch.setattr(replicas, "now_ms", clock)
    return clock


def log(first: int = 0, end: int = 100, topic_id: str = "one", asked: int = NOW) -> Log:
    """Return the brokers' view of the changelog."""
    return Log(first, end, topic_id, DAY, asked)


def stored(path: Path, offset: int = 10, *, history: str = "one", current: int = NOW) -> Path:
    """Write a store with one row that reached `offset`."""
    store = Store(path)
    store.write([(ROW, b"1")], offset, timed=True, current=current)
    if history:
        store.history = history
    store.close()
    return path


def opened(path: Path, found: Log) -> Replica:
    """Open a replica."""
    return Replica(path, CHANGELOG, found, Settings(), timed=True)


def trusted(replica: Replica) -> bool:
    """Return whether a replica still has the row of its store; close it."""
    kept = replica.store.get(ROW) is not None
    replica.close()
    return kept


def meta(history: str) -> Record:
    """Return a meta row."""
    return Record(META, encode_meta(Meta(history=history)))


@pytest.mark.parametrize(("first", "end"), [(0, 10), (10, 10), (0, 15), (11, 20)])
def test_a_store_that_the_changelog_continues_is_kept(tmp_path: Path, first: int, end: int) -> None:
    """It reached 10; a transaction marker may be there, which is no row."""
    replica = opened(stored(tmp_path / "s"), log(first, end))
    assert replica.position == max(first, 10)
    assert trusted(replica)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (log(12, 20), "begins at offset 12"),
        (log(0, 9), "ends at offset 9"),
        (log(0, 0), "ends at offset 0"),
        (log(0, 0, "two"), "the changelog was made anew and is empty"),
    ],
)
def test_a_store_is_rejected_and_left_alone_if_the_changelog_lost_its_rows(
    tmp_path: Path, found: Log, words: str
) -> None:
    """It may be the last copy of them."""
    path = stored(tmp_path / "s")
    with pytest.raises(OtherHistoryError, match=words):
        opened(path, found)
    store = Store(path)
    assert store.get(ROW) is not None
    store.close()


@pytest.mark.parametrize(("first", "end"), [(2, 20), (20, 20)])
def test_a_new_store_needs_the_changelog_from_its_beginning(
    tmp_path: Path, first: int, end: int
) -> None:
    """A changelog without any rows has lost none that would be missed."""
    if first == end:
        opened(tmp_path / "s", log(first, end)).close()
        return
    with pytest.raises(OtherHistoryError, match=f"begins at offset {first}"):
        opened(tmp_path / "s", log(first, end))


@pytest.mark.parametrize("end", [9, 10, 11, 500])
def test_a_store_of_another_changelog_is_rebuilt_whatever_its_length(
    tmp_path: Path, end: int
) -> None:
    """As after a reset on another machine, or of a broker that no longer exists."""
    replica = opened(stored(tmp_path / "s"), log(0, end, "two"))
    assert replica.position == 0
    assert replica.store.history == "two"
    assert not trusted(replica)


def test_a_store_without_topic_id_is_kept_and_takes_that_of_the_changelog(
    tmp_path: Path,
) -> None:
    """Earlier versions left such stores."""
    path = stored(tmp_path / "s", history="")
    assert trusted(opened(path, log()))
    assert not trusted(opened(path, log(topic_id="two")))


# -- tombstones


@pytest.mark.parametrize(
    ("passed", "kept"),
    [(0, True), (12 * HOUR, True), (12 * HOUR + 1, False), (-60_000, True), (-60_001, False)],
)
def test_a_store_that_may_have_missed_tombstones_is_rebuilt(
    tmp_path: Path, clock: Clock, passed: int, *, kept: bool
) -> None:
    """Brokers keep them for a day, half of it is for reading; a clock set back proves nothing."""
    path = stored(tmp_path / "s")
    clock.now += passed
    replica = opened(path, log(asked=clock.now))
    assert replica.take([Record(OTHER_ROW, b"2")], 20) is kept
    assert replica.position == (20 if kept else 0)
    assert trusted(replica) is kept


def test_an_old_store_is_kept_if_only_markers_follow_it(tmp_path: Path, clock: Clock) -> None:
    """Nothing was written since: each checkpoint leaves a row, and compaction keeps the last."""
    path = stored(tmp_path / "s")
    clock.now += 30 * DAY
    replica = opened(path, log(end=11, asked=clock.now))
    assert replica.take([], 11)
    assert replica.finish()
    assert replica.take([Record(OTHER_ROW, b"2")], 13), "it is current again"
    assert trusted(replica)


def test_the_age_of_an_interrupted_restore_counts_from_its_start(
    tmp_path: Path, clock: Clock
) -> None:
    """Rows that it had read by then may have been deleted since."""
    replica = opened(tmp_path / "s", log(asked=clock.now))
    clock.now += 11 * HOUR
    assert replica.take([Record(ROW, b"1")], 50)
    replica.close()
    replica = opened(tmp_path / "s", log(asked=clock.now))
    clock.now += 2 * HOUR
    assert not replica.take([Record(OTHER_ROW, b"2")], 60)
    assert not trusted(replica)


def test_a_standby_is_current_while_polls_show_that_it_has_read_everything(
    tmp_path: Path, clock: Clock
) -> None:
    """For days without a record; each poll shows it for the time of the poll before."""
    replica = opened(stored(tmp_path / "s"), log(end=11))
    for _ in range(10):
        clock.now += 5 * HOUR
        replica.see_polled(11, 11, clock.now)
    clock.now += 6 * HOUR
    assert replica.take([Record(OTHER_ROW, b"2")], 13)
    replica.close()
    replica = opened(tmp_path / "s", log(end=20))
    assert replica.take([Record(OTHER_ROW, b"2")], 20), "it is noted in the store"
    assert trusted(replica)


@pytest.mark.parametrize("stable", [11, 12, None])
def test_a_standby_that_was_cut_off_is_rebuilt(
    tmp_path: Path, clock: Clock, stable: int | None
) -> None:
    """Also if its first poll returns an old answer, of when it had read everything."""
    replica = opened(stored(tmp_path / "s"), log(end=11))
    replica.see_polled(11, stable, clock.now)
    clock.now += 20 * HOUR
    replica.see_polled(11, stable, clock.now)
    assert not replica.take([Record(OTHER_ROW, b"2")], 13)
    assert not trusted(replica)


# -- brokers without topic ids


def test_without_topic_ids_the_meta_row_identifies_the_changelog(tmp_path: Path) -> None:
    """It is the last row of the store's last checkpoint, or a later one."""
    for theirs, kept in ((f"{OWN}x", True), (f"{OWN}y", False)):
        path = stored(tmp_path / theirs, history=f"{OWN}x")
        replica = opened(path, log(topic_id=""))
        assert replica.position == 9
        assert replica.take([meta(theirs)], 11) is kept
        assert trusted(replica) is kept


def test_without_topic_ids_a_changelog_without_meta_row_is_another_one(tmp_path: Path) -> None:
    """If the store has a meta row, every continuation of it has one as well."""
    replica = opened(stored(tmp_path / "s", history=f"{OWN}x"), log(end=11, topic_id=""))
    assert replica.take([Record(OTHER_ROW, b"2")], 11)
    assert not replica.finish()
    assert (replica.position, trusted(replica)) == (0, False)


def test_without_topic_ids_a_store_takes_the_identity_of_the_log_or_makes_one(
    tmp_path: Path,
) -> None:
    """It makes its own if the changelog is empty."""
    replica = opened(tmp_path / "read", log(topic_id=""))
    assert replica.take([Record(ROW, b"1"), meta(f"{OWN}x")], 100)
    assert replica.finish()
    assert replica.store.history == f"{OWN}x"
    replica.close()
    made = []
    for name in "ab":
        replica = opened(tmp_path / name, log(end=0, topic_id=""))
        assert replica.finish()
        made.append(replica.store.history)
        replica.close()
    assert all(each.startswith(OWN) for each in made)
    assert made[0] != made[1]


def test_a_generated_identity_is_not_compared_with_a_topic_id(tmp_path: Path) -> None:
    """Brokers that are upgraded have topic ids from then on."""
    replica = opened(stored(tmp_path / "s", history=f"{OWN}x"), log(topic_id="one"))
    assert replica.store.history == "one"
    assert trusted(replica)
