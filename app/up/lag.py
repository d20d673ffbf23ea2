"""Lag of the application behind its market."""

from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.market.topics import TICKS
from app.settings import Settings
from eventfold.kafka.clients import client_options


class Lag:
    """Number of ticks that no worker of the application has committed yet."""

    def __init__(self, conf: Settings) -> None:
        ticks = TICKS.of(conf)
        numbers = range(ticks.partition_count())
        self._partitions = [TopicPartition(ticks.name, number) for number in numbers]
        self._consumer: Any = AIOKafkaConsumer(
            **client_options(conf),
            group_id=conf.app_id,
            enable_auto_commit=False,
            # Records of open transactions can't be read yet, so they are no lag.
            isolation_level="read_committed",
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self._consumer.stop()

    async def records(self) -> int:
        """Return the number of records."""
        ends = await self._consumer.end_offsets(self._partitions)
        committed = [await self._consumer.committed(each) for each in self._partitions]
        return sum(ends.values()) - sum(offset or 0 for offset in committed)
