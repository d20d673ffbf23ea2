"""The player of a replay, without its input."""

from pathlib import Path
from time import time_ns
from typing import Any
from unittest.mock import Mock

import pytest
from aiokafka import TopicPartition
from games_application import BEGIN, HOUR, INTERVAL, Games, declare, fold_all

from eventfold.engine.clock import SystemClock
from eventfold.harness.kafka import Transaction
from eventfold.replay import ReplayError, select
from eventfold.replay.history import History
from eventfold.replay.player import Player, ReplayKafka

TPS = [TopicPartition("games", n) for n in range(2)]


@pytest.fixture
def games(tmp_path: Path) -> Games:
    """Return an application whose tables are replayed."""
    return declare(tmp_path / "live", fold_all)


def history(tp: TopicPartition, begin: int) -> History:
    """Return a history of no records."""
    return History(
        tp=tp,
        by_record=True,
        begin=begin,
        end=begin,
        expected=begin,
        interval=INTERVAL,
        until=BEGIN + HOUR,
        truncated=False,
        max_lead=0,
    )


def player(games: Games, directory: Path) -> Player:
    """Return a player whose history of the first partition begins with offset 7."""
    histories = {tp: history(tp, begin) for tp, begin in zip(TPS, (7, 0), strict=True)}
    return Player(
        games.app,
        select(games.app, []),
        histories,
        put=lambda *_: None,
        conf=games.app.tasks.conf,
        directory=directory,
    )


async def test_tasks_start_at_the_begin_of_their_history(games: Games, tmp_path: Path) -> None:
    """All of them run, and the replay ends at once where there is no record."""
    found = player(games, tmp_path / "stores")
    await found.open()
    running = [found.worker.tasks.running(tp) for tp in TPS]
    assert [task.next_offset for task in running if task is not None] == [7, 0]
    await found.worker.tasks.stop_all()


async def test_task_that_cannot_be_opened_ends_the_replay(games: Games, tmp_path: Path) -> None:
    """The error has its name and the reason; a worker would retry for ever."""
    (tmp_path / "stores").write_text("no directory")
    original, found = games.app.tasks, player(games, tmp_path / "stores")
    with pytest.raises(ReplayError, match=r"^(games|by-team)-[01]: FileExistsError"):
        await found.play(Mock(), lambda _: None)
    assert games.app.tasks is original


def test_broker_keeps_internal_records_and_passes_all_outputs_on(games: Games) -> None:
    """Rows of changelogs are counted only: the offset that a table reached is returned."""
    passed: list[Any] = []
    selection = select(games.app, [], rederive=True)
    kafka = ReplayKafka(
        selection, games.app.tasks.conf, SystemClock(), lambda *out: passed.append(out)
    )
    before = time_ns()
    internal, output = TopicPartition("by-team", 1), TopicPartition("streaks", 0)
    changelog = TopicPartition("games-streaks-changelog", 0)
    records = [(b"k", b"%d" % n, ()) for n in range(3)]
    for reached in (3, 6):
        writes = {changelog: records, internal: records, output: records}
        kafka.begin("task", Transaction(writes, TPS[0], 1, ""))
        assert kafka.commit("task") == dict.fromkeys(writes, reached)
    assert passed == 2 * [("by-team", 1, records), ("streaks", 0, records)]
    found = kafka.log(*internal).since(0)
    assert [(each.offset, each.value) for each in found] == [(n, b"%d" % (n % 3)) for n in range(6)]
    # As Kafka stamps them, in ms.
    assert all(before // 10**6 <= each.timestamp <= time_ns() // 10**6 for each in found)
    assert not kafka.log(*output).records
    assert not kafka.log(*changelog).records
    assert kafka.committed == {}


def test_records_that_an_agent_has_taken_are_dropped(games: Games) -> None:
    """The offsets of those that are left stay."""
    kafka = ReplayKafka(select(games.app, []), games.app.tasks.conf, SystemClock(), lambda *_: None)
    log = kafka.log("by-team", 0)
    for n in range(5):
        log.append(n, None, b"%d" % n)
    log.start_at(3)
    assert [each.offset for each in log.records] == [3, 4]
    assert (log.begin, log.end, len(log.since(0, 1))) == (3, 5, 1)
