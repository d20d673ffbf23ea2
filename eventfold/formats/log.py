"""The log of what is registered: the topic `schemas`, followed by every worker, written by one.

The only writer is the one whose transactional producer started last: starting it fences the one
before, whose transaction then can't commit. So between reading to the end and committing nobody
else has written, and two workers never give one id twice.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import stamina
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from eventfold.decoding import json_decoder
from eventfold.engine.checkpoint import only_writer
from eventfold.formats.errors import RegistryError
from eventfold.formats.subjects import Subjects
from eventfold.kafka.clients import client_options, stop_consumer
from eventfold.records.schemas import SchemaLevel, SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.settings import Settings

#: Whatever is written to the log is written by this one.
WRITER = "tickstream-schemas"
#: Seconds until what was asked of the broker has to be done.
PATIENCE = 15.0
#: Seconds until it is read again after that failed.
PAUSE = 1.0

Entry = SchemaVersion | SchemaLevel
T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode = json_decoder(SchemaVersion | SchemaLevel)


class SchemaLog(Service):
    """Follows the topic, and writes it as the only one who does."""

    abstract = False

    def __init__(self, conf: Settings, topic: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._conf = conf
        self._partition = TopicPartition(topic, 0)
        self._consumer = _new_consumer(conf)
        #: Asks for the end of the log: behind a fetch that waits it would wait, too.
        self._asking = _new_consumer(conf)
        self._position = 0
        self._moved = asyncio.Condition()
        self._turn = asyncio.Lock()
        #: What is registered, as far as it has been read.
        self.subjects = Subjects()

    async def on_start(self) -> None:
        """Connect. Raises KafkaError where no broker answers."""
        for consumer in (self._consumer, self._asking):
            await consumer.start()
            consumer.assign([self._partition])
        self._asking.pause(self._partition)
        await self._consumer.seek_to_beginning(self._partition)

    async def on_shutdown(self) -> None:
        """Disconnect, once nothing is read any more."""
        for consumer in (self._consumer, self._asking):
            await stop_consumer(consumer)

    @Service.task
    async def _follow(self) -> None:
        while not self.should_stop:
            try:
                await self._read()
            except Exception as error:  # noqa: BLE001
                # Whoever asks meanwhile is told so; a worker does not stop for that.
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
        """Return when all is read that was committed before. Raises RegistryError in time."""
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
        """Let `decide` say what is to be written in view of all there is; give what it answers.

        It is asked again where somebody else was faster. Raises what it raises; RegistryError
        (50001) where the broker does not take it.
        """
        try:
            async with self._turn, asyncio.timeout(PATIENCE):
                return await self._decided(decide)
        except (TimeoutError, KafkaError) as error:
            raise _away(error) from error

    # Mostly fenced; and a commit that may have come to its end or not is looked for anew.
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
        # The coordinator answers a commit before the partition's leader has heard of it: until
        # then the end of what is committed stands before these, and whoever asks misses them.
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
