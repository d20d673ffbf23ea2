"""Standbys: stores of partitions that other workers own, kept up to date from their changelogs.

Faust's assignor chooses the standbys of a partition (TABLE_STANDBY_REPLICAS), and assigns a
partition to one of its standbys if it can. A task that opens there finds a store that is at most
moments behind.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from eventfold.engine import metrics
from eventfold.engine.changelog import POLL_RECORDS, new_consumer, survey
from eventfold.engine.errors import OtherHistoryError, TaskError
from eventfold.engine.partition import PartitionState
from eventfold.engine.replica import Log, Replica
from eventfold.engine.rows import UnreadableRowError
from eventfold.engine.store import DamagedStoreError, Store, StoreError, wipe
from eventfold.engine.table import StateTable
from eventfold.kafka.clients.connections import running
from eventfold.settings import Settings

logger = logging.getLogger(__name__)


class _Read(NamedTuple):
    store: Store
    offset: int
    state: PartitionState


class StandbyReader:
    """Cache of the states of standbys' stores, each valid until its store has moved on."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], _Read] = {}

    def state(self, table: StateTable, partition: int, store: Store) -> PartitionState | None:
        """Return the state of a partition; None if its rows can't be read.

        Read it before the next `await`: then a task may have taken the store over. Raises
        StoreError.
        """
        place, offset = (table.name, partition), store.offset
        kept = self._kept.get(place)
        if kept is not None and kept.store is store and kept.offset == offset:
            return kept.state
        state = table.new_state(partition, store, reports_decode_errors=False)
        try:
            state.load()
        except (OtherHistoryError, TaskError, UnreadableRowError) as error:
            # If a task opens this store, the task decides what the error means.
            logger.warning("The standby of %s-%d can't be read: %s", table.name, partition, error)
            return None
        self._kept[place] = _Read(store, offset, state)
        return state

    def forget(self, table: str, partition: int) -> None:
        """Drop the cached state of a store that is closed or has changed."""
        self._kept.pop((table, partition), None)


#: Seconds to wait after the brokers failed to answer.
PAUSE = 1.0

#: Longest wait for records (ms), and so for noticing that other partitions are to be followed.
POLL_TIMEOUT_MS = 200


