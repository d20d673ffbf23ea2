"""What tasks need of Kafka to write: transactions and changelogs.

`KafkaJournal` is the real one. `eventfold/testing` has one in memory, so that a user's streams can
be tested without a broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from eventfold.engine.checkpoint import is_fatal, is_fenced, new_producer, stop_producer, write
from eventfold.engine.restore import restore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from app.settings import Settings
    from eventfold.engine.partition import PartitionState, Snapshot
    from eventfold.engine.progress import Progress
    from eventfold.engine.store import Store
    from eventfold.engine.table import StateTable


class Writer(Protocol):
    """The transactions of one task."""

    @property
    def usable(self) -> bool:
        """Whether another transaction can be begun: it was started and is not fenced."""

    async def start(self) -> None:
        """Fence every older writer of the same name and abort what it had pending."""

    async def write(
        self,
        snapshots: Sequence[tuple[PartitionState, Snapshot]],
        source: TopicPartition,
        position: int,
        metadata: str,
    ) -> list[int]:
        """Write one transaction; give, for each table, the changelog offset it reached.

        Raises what went wrong; nothing of the transaction is visible then.
        """

    async def stop(self) -> None:
        """Let go."""


class Journal(Protocol):
    """Where transactions go and changelogs are restored from."""

    def writer(self, name: str) -> Writer:
        """Give the writer of the task with this name."""

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Open the store at `path` and bring it to the end of the table's changelog.

        Keeps `progress` up to date meanwhile.
        """


class KafkaWriter:
    """A transactional producer."""

    def __init__(self, conf: Settings, name: str) -> None:
        self._conf = conf
        self._name = name
        self._started = False

    @property
    def usable(self) -> bool:
        """Whether another transaction can be begun."""
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
        """Write one transaction. Raises what aiokafka raises; ProducerFenced, once it is fenced."""
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
            # In the middle of it aiokafka says something else.
            if is_fenced(self._producer):
                raise ProducerFenced from error
            raise

    async def stop(self) -> None:
        """Stop the producer, also where the broker does not answer."""
        if self._started:
            await stop_producer(self._producer)


class KafkaJournal:
    """Kafka."""

    def __init__(self, conf: Settings) -> None:
        self._conf = conf

    def writer(self, name: str) -> KafkaWriter:
        """Give the producer of the task with this name."""
        return KafkaWriter(self._conf, name)

    async def restore(
        self, path: Path, table: StateTable, partition: int, progress: Progress
    ) -> Store:
        """Read the changelog, committed, into the store at `path`."""
        return await restore(path, table, partition, self._conf, progress)
