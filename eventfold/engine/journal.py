"""Journal port: the transactions and changelogs that tasks need of Kafka.

`KafkaJournal` is the real one. `eventfold/testing` has one in memory, so that a user's streams can
be tested without a broker.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from eventfold.engine.checkpoint import write
from eventfold.engine.partition import PartitionState, Snapshot
from eventfold.engine.progress import Progress
from eventfold.engine.restore import restore
from eventfold.engine.store import Store
from eventfold.engine.table import StateTable
from eventfold.kafka.clients.producers import is_fatal, is_fenced, new_producer, stop_producer
from eventfold.settings import Settings


class Writer(Protocol):
    """Writer of one task's transactions."""

    @property
    def usable(self) -> bool:
        """Whether another transaction can begin: the writer was started and is not fenced."""

    async def start(self) -> None:
        """Fence every older writer of the same name and abort its pending transaction."""

    async def write(
        self,
        snapshots: Sequence[tuple[PartitionState, Snapshot]],
        source: TopicPartition,
        position: int,
        metadata: str,
    ) -> list[int]:
        """Write a transaction, all or nothing; return the next changelog offset of each table."""

    async def stop(self) -> None:
        """Stop the writer."""


class Journal(Protocol):
    """Destination of transactions, and source of the changelogs that are restored."""

    def writer(self, name: str) -> Writer:
        """Return the writer of the task with this name."""

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Bring the store at `path` to the end of the table's changelog; update `progress`."""


class KafkaWriter:
    """Writer with a transactional producer in Kafka."""

    def __init__(self, conf: Settings, name: str) -> None:
        self._conf = conf
        self._name = name
        self._started = False

    @property
    def usable(self) -> bool:
        """Whether another transaction can begin."""
        return self._started and not is_fatal(self._producer)

    async def start(self) -> None:
        """Fence every older producer of the same transactional id."""
        self._producer = new_producer(f"{self._conf.app_id}-{self._name}", self._conf)
        self._started = True
        await self._producer.start()

    async def write(
        self,
        snapshots: Sequence[tuple[PartitionState, Snapshot]],
        source: TopicPartition,
        position: int,
        metadata: str,
    ) -> list[int]:
        """Write one transaction, as `checkpoint.write` does; return each next changelog offset.

        Raises what that raises, but always ProducerFenced once the producer is fenced.
        """
        try:
            return await write(
                self._producer,
                snapshots,
                source=source,
                position=position,
                group=self._conf.app_id,
                metadata=metadata,
            )
        except Exception as error:
            # aiokafka raises another error if the producer is fenced in mid-transaction.
            if is_fenced(self._producer):
                raise ProducerFenced from error
            raise

    async def stop(self) -> None:
        """Stop the producer, even if the broker does not answer."""
        if self._started:
            await stop_producer(self._producer)


class KafkaJournal:
    """Journal in Kafka."""

    def __init__(self, conf: Settings) -> None:
        self._conf = conf

    def writer(self, name: str) -> KafkaWriter:
        """Return the writer of the task with this name."""
        return KafkaWriter(self._conf, name)

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Read the committed records of the changelog into the store at `path`."""
        return await restore(path, table, partition, self._conf, progress)
