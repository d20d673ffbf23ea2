"""Stub of a broker without topic ids that has one partition of a changelog, and its consumer."""

import asyncio
from types import SimpleNamespace
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from eventfold.engine.replica import OWN
from eventfold.engine.rows import META, Meta, encode_meta, row_key


class Record(NamedTuple):
    """A record of a changelog."""

    offset: int
    key: bytes
    value: bytes | None


class Broker:
    """Changelog of a broker without topic ids: rows, and a transaction marker after the last."""

    def __init__(self, rows: int, *, first: int = 0, layout: str = "") -> None:
        meta = encode_meta(Meta(history=f"{OWN}x", layout=layout))
        self.records = [Record(n, row_key(b"A", n), b"%d" % n) for n in range(first, rows)]
        self.records.append(Record(rows, META, meta))
        self.first, self.end = first, rows + 2
        #: Offsets that the consumer sought, and how many records an answer has.
        self.sought: list[int] = []
        self.answer = 3
        #: `delete.retention.ms` of its topics; None if reading the configuration is not permitted.
        self.kept: str | None = None


class Consumer:
    """Stub of aiokafka's consumer and of the client in it."""

    _coordinator = _fetcher = None

    def __init__(self, broker: Broker, **options: Any) -> None:
        assert options["isolation_level"] == "read_committed"
        assert options["auto_offset_reset"] == "earliest"
        assert options["enable_auto_commit"] is False
        self._broker, self._client, self._position = broker, self, -1
        self._polls = 0

    async def start(self) -> None:
        """Connect to nothing."""

    async def close(self) -> None:
        """Close nothing."""

    def get_random_node(self) -> int:
        """Return a broker."""
        return 0

    async def send(self, _: int, request: Any) -> Any:
        """Return the topics' metadata or configuration."""
        if type(request).__name__ == "MetadataRequest":
            return SimpleNamespace(topics=[(0, name) for name in request._topics])
        ((kind, topic, names),) = request._resources
        assert (kind, names) == (2, ["delete.retention.ms"])
        entries = [(names[0], self._broker.kept, False, False, False)]
        found = [] if self._broker.kept is None else [(0, None, kind, topic, entries)]
        return SimpleNamespace(resources=found)

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offset."""
        return dict.fromkeys(tps, self._broker.first)

    async def end_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset after the last."""
        return dict.fromkeys(tps, self._broker.end)

    def assign(self, tps: list[TopicPartition]) -> None:
        """Take partitions."""
        self._assigned = tps

    def seek(self, _: TopicPartition, offset: int) -> None:
        """Go on from an offset."""
        self._broker.sought.append(offset)
        self._position = offset

    async def getmany(self, *_: Any, **__: Any) -> dict[TopicPartition, list[Record]]:
        """Return the next few records; after the last one the position passes the marker."""
        await asyncio.sleep(0)
        (tp,) = self._assigned
        self._polls += 1
        found = [each for each in self._broker.records if each.offset >= self._position]
        found = found[: self._broker.answer]
        self._position = found[-1].offset + 1 if found else self._broker.end
        return {tp: found} if found else {}

    async def position(self, _: TopicPartition) -> int:
        """Return the offset to read next."""
        return self._position

    def last_stable_offset(self, _: TopicPartition) -> int:
        """Return the end of what is committed."""
        return self._broker.end

    def last_poll_timestamp(self, _: TopicPartition) -> int:
        """Return when the last answer came (ms): each at another time."""
        return self._polls