class Standbys(Service):
    """Follower of the changelogs of the partitions that this worker is a standby of.

    These stores hold only committed rows. They answer queries only when the owner of a partition is
    gone, and the answer is marked as a standby's.
    """

    abstract = False

    def __init__(
        self,
        conf: Settings,
        tables: Mapping[str, Sequence[StateTable]],
        store_path: Callable[[StateTable, int], Path],
        give_up: Callable[[Exception], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._conf = conf
        #: Tables by source.
        self._tables = tables
        self._store_path = store_path
        #: Stops the worker with a reason.
        self._give_up = give_up
        #: Tables to follow, by changelog partition.
        self._wanted: dict[TopicPartition, StateTable] = {}
        self._replicas: dict[TopicPartition, Replica] = {}
        #: Stores that were damaged and rebuilt.
        self._damaged: set[Path] = set()
        self._changed = asyncio.Event()
        #: Lag of each changelog (offsets not read yet), as far as it is known.
        self._behind: dict[TopicPartition, int] = {}
        self._reader = StandbyReader()

    def follow(self, partitions: Iterable[TopicPartition]) -> None:
        """Follow these source partitions' changelogs alone; on return other stores are closed."""
        self._wanted = {
            TopicPartition(table.changelog.name, tp.partition): table
            for tp in sorted(partitions)
            for table in self._tables.get(tp.topic, ())
        }
        for changelog in self._replicas.keys() - self._wanted.keys():
            self._close(changelog)
        self._changed.set()

    def partitions_of(self, table: StateTable) -> list[int]:
        """Return the partitions of a table that are followed locally."""
        return sorted(tp.partition for tp in self._replicas if tp.topic == table.changelog.name)

    def state_of(self, table: StateTable, partition: int) -> PartitionState | None:
        """Return the state of a partition followed here, if known; read it before an `await`."""
        changelog = TopicPartition(table.changelog.name, partition)
        replica = self._replicas.get(changelog)
        if replica is None or changelog not in self._behind:
            return None
        try:
            return self._reader.state(table, partition, replica.store)
        except DamagedStoreError as error:
            self._make_anew(changelog, error)
        except StoreError as error:
            # If a task opens this store, the task decides what the error means.
            logger.warning("The standby of %s-%d can't be read: %s", table.name, partition, error)
        return None

    def lag_of(self, table: StateTable, partition: int) -> int:
        """Return the lag of a partition's standby (changelog offsets not read yet)."""
        return self._behind.get(TopicPartition(table.changelog.name, partition), 0)

    async def on_stop(self) -> None:
        """Close all stores."""
        self.follow(())

    @Service.task
    async def _run(self) -> None:
        while not self.should_stop:
            await self.wait_first(self._changed.wait(), timeout=1.0)
            if not self._wanted:
                self._changed.clear()
            elif not self.should_stop:
                try:
                    await self._follow_all()
                except StoreError as error:
                    await self._give_up(error)
                    return
                except (KafkaError, OSError, OtherHistoryError) as error:
                    logger.warning("Standbys can't be followed at the moment: %r", error)
                    self._changed.set()
                    await self.sleep(PAUSE)

    async def _follow_all(self) -> None:
        """Follow until there is nothing to follow. Raises the error that the brokers answer."""
        async with running(new_consumer(self._conf)) as consumer:
            while self._wanted and not self.should_stop:
                if self._changed.is_set():
                    self._changed.clear()
                    await self._begin(consumer)
                if self._replicas:
                    await self._read(consumer)
                else:
                    await self.wait_first(self._changed.wait(), timeout=1.0)

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        """Open the stores that are not open yet, and seek each changelog to its position."""
        wanted = self._wanted
        found = await survey(consumer, list(wanted), self._conf)
        if self._wanted is not wanted:
            return  # a rebalance came between; it has set `_changed` again
        for changelog, log in found.items():
            if changelog in wanted:  # it may have been given up meanwhile
                self._admit(changelog, log)
        consumer.assign(list(self._replicas))
        for changelog, replica in self._replicas.items():
            consumer.seek(changelog, replica.position)

    def _admit(self, changelog: TopicPartition, log: Log) -> None:
        table, replica = self._wanted[changelog], self._replicas.get(changelog)
        path = self._store_path(table, changelog.partition)
        try:
            if replica is None:
                self._replicas[changelog] = Replica(
                    path, changelog, log, self._conf, timed=table.timed
                )
            else:
                replica.admit(log)
        except OtherHistoryError as error:
            # If a task opens this store, the task decides whether state is lost.
            logger.warning("No standby of %s-%d: %s", changelog.topic, changelog.partition, error)
            self._close(changelog)
        except DamagedStoreError as error:
            self._make_anew(changelog, error)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        fetched = await consumer.getmany(timeout_ms=POLL_TIMEOUT_MS, max_records=POLL_RECORDS)
        for changelog, records in fetched.items():
            replica, table = self._replicas.get(changelog), self._wanted.get(changelog)
            if replica is None or table is None:
                continue  # a task has it now
            self._reader.forget(table.name, changelog.partition)
            try:
                if not replica.take(records, records[-1].offset + 1):
                    consumer.seek(changelog, replica.position)
            except DamagedStoreError as error:
                self._make_anew(changelog, error)
            except UnreadableRowError as error:
                # A task that opens this partition ends its worker with the same line.
                logger.warning("No standby of %s: %s", replica.name, error)
                self._close(changelog)
                del self._wanted[changelog]
            await asyncio.sleep(0)  # fetched records come without a turn of the loop
        for changelog in list(self._replicas):
            # Not the offset of the last record: a transaction marker follows it.
            position = await consumer.position(changelog)
            self._see(consumer, changelog, position)

    def _see(self, consumer: AIOKafkaConsumer, changelog: TopicPartition, position: int) -> None:
        replica = self._replicas.get(changelog)
        if replica is None:
            return
        stable = consumer.last_stable_offset(changelog)
        self._report_lag(changelog, (stable or position) - position)
        try:
            replica.see_polled(position, stable, consumer.last_poll_timestamp(changelog))
        except DamagedStoreError as error:
            self._make_anew(changelog, error)

    def _make_anew(self, changelog: TopicPartition, error: DamagedStoreError) -> None:
        """Rebuild a damaged store from the changelog, once; the others are followed meanwhile."""
        self._close(changelog)
        if error.path in self._damaged:
            logger.error("%s, again: no standby of it until the partitions move", error)
            del self._wanted[changelog]
            return
        self._damaged.add(error.path)
        logger.error("%s: it is restored from the changelog", error)
        # RocksDB keeps the store open while any frame of the traceback refers to an iterator.
        for each in (error, error.__cause__):
            traceback.clear_frames(each.__traceback__ if each else None)
        wipe(error.path)
        self._changed.set()

    def _report_lag(self, changelog: TopicPartition, behind: int) -> None:
        table = self._wanted.get(changelog)
        if table is not None:
            self._behind[changelog] = max(0, behind)
            metrics.standby_lag.labels(table.name, str(changelog.partition)).set(max(0, behind))

    def _close(self, changelog: TopicPartition) -> None:
        replica = self._replicas.pop(changelog, None)
        if replica is not None:
            replica.close()
        self._behind.pop(changelog, None)
        for table in chain.from_iterable(self._tables.values()):
            if table.changelog.name == changelog.topic:
                self._reader.forget(table.name, changelog.partition)
                metrics.drop(metrics.standby_lag, table.name, changelog.partition)
