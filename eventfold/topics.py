"""Topics: their record types, retention and configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields
from enum import Enum
from functools import cached_property
from typing import Any

from eventfold.records import (
    DeadLetter,
    ResentRecord,
    SchemaLevel,
    SchemaVersion,
    TopicOwner,
)
from eventfold.records.keys import KeyFields, key_fields, key_reader
from eventfold.records.shape import described
from eventfold.settings import Settings

DAY = 86_400_000

#: Topic option (Kafka 3.6 or newer): how far (ms) a record's timestamp may be ahead of the
#: broker's clock.
AFTER_MAX = "message.timestamp.after.max.ms"

#: Topic option: whether timestamps are of the producer's clock or of the broker's.
TIMESTAMP_TYPE = "message.timestamp.type"

#: Time (ms) that brokers keep the tombstones of a changelog.
TOMBSTONES_KEPT = DAY


class Timestamp(Enum):
    """Source of an event's time, if it is not a field of the record."""

    #: Kafka's timestamp, set by the producer.
    CREATE = "CreateTime"
    #: Kafka's timestamp, set by the broker when it stored the record.
    LOG_APPEND = "LogAppendTime"
    #: The worker's clock when it reads the record, never before the partition's stream time. A
    #: replay does not reproduce the windows.
    PROCESSING = "processing time"


@dataclass(frozen=True)
class Topic:
    """A topic: the type of its records, their key and event time, and how long they are kept.

        VISITS = Topic("visits", Visit, key="page")

    It is a declaration alone: the settings of an application determine its name and configuration
    in Kafka, and several applications of a process may use it. See `of`.

    `value` is the type of the records, a msgspec Struct (such as a `Record`) or a dataclass, or a
    union of tagged types. `key` is the field, a text or a number, that is Kafka's key as text, or
    several fields (`("country", "page")`): see `eventfold/records/keys.py`. `time` is the field
    with the event time (integer ms since the epoch), or a Timestamp. `purpose` is the first line of
    the records' docstring, if not given.

    `partitions` None means `TOPIC_PARTITIONS`: such topics are co-partitioned, so a key has the
    same partition in each. `retention` is in ms by Kafka's timestamp; None keeps records for ever.
    A compacted topic keeps the last value of each key.
    """

    #: The name without EVENTFOLD_TOPIC_PREFIX and application id; see `BoundTopic.name`.
    base_name: str
    value: Any
    _: KW_ONLY
    key: KeyFields
    purpose: str = ""
    partitions: int | None = None
    retention: int | None = 30 * DAY
    compacted: bool = False
    time: str | Timestamp = "time"
    #: Fields that identify a window of a key; if empty, those of size, advance and start.
    identity: tuple[str, ...] = ()
    #: Fields that depend on processing time: a replay computes other values.
    processing: tuple[str, ...] = ()
    #: Whether a record's Kafka key must equal its key field; if not, it may have any key or none.
    keyed: bool = True
    #: Deserializer of a value; raises ValueError for an invalid one. JSON if None.
    read: Callable[[bytes], Any] | None = None
    #: Serializer of a record. JSON if None.
    write: Callable[[Any], bytes] | None = None
    #: Makes a record of a tombstone from its key and Kafka's timestamp (ms), the only time it has.
    #: If None, a tombstone can't be read.
    tombstone: Callable[[str, int], Any] | None = None
    #: Whether it connects two steps of one application, whose id is then part of the topic's name.
    internal: bool = False
    #: Whether producers outside of the application write it; its name never has
    #: EVENTFOLD_TOPIC_PREFIX, which they do not know.
    external: bool = False
    #: Whether any number of applications may write it, so that it has no owner.
    shared: bool = False

    def __post_init__(self) -> None:
        # The dataclass is frozen, and these are its canonical forms.
        if isinstance(self.key, tuple) and len(self.key) == 1:
            object.__setattr__(self, "key", self.key[0])
        if not self.purpose:
            object.__setattr__(self, "purpose", described(self.value))

    @cached_property
    def key_of(self) -> Callable[[Any], str]:
        """Function that returns the key of a record, as text."""
        return key_reader(self.value, self.key)

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields of the key."""
        return key_fields(self.key)

    def of(self, conf: Settings) -> BoundTopic:
        """Return the topic of the application with the settings `conf`."""
        name = self.base_name
        if not self.external:
            name = conf.topic_name(name, internal=self.internal)
        declared: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(Topic)}
        number = self.partitions or conf.topic_partitions
        return BoundTopic(**declared, name=name, number=number, max_ahead=conf.max_ahead)


@dataclass(frozen=True, kw_only=True)
class BoundTopic(Topic):
    """A declared topic in one application: what Kafka knows of it."""

    #: The topic's name in Kafka.
    name: str
    #: Its number of partitions.
    number: int
    #: How far (ms) a producer's clock may be ahead of the broker's.
    max_ahead: int

    def partition_count(self) -> int:
        """Return the number of partitions."""
        return self.number

    def config(self) -> dict[str, str]:
        """Return the topic's configuration by Kafka's option names."""
        if self.compacted:
            return {"cleanup.policy": "compact"} | self._timestamps()
        return {
            "cleanup.policy": "delete",
            "retention.ms": "-1" if self.retention is None else str(self.retention),
        } | self._timestamps()

    def _timestamps(self) -> dict[str, str]:
        if self.time is Timestamp.LOG_APPEND:
            return {TIMESTAMP_TYPE: self.time.value}
        # Event times are Kafka's timestamps or are checked against them. Both come from the
        # producer's clock, so the broker rejects records that are far ahead of its own clock.
        bound = {AFTER_MAX: str(self.max_ahead)}
        if self.time is Timestamp.CREATE:
            return {TIMESTAMP_TYPE: self.time.value} | bound
        return bound if isinstance(self.time, str) and self.external and not self.shared else {}


@dataclass(frozen=True)
class Changelog:
    """The changelog topic of a table: its rows, co-partitioned with the table's source."""

    name: str
    source: BoundTopic

    def partition_count(self) -> int:
        """Return the number of partitions, which is that of the source."""
        return self.source.partition_count()

    def config(self) -> dict[str, str]:
        """Return the topic's configuration, whose segments roll early enough to be compacted."""
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
    SchemaVersion | SchemaLevel,
    key="key",
    purpose="what is registered in the workers' own schema registry",
    partitions=1,
    compacted=True,
)
DEAD_LETTERS = Topic(
    "dead-letters",
    DeadLetter,
    key="source topic",
    purpose="what could not be read or processed, and why",
    partitions=3,
    processing=("time",),
    shared=True,
)
#: Created by the first `faust -A app deadletters resend`.
RESENT = Topic(
    "dead-letters-resent",
    ResentRecord,
    key="record",
    purpose="which dead letters were sent again, so that each is once",
    partitions=1,
    compacted=True,
    shared=True,
)
OWNERS = Topic(
    "tickstream-owners",
    TopicOwner,
    key="topic",
    purpose="which application writes each output, of all applications of these brokers",
    partitions=1,
    compacted=True,
    external=True,
    shared=True,
)
