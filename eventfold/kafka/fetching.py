"""Fetch path without aiokafka's `ConsumerRecord` of eleven fields for each record.

Creating `ConsumerRecord` and running its generator costs as much as folding the record. The topics
of tasks keep aiokafka's parsing, transactions, aborts and positions, but the unit that passes
through it is a chunk of records, as the C parser made them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka.consumer import fetcher as _fetcher
from aiokafka.errors import KafkaError

from eventfold.kafka.fetch_by_id import FetchRequest

#: aiokafka annotates none of it.
fetcher: Any = _fetcher

#: Most records in a chunk. A poll has to allow at least as many (BROKER_MAX_POLL_RECORDS).
CHUNK = 500


def install(is_raw: Callable[[str], bool]) -> None:
    """Make this process's consumers fetch by topic id, and in chunks if `is_raw(topic)` is true."""
    _raw.is_raw = is_raw
    fetcher.FetchRequest = FetchRequest
    fetcher.PartitionRecords, fetcher.FetchResult = ChunkedRecords, ChunkedResult


@dataclass
class _Raw:
    """Predicate of the topics whose records are returned raw, in chunks."""

    is_raw: Callable[[str], bool] = lambda _: False


_raw = _Raw()


class _Chunk:
    """Chunk of a batch; aiokafka takes it for one record with the offset of the last one."""

    __slots__ = ("offset", "records")

    def __init__(self, records: list[Any]) -> None:
        self.records = records
        self.offset = records[-1].offset


class _ChunkedBatch:
    """Record batch that is iterated in chunks."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch

    def __iter__(self) -> Iterator[_Chunk]:
        records = list(self._batch)
        return (_Chunk(records[i : i + CHUNK]) for i in range(0, len(records), CHUNK))

    def __next__(self) -> Any:
        return next(self._batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)


class _ChunkedMemory:
    """Batches of a fetch response, each iterated in chunks."""

    def __init__(self, records: Any) -> None:
        self._records = records
        self.has_next = records.has_next

    def next_batch(self) -> _ChunkedBatch:
        return _ChunkedBatch(self._records.next_batch())


class ChunkedRecords(fetcher.PartitionRecords):
    """Records of one fetched partition, in chunks if its topic is raw."""

    def __init__(self, tp: Any, records: Any, *args: Any) -> None:
        self.raw = _raw.is_raw(tp.topic)
        super().__init__(tp, _ChunkedMemory(records) if self.raw else records, *args)

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        if not self.raw:
            return super()._consumer_record(tp, record)
        first, records = self.next_fetch_offset, record.records
        if records[0].offset < first:
            return [each for each in records if each.offset >= first]
        return records


class ChunkedResult(fetcher.FetchResult):
    """Remaining records of one fetched partition, in chunks if its topic is raw."""

    def getall(self, max_records: int | None = None) -> list[Any]:
        """Return the next records, at most `max_records`, in whole chunks."""
        chunked = self._partition_records
        if chunked is None or not chunked.raw:
            return super().getall(max_records)
        records: list[Any] = []
        while max_records is None or len(records) + CHUNK <= max_records:
            try:
                chunk = super().getall(1)
            except KafkaError:
                # The position is behind the records read; the next call raises the error again.
                if records:
                    return records
                raise
            if not chunk:
                break
            records += chunk[0]
        return records
