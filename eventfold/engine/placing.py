"""The partition of a key among those of a topic that we write."""

from functools import cache

from aiokafka.partitioner import DefaultPartitioner

from eventfold.recent import Recent

_partitioner = DefaultPartitioner()


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of `key` among `count`, as Kafka's default partitioner of Java has it.

    The reference of native/tickstream_native/placing.pyx, which hashes in C. Remembered here:
    aiokafka hashes in Python, 4 to 7 µs a key.
    """
    return _partitions(count)[key]


@cache
def _partitions(count: int) -> Recent[bytes, int]:
    partitions = list(range(count))
    return Recent(lambda key: int(_partitioner(key, partitions, [])))
