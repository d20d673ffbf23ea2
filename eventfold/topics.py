"""Topics: what stands in them, for how long, how they are configured."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from app.settings import Settings, settings
from eventfold.records import DeadLetter, SchemaLevel, SchemaVersion, TopicOwner

DAY = 86_400_000

#: Kafka's bound on how far a record's timestamp is ahead of the broker's clock (ms), from 3.6 on.
AFTER_MAX = "message.timestamp.after.max.ms"

#: Whose clock the timestamps of a topic are of: the producers', or the brokers'.
TIMESTAMP_TYPE = "message.timestamp.type"

#: How long brokers keep the tombstones of a changelog (ms).
TOMBSTONES_KEPT = DAY


class Timestamp(Enum):
    """Where the time of an event may come from, if not from a field of its record."""

    #: Kafka's timestamp, given by the producer.
    CREATE = "CreateTime"
    #: Kafka's timestamp, given by the broker when it stored the record.
    LOG_APPEND = "LogAppendTime"
    #: The worker's clock when it reads the record, never before the partition's stream time: no
    #: replay gives the same windows again.
    PROCESSING = "processing time"


@dataclass(frozen=True)
class Topic:
    """A topic: what stands in it and how long.

    `time` is the field with the time of an event (integer ms since the epoch), or a Timestamp.
    `partitions` None means `TOPIC_PARTITIONS`: such topics are co-partitioned, a key has the
    same partition in each. `retention` is in ms by Kafka's timestamp, None for ever.
    A compacted topic keeps the last value of each key.
    """

    #: Its name without TICKSTREAM_TOPIC_PREFIX and application id: see `name`.
    base_name: str
    key: str
    #: A type, or a union of tagged ones.
    value: Any
    purpose: str
    partitions: int | None = None
    retention: int | None = 30 * DAY
    compacted: bool = False
    time: str | Timestamp = "time"
    #: Fields that tell the windows of a key apart; those of size, advance, start if empty.
    identity: tuple[str, ...] = ()
    #: Fields that depend on when a record was processed: a replay gives others.
    processing: tuple[str, ...] = ()
    #: Whether a record's Kafka key has to be its key field; else it may have any, or none.
    keyed: bool = True
    #: What makes a record of a value; it raises ValueError for what is none. JSON if None.
    read: Callable[[bytes], Any] | None = None
    #: What makes a value of a record. JSON if None.
    write: Callable[[Any], bytes] | None = None
    #: What makes a record of a tombstone: of its key, and of Kafka's timestamp (ms), which is the
    #: only time it has. Without it, a value that is not there can't be read.
    tombstone: Callable[[str, int], Any] | None = None
    #: Between two steps of one application: no other one reads it, its name has the application's.
    internal: bool = False
    #: Written by producers, which know nothing of TICKSTREAM_TOPIC_PREFIX: it never has the prefix.
    external: bool = False
    #: Any number of applications may write it; it has no owner.
    shared: bool = False

    @cached_property
    def name(self) -> str:
        """The topic's name in Kafka."""
        if self.external:
            return self.base_name
        return settings().topic_name(self.base_name, internal=self.internal)

    def partition_count(self, conf: Settings | None = None) -> int:
        """Give how many partitions this topic has under `conf` (this process's if None)."""
        return self.partitions or (conf or settings()).topic_partitions

    def config(self) -> dict[str, str]:
        """Give the topic's configuration, in Kafka's own names."""
        if self.compacted:
            return {"cleanup.policy": "compact"} | self._timestamps()
        return {
            "cleanup.policy": "delete",
            "retention.ms": "-1" if self.retention is None else str(self.retention),
        } | self._timestamps()

    def _timestamps(self) -> dict[str, str]:
        if self.time is Timestamp.LOG_APPEND:
            return {TIMESTAMP_TYPE: self.time.value}
        # Event times are compared with Kafka's timestamps, or are those: both are of the producer's
        # clock, and the broker refuses what is far ahead of its own.
        bound = {AFTER_MAX: str(settings().max_ahead)}
        if self.time is Timestamp.CREATE:
            return {TIMESTAMP_TYPE: self.time.value} | bound
        return bound if isinstance(self.time, str) and self.external and not self.shared else {}


@dataclass(frozen=True)
class Changelog:
    """The topic that holds the rows of a table, partitioned as the table's source."""

    name: str
    source: Topic

    def partition_count(self, conf: Settings | None = None) -> int:
        """Give how many partitions it has: its source's."""
        return self.source.partition_count(conf)

    def config(self) -> dict[str, str]:
        """Give the topic's configuration: segments closed soon enough to be compacted."""
        return {
            "cleanup.policy": "compact",
            "segment.bytes": str(32 << 20),
            "segment.ms": str(10 * 60_000),
            "min.cleanable.dirty.ratio": "0.3",
            "max.compaction.lag.ms": str(60 * 60_000),
            "delete.retention.ms": str(TOMBSTONES_KEPT),
        }


SCHEMAS = Topic(
    "schemas",
    "key",
    SchemaVersion | SchemaLevel,
    "what is registered in the workers' own schema registry",
    partitions=1,
    compacted=True,
)
DEAD_LETTERS = Topic(
    "dead-letters",
    "source topic",
    DeadLetter,
    "what could not be read or processed, and why",
    partitions=3,
    processing=("time",),
    shared=True,
)
OWNERS = Topic(
    "tickstream-owners",
    "topic",
    TopicOwner,
    "which application writes each output, of all applications of these brokers",
    partitions=1,
    compacted=True,
    external=True,
    shared=True,
)
