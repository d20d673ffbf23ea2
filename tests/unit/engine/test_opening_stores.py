"""Local stores that are trusted when a partition is restored or followed, and those made anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition

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
    """Return what brokers know of the changelog."""
    return Log(first, end, topic_id, DAY, asked)


def stored(path: Path, offset: int = 10, *, history: str = "one", current: int = NOW) -> Path:
    """Leave a store with one row that reached `offset`."""
    store = Store(path)
    store.write([(ROW, b"1")], offset, timed=True, current=current)
    if history:
        store.history = history
    store.close()
    return path


def opened(path: Path, found: Log) -> Replica:
    """Open a replica."""
    return Replica(path, CHANGELOG, found, timed=True)


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
    """It reached 10; a transaction's marker may stand there, which is no row."""
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
def test_a_store_whose_rows_the_changelog_has_lost_is_refused_and_left_alone(
    tmp_path: Path, found: Log, words: str
) -> None:
    """It may be all that is left of them."""
    path = stored(tmp_path / "s")
    with pytest.raises(OtherHistoryError, match=words):
        opened(path, found)
    store = Store(path)
    assert store.get(ROW) is not None
    store.close()


@pytest.mark.parametrize("end", [9, 10, 11, 500])
def test_a_store_of_another_changelog_is_made_anew_however_long_that_is(
    tmp_path: Path, end: int
) -> None:
    """Such as after a reset on another machine, or of a broker that is no more."""
    replica = opened(stored(tmp_path / "s"), log(0, end, "two"))
    assert replica.position == 0
    assert replica.store.history == "two"
    assert not trusted(replica)


def test_a_store_that_knows_no_changelog_is_taken_and_knows_it_from_then_on(
    tmp_path: Path,
) -> None:
    """As earlier code left it."""
    path = stored(tmp_path / "s", history="")
    assert trusted(opened(path, log()))
    assert not trusted(opened(path, log(topic_id="two")))


# -- tombstones


@pytest.mark.parametrize(
    ("passed", "kept"),
    [(0, True), (12 * HOUR, True), (12 * HOUR + 1, False), (-60_000, True), (-60_001, False)],
)
def test_a_store_that_may_have_missed_tombstones_is_made_anew(
    tmp_path: Path, clock: Clock, passed: int, *, kept: bool
) -> None:
    """Brokers keep them for a day, half of it is for reading; a clock set back tells nothing."""
    path = stored(tmp_path / "s")
    clock.now += passed
    replica = opened(path, log(asked=clock.now))
    assert replica.take([Record(OTHER_ROW, b"2")], 20) is kept
    assert replica.position == (20 if kept else 0)
    assert trusted(replica) is kept


def test_a_store_behind_which_there_are_only_markers_is_kept_however_old(
    tmp_path: Path, clock: Clock
) -> None:
    """Nothing was written since: each checkpoint leaves a row, and the last one stays."""
    path = stored(tmp_path / "s")
    clock.now += 30 * DAY
    replica = opened(path, log(end=11, asked=clock.now))
    assert replica.take([], 11)
    assert replica.finish()
    assert replica.take([Record(OTHER_ROW, b"2")], 13), "it is current again"
    assert trusted(replica)


def test_a_restore_that_was_cut_off_goes_on_from_when_it_began(
    tmp_path: Path, clock: Clock
) -> None:
    """What it had read by then may have been deleted since."""
    replica = opened(tmp_path / "s", log(asked=clock.now))
    clock.now += 11 * HOUR
    assert replica.take([Record(ROW, b"1")], 50)
    replica.close()
    replica = opened(tmp_path / "s", log(asked=clock.now))
    clock.now += 2 * HOUR
    assert not replica.take([Record(OTHER_ROW, b"2")], 60)
    assert not trusted(replica)


def test_a_standby_is_current_as_long_as_answers_show_that_it_has_read_all(
    tmp_path: Path, clock: Clock
) -> None:
    """For days without a record; each answer shows it of the time when the one before came."""
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
def test_a_standby_that_was_cut_off_is_made_anew(
    tmp_path: Path, clock: Clock, stable: int | None
) -> None:
    """Also where the first thing it sees is an answer from before, when it had read all."""
    replica = opened(stored(tmp_path / "s"), log(end=11))
    replica.see_polled(11, stable, clock.now)
    clock.now += 20 * HOUR
    replica.see_polled(11, stable, clock.now)
    assert not replica.take([Record(OTHER_ROW, b"2")], 13)
    assert not trusted(replica)


# -- brokers without topic ids


def test_without_topic_ids_the_meta_rows_tell_whose_changelog_it_is(tmp_path: Path) -> None:
    """The last row of the store's last checkpoint is one, or another came later."""
    for theirs, kept in ((f"{OWN}x", True), (f"{OWN}y", False)):
        path = stored(tmp_path / theirs, history=f"{OWN}x")
        replica = opened(path, log(topic_id=""))
        assert replica.position == 9
        assert replica.take([meta(theirs)], 11) is kept
        assert trusted(replica) is kept


def test_without_topic_ids_a_changelog_without_the_meta_row_is_another(tmp_path: Path) -> None:
    """Where the store has one, all that continues it has one as well."""
    replica = opened(stored(tmp_path / "s", history=f"{OWN}x"), log(end=11, topic_id=""))
    assert replica.take([Record(OTHER_ROW, b"2")], 11)
    assert not replica.finish()
    assert (replica.position, trusted(replica)) == (0, False)


def test_without_topic_ids_a_store_takes_the_identity_of_the_log_or_makes_one(
    tmp_path: Path,
) -> None:
    """One of its own, if there is nothing yet."""
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


def test_an_identity_of_ours_is_not_compared_with_a_topic_id(tmp_path: Path) -> None:
    """Brokers that are upgraded have ids from one day on."""
    replica = opened(stored(tmp_path / "s", history=f"{OWN}x"), log(topic_id="one"))
    assert replica.store.history == "one"
    assert trusted(replica)
