"""Position of a source that goes on after a restart: committed with the records that it sent."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from eventfold.connectors import Record
from eventfold.connectors.outbox import STOP_TIMEOUT, Outbox
from eventfold.kafka.admin import administering
from eventfold.settings import Settings


class TakenOverError(Exception):
    """A later process sends the same source, or the broker has aborted the transaction."""


class Position(NamedTuple):
    """Place up to which a source was sent: a number that grows, and what else it needs (text)."""

    offset: int
    place: str


class Positioned(Protocol):
    """Source that can go on from a position."""

    def sent(self) -> Position:
        """Return the position after the records that the source has yielded."""

    def resume(self, position: Position) -> None:
        """Begin at a position that `sent` returned in an earlier process."""


class PositionedOutbox(Outbox):
    """Outbox that commits the records of a source together with its position.

    Each `send` is a transaction: who reads only committed records reads each of them once, even if
    the process is killed. The position is the committed offset, with metadata, of the topic's
    partition 0 in the consumer group `group`. Starting resumes the source there, except with
    `from_start`, and fences all other processes with this group: their `send` raises
    TakenOverError.
    """

    def __init__(
        self,
        conf: Settings,
        topic: str,
        source: Positioned,
        group: str,
        *,
        from_start: bool = False,
    ) -> None:
        super().__init__(conf, topic)
        self._source, self._group, self._from_start = source, group, from_start
        self._place = TopicPartition(topic, 0)

    def _options(self) -> dict[str, Any]:
        return {
            **super()._options(),
            "transactional_id": self._group,
            "transaction_timeout_ms": self._conf.transaction_timeout,
        }

    async def start(self) -> None:
        """Connect, and resume the source. Raises as `Outbox.start` does."""
        await super().start()  # before the position is read: the last process commits no more
        if not self._from_start:
            async with administering(self._conf) as admin:
                committed = (await admin.committed(self._group)).get(self._place)
            if committed is not None:
                self._source.resume(Position(committed.offset, committed.metadata))

    async def send(self, records: Iterable[Record]) -> None:
        """Commit records with the source's position; without records, the position alone.

        Raises TakenOverError, or KafkaError if the broker rejects a record for good. A transaction
        that has begun is completed, for a bounded time, even if this is cancelled.
        """
        writing = asyncio.ensure_future(self._write(records, self._source.sent()))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            with suppress(TimeoutError, KafkaError, TakenOverError):
                await asyncio.wait_for(writing, STOP_TIMEOUT)
            raise

    async def _write(self, records: Iterable[Record], position: Position) -> None:
        before = self.delivered
        try:
            await self._producer.begin_transaction()
            await super().send(records)
            await self.drain()
            offsets = {self._place: OffsetAndMetadata(*position)}
            await self._producer.send_offsets_to_transaction(offsets, self._group)
            await self._producer.commit_transaction()
        except BaseException as error:
            self.delivered = before
            if isinstance(error, ProducerFenced):
                raise TakenOverError(
                    f"a later process sends the same as {self._group}, or the brokers were away in "
                    "the middle of a transaction: started again, this one goes on where it was"
                ) from error
            raise
