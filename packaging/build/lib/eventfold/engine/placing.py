"""Partition of a key in an output topic."""

from functools import cache

from aiokafka.partitioner import DefaultPartitioner

from eventfold.recent import Recent

_partitioner = DefaultPartitioner()


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of `key` among `count`, by the rule of Kafka's default Java partitioner.

    Reference implementation of native/tickstream_native/placing.pyx, which hashes (murmur2) in C.
    Results are cached, because aiokafka hashes in Python, 4 to 7 µs a key.
    """
    return _partitions(count)[key]


@cache
def _partitions(count: int) -> Recent[bytes, int]:
    partitions = list(range(count))
    return Recent(lambda key: int(_partitioner(key, partitions, [])))
