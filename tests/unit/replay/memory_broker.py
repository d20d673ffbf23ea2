"""A broker in memory for the consumers and admin clients of this process.

Its topics are those of a topology driver: live has run there, and a replay reads them.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from eventfold.engine import changelog
from eventfold.harness.kafka import MemoryKafka, PartitionLog, TopicRecord
from eventfold.kafka import admin
from eventfold.testing import TopologyDriver
from eventfold.testing.driver import MEMORY

#: Records of one partition in an answer: several answers make a topic, as on a broker.
FETCH = 100


class TimeOffset(NamedTuple):
    """First offset of a time, as a broker returns it."""

    offset: int


class MemoryBroker:
    """The topics that a driver has written."""

    def __init__(self, driver: TopologyDriver) -> None:
        self.kafka: MemoryKafka = driver._kafka
        self.counts = {
            name: topic.partition_count() for name, topic in driver._topics._known.items()
        }
        #: Offset of the first record that is kept.
        self.first_offsets: dict[TopicPartition, int] = {}
        #: Partitions that a consumer has read, with the first offset.
        self.read: dict[TopicPartition, int] = {}

    def log(self, tp: TopicPartition) -> PartitionLog:
        """Return a partition."""
        return self.kafka.log(*tp)

    def records(self, topic: str) -> list[TopicRecord]:
        """Return the records of a topic."""
        tps = (TopicPartition(topic, n) for n in range(self.counts[topic]))
        return [record for tp in tps for record in self.log(tp).records]

    def delete(self, tp: TopicPartition, before: int) -> None:
        """Delete the records before an offset, as retention does."""
        log = self.log(tp)
        log.records = [record for record in log.records if record.offset >= before]
        self.first_offsets[tp] = before

    @contextmanager
    def as_only_broker(self) -> Iterator[None]:
        """Connect all clients of this process to this broker, and to no other, within the block."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(changelog, "AIOKafkaConsumer", partial(MemoryConsumer, self))
            patch.setattr(admin, "AdminClient", partial(MemoryAdmin, self))
            patch.setattr(admin, "demand_entry", _admit)
            if MEMORY.is_dir():
                # Opening and deleting its stores on a disk took four fifths of a replay.
                patch.setattr(tempfile, "tempdir", str(MEMORY))
            yield


async def _admit(_: Any) -> None:
    """Admit every client, without a socket."""


class MemoryClient:
    """Holder of the connections of an aiokafka consumer."""

    async def close(self) -> None:
        """Close nothing."""


class MemoryConsumer:
    """The part of an aiokafka consumer that our consumers use."""

    _coordinator = _fetcher = None

    def __init__(self, broker: MemoryBroker, **options: Any) -> None:
        assert options["isolation_level"] == "read_committed"
        assert not options["enable_auto_commit"]
        self._broker = broker
        self._client = MemoryClient()
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()

    async def start(self) -> None:
        """Connect to nothing."""

    def assign(self, tps: Sequence[TopicPartition]) -> None:
        """Assign partitions, to be read from where `seek` puts them."""
        self._positions = dict.fromkeys(tps, -1)
        self._paused.clear()

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Go on from an offset."""
        assert tp in self._positions
        assert self._broker.first_offsets.get(tp, 0) <= offset <= self._broker.log(tp).end
        self._positions[tp] = offset
        self._broker.read[tp] = offset

    def pause(self, tp: TopicPartition) -> None:
        """Read nothing more of a partition."""
        self._paused.add(tp)

    async def beginning_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offset of each partition."""
        return {tp: self._broker.first_offsets.get(tp, 0) for tp in tps}

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset after the last of each partition."""
        return {tp: self._broker.log(tp).end for tp in tps}

    async def offsets_for_times(
        self, times: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, TimeOffset | None]:
        """Return the first record of each partition that is not older than a time (ms)."""
        found = {}
        for tp, time in times.items():
            assert time >= 0
            records = self._broker.log(tp).records
            found[tp] = next((TimeOffset(r.offset) for r in records if r.timestamp >= time), None)
        return found

    async def getmany(
        self, *tps: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[TopicRecord]]:
        """Return the next records; the position passes markers, which are none."""
        assert timeout_ms > 0
        await asyncio.sleep(0)
        found, room = {}, max_records
        for tp in tps:
            assert self._positions[tp] >= 0
            assert tp not in self._paused
            if not room:
                break
            log = self._broker.log(tp)
            records = log.since(self._positions[tp], min(room, FETCH))
            self._positions[tp] = records[-1].offset + 1 if records else log.end
            room -= len(records)
            if records:
                found[tp] = records
        return found

    async def position(self, tp: TopicPartition) -> int:
        """Return the offset to read next."""
        return self._positions[tp]


class MemoryAdmin:
    """The part of an admin client that our admin clients use."""

    def __init__(self, broker: MemoryBroker, **_: Any) -> None:
        self._broker = broker

    async def start(self) -> None:
        """Connect to nothing."""

    async def close(self) -> None:
        """Close nothing."""

    async def describe_cluster(self) -> None:
        """Answer."""

    async def describe_topics(self) -> list[dict[str, Any]]:
        """Return each topic with its partitions."""
        counts = self._broker.counts.items()
        return [{"topic": name, "partitions": [{}] * count} for name, count in counts]

    async def committed(self, _: str) -> dict[TopicPartition, Any]:
        """Return what the application has committed."""
        return dict(self._broker.kafka.committed)
