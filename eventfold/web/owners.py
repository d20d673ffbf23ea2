"""Which worker owns which partition, by Faust's assignor; and which one likely has a key."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from aiokafka.partitioner import DefaultPartitioner
from faust.types import AppT

if TYPE_CHECKING:
    from faust.assignor.partition_assignor import PartitionAssignor
    from faust.types.assignor import HostToPartitionMap

_partition = DefaultPartitioner()


def distribution(app: AppT) -> "HostToPartitionMap":
    """Give address → source topic → partitions, of every worker; empty before an assignment."""
    # Faust's interface for assignors lacks it; its only implementation doesn't.
    return cast("PartitionAssignor", app.assignor).external_topic_distribution


def owners(app: AppT, topic: str) -> dict[int, str]:
    """Give partition → address of the worker that owns it; empty before an assignment."""
    return {
        partition: url
        for url, topics in distribution(app).items()
        for partition in topics.get(topic, ())
    }


def likely_owner(owned: dict[int, str], key: str) -> str:
    """Give the address that owns `key` if its producer hashes as Java's and ours do (murmur2).

    Others don't (librdkafka's default is CRC32), so this is where to ask first, not where the
    key has to be. Raises KeyError where nothing is owned.
    """
    if not owned:
        raise KeyError(key)
    partitions = sorted(owned)
    return owned[_partition(key.encode(), partitions, partitions)]


def others(urls: Iterable[str], *but: str) -> list[str]:
    """Give each of `urls` once, without `but`."""
    return [url for url in dict.fromkeys(urls) if url not in but]


def own_url(app: AppT) -> str:
    """Give the address under which the others know this worker."""
    return str(app.conf.canonical_url)
