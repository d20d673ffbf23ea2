"""Standbys follow a changelog, and queries are answered from their stores."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from changelog_broker import Broker, Consumer, Record
from partition_driver import NewTable
from prometheus_client import REGISTRY

from app.worker import TickApp
from eventfold.engine import changelog, standby
from eventfold.engine.rows import META, row_key
from eventfold.engine.standby import Standbys
from eventfold.engine.store import DamagedStoreError, Store, wipe
from eventfold.engine.window_table import WindowTable


@pytest.fixture
def table(application: TickApp, new_table: NewTable) -> Iterator[WindowTable]:
    """Return a table without a store of its first partition, before and after the test."""
    table = new_table("1m", 0)
    wipe(application.tasks.store_path(table, 0))
    yield table
    wipe(application.tasks.store_path(table, 0))


@asynccontextmanager
async def following(
    application: TickApp, table: WindowTable, broker: Broker
) -> AsyncIterator[Standbys]:
    """Follow the first partition of a table."""
    tasks = application.tasks
    standbys = Standbys(tasks.conf, tasks._by_source, tasks.store_path, tasks.give_up)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standby, "PAUSE", 0.0)
        patch.setattr(changelog, "AIOKafkaConsumer", partial(Consumer, broker))
        follow(standbys, table)
        async with standbys:
            yield standbys


def follow(standbys: Standbys, *tables: WindowTable) -> None:
    """Follow the first partition of these tables, and nothing else."""
    wanted = {TopicPartition(table.changelog.name, 0): table for table in tables}
    standbys.follow(())
    standbys._wanted = wanted
    standbys._changed.set()


async def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # no event to wait for
            await asyncio.sleep(0)


def lag(table: WindowTable) -> float | None:
    """Return the lag in the metrics."""
    labels = {"table": table.name, "partition": "0"}
    return REGISTRY.get_sample_value("eventfold_standby_lag_offsets", labels)


async def test_a_standby_has_the_rows_of_its_changelog(
    application: TickApp, table: WindowTable
) -> None:
    """Existing and later ones; once it is no longer followed, no lag is reported."""
    broker = Broker(8)
    async with following(application, table, broker) as standbys:
        await wait_until(lambda: lag(table) == 0)
        assert standbys.partitions_of(table) == [0]
        store = standbys._replicas[TopicPartition(table.changelog.name, 0)].store
        assert (list(store.starts()), broker.sought) == (list(range(8)), [0])
        broker.records.append(Record(20, row_key(b"A", 20), b"x"))
        broker.end = 22
        await wait_until(lambda: 20 in list(store.starts()))
        await wait_until(lambda: standbys.lag_of(table, 0) == 0)
        follow(standbys)
        assert (standbys.partitions_of(table), standbys.lag_of(table, 0), lag(table)) == (
            [],
            0,
            None,
        )
        # A task may open it.
        Store(application.tasks.store_path(table, 0)).close()


async def test_the_lag_of_a_standby_is_reported_while_it_reads(
    application: TickApp, table: WindowTable
) -> None:
    """In offsets up to the last stable offset."""
    broker, seen = Broker(30), set()
    broker.answer = 7
    async with following(application, table, broker) as standbys:
        await wait_until(lambda: seen.add(standbys.lag_of(table, 0)) or lag(table) == 0)
    assert {25, 18, 11, 4, 0} <= seen | {0}
    assert seen <= {0, 25, 18, 11, 4, 1}


async def test_a_standby_answers_only_once_its_lag_is_known(
    application: TickApp, table: WindowTable
) -> None:
    """Then with the rows it has read; a partition that is not followed has no answer."""
    broker = Broker(0, layout=table.layout)
    async with following(application, table, broker) as standbys:
        assert standbys.state_of(table, 0) is None
        await wait_until(lambda: lag(table) == 0)
        state = standbys.state_of(table, 0)
        assert state is not None
        assert state.all_keys() == set()
        assert standbys.state_of(table, 0) is state
        assert standbys.state_of(table, 1) is None
        broker.records.append(Record(5, row_key(b"A", 20), None))
        broker.end = 7
        await wait_until(lambda: standbys.state_of(table, 0) is not state)


async def test_rows_of_another_layout_are_not_answered(
    application: TickApp, table: WindowTable, caplog: pytest.LogCaptureFixture
) -> None:
    """The standby goes on; the task that opens the store reports the layout."""
    async with following(application, table, Broker(0, layout="others")) as standbys:
        await wait_until(lambda: lag(table) == 0)
        assert standbys.state_of(table, 0) is None
        assert f"The standby of {table.name}-0 can't be read" in caplog.text
        assert standbys.partitions_of(table) == [0]


async def test_a_store_ahead_of_its_changelog_is_left_to_its_task(
    application: TickApp, table: WindowTable, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no standby, one line in the log, and the store is closed."""
    path = application.tasks.store_path(table, 0)
    store = Store(path)
    store.write([(row_key(b"A", 1), b"")], 500, timed=True)
    store.close()
    async with following(application, table, Broker(8)) as standbys:
        await wait_until(lambda: "No standby of" in caplog.text)
        assert standbys.partitions_of(table) == []
        Store(path).close()


