"""Standbys with nothing to follow, and standbys whose store is rebuilt."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka import TopicPartition
from partition_driver import NewTable

from app.worker import TickApp
from eventfold.engine.replica import Log, now_ms
from eventfold.engine.rows import row_key
from eventfold.engine.standby import Standbys
from eventfold.engine.store import DamagedStoreError
from eventfold.engine.table import StateTable
from eventfold.topics import TOMBSTONES_KEPT


def new_standbys(application: TickApp) -> Standbys:
    """Make standbys of an application's tables."""
    tasks = application.tasks
    return Standbys(tasks.conf, tasks._by_source, tasks.store_path, tasks.give_up)


async def test_standbys_with_nothing_to_follow_wait_for_the_next_change(
    application: TickApp,
) -> None:
    """They do not check again and again."""
    standbys = new_standbys(application)
    standbys.follow(())
    async with standbys:
        async with asyncio.timeout(10):
            while standbys._changed.is_set():  # noqa: ASYNC110  # no event to wait for
                await asyncio.sleep(0)


class Row(NamedTuple):
    """A record of a changelog, as aiokafka returns it."""

    offset: int
    key: bytes
    value: bytes


class Consumer:
    """Stub of a consumer of changelogs, with records and positions only."""

    def __init__(self, fetched: Mapping[TopicPartition, list[Row]]) -> None:
        self._fetched = fetched

    async def getmany(self, **_: Any) -> Mapping[TopicPartition, list[Row]]:
        """Return the records."""
        return self._fetched

    async def position(self, changelog: TopicPartition) -> int:
        """Return the offset after the last record."""
        return self._fetched[changelog][-1].offset + 1

    def last_stable_offset(self, _: TopicPartition) -> None:
        """Return nothing yet."""

    def last_poll_timestamp(self, _: TopicPartition) -> None:
        """Return nothing yet."""


class DamagingConsumer(Consumer):
    """A consumer that finds, through a query during its poll, that a store is damaged."""

    def __init__(self, standbys: Standbys, fetched: Mapping[TopicPartition, list[Row]]) -> None:
        super().__init__(fetched)
        self._standbys = standbys

    async def getmany(self, **_: Any) -> Mapping[TopicPartition, list[Row]]:
        """Return records of a changelog whose store was closed meanwhile."""
        for changelog in self._fetched:
            error = DamagedStoreError(self._standbys._replicas[changelog].path, "a query failed")
            self._standbys._make_anew(changelog, error)
        return self._fetched


def following(application: TickApp, table: StateTable) -> tuple[Standbys, TopicPartition]:
    """Return standbys that follow a partition of a table, and its changelog."""
    standbys, changelog = new_standbys(application), TopicPartition(table.changelog.name, 0)
    standbys._wanted = {changelog: table}
    standbys._admit(changelog, Log(0, 1, "", TOMBSTONES_KEPT, now_ms()))
    assert standbys.partitions_of(table) == [0]
    return standbys, changelog


async def test_a_single_record_of_a_changelog_is_stored(
    application: TickApp, new_table: NewTable
) -> None:
    """The next one is read after it."""
    standbys, changelog = following(application, new_table("1m", 0))
    row = row_key(b"A", 0)
    consumer: Any = Consumer({changelog: [Row(0, row, b"value")]})
    await standbys._read(consumer)
    replica = standbys._replicas[changelog]
    assert (replica.store.get(row), replica.position) == (b"value", 1)
    standbys.follow(())


async def test_records_polled_while_a_damaged_store_is_rebuilt_are_ignored(
    application: TickApp, new_table: NewTable
) -> None:
    """They are read again with the rest of the changelog; the standbys go on."""
    table = new_table("1m", 0)
    standbys, changelog = following(application, table)
    consumer: Any = DamagingConsumer(standbys, {changelog: [Row(0, row_key(b"A", 0), b"")]})
    await standbys._read(consumer)
    assert standbys.partitions_of(table) == []
    assert standbys._changed.is_set()
