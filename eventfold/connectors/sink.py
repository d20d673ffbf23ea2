"""Sink: where the records of a topic are stored outside of Kafka, each once."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple


class SinkError(Exception):
    """A sink can't write to its target; the message is one line that names it."""


class SinkRecord(NamedTuple):
    """A record as it is in Kafka; `timestamp` is Kafka's, in ms."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int

    @property
    def place(self) -> str:
        """The record's coordinates, `topic-partition-offset`: the same at each attempt.

        >>> SinkRecord("visits", 3, 17, b"page", b"{}", 0).place
        'visits-3-17'
        """
        return f"{self.topic}-{self.partition}-{self.offset}"


class Batch(NamedTuple):
    """Records of one partition, in order, and the offset to continue at when they are stored."""

    topic: str
    partition: int
    records: Sequence[SinkRecord]
    end: int

    @property
    def name(self) -> str:
        """The partition's name, `topic-number`."""
        return f"{self.topic}-{self.partition}"


#: Reports a record that the sink can't store, with the reason; it is durable when this returns.
Reject = Callable[[SinkRecord, str], Awaitable[None]]


class Sink(ABC):
    """Target of records: a subclass has at least `write`.

    Each record is stored once if `write` stores the offsets with the records, all or nothing, and
    `resume` returns them; or if the target drops a second record of the same `place`.

    >>> class Memory(Sink):
    ...     def __init__(self):
    ...         self.values, self.ends = [], {}
    ...
    ...     async def resume(self, committed):
    ...         return {**committed, **self.ends}
    ...
    ...     async def write(self, batches, reject):
    ...         for batch in batches:
    ...             self.values += [record.value for record in batch.records]
    ...             self.ends[batch.name] = batch.end
    """

    #: A write waits until there are so many records, or for so many seconds.
    max_records = 10_000
    max_seconds = 1.0

    async def open(self) -> None:  # noqa: B027  # a sink without a connection has nothing to open
        """Connect, and create what is missing in the target."""

    async def resume(self, committed: Mapping[str, int]) -> Mapping[str, int]:
        """Return the offset to continue at, for each partition (`topic-number`) in `committed`.

        `committed` holds the offsets that the consumer group has committed in Kafka, which is what
        this returns unless the target has offsets of its own.
        """
        return committed

    @abstractmethod
    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Store the records, durably when this returns, and the `end` of each batch with them.

        A write that was cancelled or has failed is repeated, possibly in other batches. `reject` a
        record that the target will never accept, before its offset is stored.
        """

    async def close(self) -> None:  # noqa: B027
        """Disconnect; called once `open` has returned."""
