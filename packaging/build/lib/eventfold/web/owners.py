"""Owners of partitions as Faust's assignor knows them, and the likely owner of a key."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from aiokafka.partitioner import DefaultPartitioner
from faust.types import AppT

if TYPE_CHECKING:
    from faust.assignor.partition_assignor import PartitionAssignor
    from faust.types.assignor import HostToPartitionMap

_partition = DefaultPartitioner()


def distribution(app: AppT) -> "HostToPartitionMap":
    """Return worker address → source topic → partitions; empty before the first assignment."""
    # Faust's assignor interface lacks this property; its only implementation has it.
    return cast("PartitionAssignor", app.assignor).external_topic_distribution


def owners(app: AppT, topic: str) -> dict[int, str]:
    """Return partition → address of its owner; empty before the first assignment."""
    return {
        partition: url
        for url, topics in distribution(app).items()
        for partition in topics.get(topic, ())
    }


def likely_owner(owned: dict[int, str], key: str) -> str:
    """Return the address of the worker that owns `key` under murmur2 partitioning.

    Java's producer and ours use murmur2; others do not (librdkafka's default is CRC32). So this is
    the worker to ask first, not certainly the one with the key. Raises KeyError if `owned` is
    empty.
    """
    if not owned:
        raise KeyError(key)
    partitions = sorted(owned)
    return owned[_partition(key.encode(), partitions, partitions)]


def others(urls: Iterable[str], *but: str) -> list[str]:
    """Return each of `urls` once and in order, without those in `but`."""
    return [url for url in dict.fromkeys(urls) if url not in but]


def own_url(app: AppT) -> str:
    """Return the address under which other workers know this one."""
    return str(app.conf.canonical_url)