async def test_an_unavailable_broker_is_tried_again(
    application: TickApp, table: WindowTable, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it answers."""
    broker, attempts = Broker(8), []
    start = Consumer.start

    async def started(consumer: Consumer) -> None:
        attempts.append(consumer)
        if len(attempts) < 3:
            raise KafkaConnectionError
        await start(consumer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Consumer, "start", started)
        async with following(application, table, broker):
            await wait_until(lambda: lag(table) == 0)
    assert len(attempts) == 3
    assert caplog.text.count("Standbys can't be followed at the moment") == 2


async def test_a_damaged_store_is_rebuilt_once(
    application: TickApp, table: WindowTable, caplog: pytest.LogCaptureFixture
) -> None:
    """From the changelog; damaged again, it has no standby until the partitions move."""
    broker, place = Broker(8), TopicPartition(table.changelog.name, 0)
    with caplog.at_level(logging.ERROR):
        async with following(application, table, broker) as standbys:
            for times in (1, 2):
                await wait_until(lambda: lag(table) == 0)
                path = standbys._replicas[place].path
                standbys._make_anew(place, DamagedStoreError(path, "it is damaged"))
                assert (standbys.partitions_of(table), lag(table)) == ([], None)
                assert (place in standbys._wanted) is (times == 1)
    assert broker.sought[0] == broker.sought[1] == 0
    assert [each.message for each in caplog.records] == [
        "it is damaged: it is restored from the changelog",
        "it is damaged, again: no standby of it until the partitions move",
    ]


class Unreadable:
    """A database that a store reads in vain; everything else works."""

    def __init__(self, database: Any, error: str) -> None:
        self._database, self._error = database, error

    def get(self, _: bytes) -> bytes:
        """Fail."""
        raise OSError(self._error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


async def test_a_store_that_a_query_finds_damaged_is_rebuilt(
    application: TickApp, table: WindowTable, caplog: pytest.LogCaptureFixture
) -> None:
    """The query has no answer; later ones have, from the changelog."""
    broker, place = Broker(0, layout=table.layout), TopicPartition(table.changelog.name, 0)
    async with following(application, table, broker) as standbys:
        await wait_until(lambda: standbys.state_of(table, 0))
        standbys._reader.forget(table.name, 0)
        store = standbys._replicas[place].store
        store._db = Unreadable(store._db, "Corruption: block checksum mismatch")
        assert standbys.state_of(table, 0) is None
        assert "is damaged: Corruption: block checksum mismatch: it is restored" in caplog.text
        assert standbys.partitions_of(table) == []
        await wait_until(lambda: standbys.state_of(table, 0))
    assert broker.sought == [0, 0]


async def test_a_store_that_can_not_be_read_at_the_moment_is_not_answered(
    application: TickApp, table: WindowTable, caplog: pytest.LogCaptureFixture
) -> None:
    """As without room for an open file: it is kept, and answers when it can be read again."""
    place = TopicPartition(table.changelog.name, 0)
    async with following(application, table, Broker(0, layout=table.layout)) as standbys:
        await wait_until(lambda: standbys.state_of(table, 0))
        store = standbys._replicas[place].store
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "_db", Unreadable(store._db, "no such luck"))
            assert standbys.state_of(table, 0) is None
        assert f"The standby of {table.name}-0 can't be read" in caplog.text
        assert "no such luck" in caplog.text
        assert standbys.partitions_of(table) == [0]
        assert standbys.state_of(table, 0) is not None


async def test_a_changelog_of_an_unknown_layout_has_no_standby(
    application: TickApp, table: WindowTable, caplog: pytest.LogCaptureFixture
) -> None:
    """The other partitions have theirs; the task that opens it stops the worker."""
    broker = Broker(8)
    broker.records[-1] = Record(8, META, b"no meta row")
    async with following(application, table, broker) as standbys:
        await wait_until(lambda: "No standby of" in caplog.text)
        assert standbys.partitions_of(table) == []
        assert not standbys.crashed
        broker.records[-1] = Broker(8).records[-1]
        follow(standbys, table)
        await wait_until(lambda: lag(table) == 0)
