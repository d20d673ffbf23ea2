"""Source port: the consumer that fetches the records of tasks."""

from collections.abc import Mapping
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata


class Source(Protocol):
    """Consumer that fetches the records of tasks, as far as tasks need it."""

    async def committed(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """Return the group's committed offset with its metadata; None without one."""

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the first offset that exists, and the end offset."""

    async def topic_id(self, topic: str) -> str:
        """Fetch a topic by its id from now on; return the id, "" without. Raises KafkaError."""

    async def fetched(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """Return the offset up to which each partition is fetched, and its end offset."""

    async def seek(self, tp: TopicPartition, offset: int) -> None:
        """Fetch from this offset on."""

    def deliver(self, tp: TopicPartition, *, active: bool) -> None:
        """Start or stop delivering the partition's records."""

    def still_assigned(self, tp: TopicPartition, generation: int) -> bool:
        """Return whether the partition is ours in this generation, with no rebalance under way."""
