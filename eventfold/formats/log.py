"""Schema log: the topic `schemas`, which every worker follows and one at a time writes.

The only writer is the one whose transactional producer started last: its start fences the one
before, which then can't commit. So nobody else writes between the read to the end and the commit,
and two workers never assign the same id.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
import stamina
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from eventfold.decoding import json_decoder
from eventfold.formats.errors import RegistryError
from eventfold.formats.subjects import Subjects
from eventfold.kafka.clients.connections import client_options, stop_consumer
from eventfold.kafka.clients.producers import only_writer
from eventfold.records import SchemaLevel, SchemaVersion
from eventfold.settings import Settings

#: Transactional id of every writer of the log.
WRITER = "tickstream-schemas"
#: Seconds that reading to the end or writing may take, retries included.
PATIENCE = 15.0
#: Seconds until the next attempt after a failed read.
PAUSE = 1.0

Entry = SchemaVersion | SchemaLevel
T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode = json_decoder(SchemaVersion | SchemaLevel)


class SchemaLog(Service):
    """Service that follows the topic, and writes to it as its only writer."""

    abstract = False

    def __init__(self, conf: Settings, topic: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._conf = conf
        self._partition = TopicPartition(topic, 0)
        self._consumer = _new_consumer(conf)
        #: A second consumer, for end offsets: behind a waiting fetch, the request would wait, too.
        self._asking = _new_consumer(conf)
        self._position = 0
        self._moved = asyncio.Condition()
        self._turn = asyncio.Lock()
        #: The registered schemas and levels, as far as the log has been read.
        self.subjects = Subjects()

    async def on_start(self) -> None:
        """Connect. Raises KafkaError if no broker answers."""
        for consumer in (self._consumer, self._asking):
            await consumer.start()
            consumer.assign([self._partition])
        self._asking.pause(self._partition)
        await self._consumer.seek_to_beginning(self._partition)

    async def on_shutdown(self) -> None:
        """Disconnect, after the reading task has ended."""
        for consumer in (self._consumer, self._asking):
            await stop_consumer(consumer)

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001
                # Requests fail meanwhile; no reason to stop the worker.
                self.log.warning("The log of schemas can't be read at the moment: %r", error)
                await self.sleep(PAUSE)

    async def _read(self) -> None:
        fetched = await self._consumer.getmany(self._partition, timeout_ms=200)
        for record in fetched.get(self._partition, ()):
            self._apply(record)
        position = await self._consumer.position(self._partition)
        async with self._moved:
            self._position = position
            self._moved.notify_all()

    def _apply(self, record: Any) -> None:
        if record.value is None:
            return
        try:
            self.subjects.apply(_decode(record.value))
        except Exception as error:  # noqa: BLE001  # whatever it is: those behind it count
            self.log.warning(
                "Offset %d of %s is no entry of ours, and left out: %s",
                record.offset,
                self._partition.topic,
                error,
            )

    async def catch_up(self) -> None:
        """Read everything committed before the call. Raises RegistryError (50001)."""
        try:
            async with asyncio.timeout(PATIENCE):
                ends = await self._asking.end_offsets([self._partition])
                await self._read_to(ends[self._partition])
        except (TimeoutError, KafkaError) as error:
            raise _away(error) from error

    async def _read_to(self, end: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._position >= end)

    async def write(self, decide: Callable[[Subjects], tuple[T, list[Entry]]]) -> T:
        """Write the entries that `decide` returns for the present subjects; return its answer.

        `decide` is called again if another writer was faster. Raises what it raises, and
        RegistryError (50001) if the broker does not accept the entries.
        """
        try:
            async with self._turn, asyncio.timeout(PATIENCE):
                return await self._decided(decide)
        except (TimeoutError, KafkaError) as error:
            raise _away(error) from error

    # In most cases fenced. After a commit with unknown outcome, `decide` sees whether it was made.
    @stamina.retry(on=KafkaError, attempts=None, timeout=PATIENCE, wait_initial=0.02, wait_max=0.5)
    async def _decided(self, decide: Callable[[Subjects], tuple[T, list[Entry]]]) -> T:
        async with only_writer(WRITER, self._conf) as producer:
            await self.catch_up()
            answer, entries = decide(self.subjects)
            last = -1
            if entries:
                async with producer.transaction():
                    for entry in entries:
                        key, value = entry.key.encode(), _encode(entry)
                        sent = await producer.send_and_wait(self._partition.topic, value, key, 0)
                        last = sent.offset
        # The coordinator answers a commit before the partition's leader knows it. Until then, the
        # end offset is before these entries, and a read to the end would miss them.
        await self._read_to(last + 1)
        return answer


def _new_consumer(conf: Settings) -> Any:
    return AIOKafkaConsumer(
        **client_options(conf),
        client_id="tickstream-schemas",
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )


def _away(error: Exception) -> RegistryError:
    message = f"The log of schemas can't be reached: {error!r}"
    return RegistryError(HTTPStatus.SERVICE_UNAVAILABLE, 50001, message)
