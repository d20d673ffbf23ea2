"""Records in chunks: the same records, offsets and positions as aiokafka returns one by one.

The bytes are real record batches, read by aiokafka's own parser.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka_log import ABORT, COMMIT, Log, Written, logs

from app.settings import Settings
from eventfold.kafka import fetching
from eventfold.kafka.fetching import ChunkedRecords, ChunkedResult

TP = TopicPartition("ticks", 0)
StockRecords: Any = ChunkedRecords.__base__
StockResult: Any = ChunkedResult.__base__

#: Most records of each poll; the last holds for all that follow.
POLLS = st.lists(st.integers(4, 30), min_size=1, max_size=5)


@pytest.fixture(autouse=True)
def chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make chunks small, and "ticks" a topic of tasks."""
    monkeypatch.setattr(fetching, "CHUNK", 4)
    monkeypatch.setattr(fetching._raw, "is_raw", lambda topic: topic == TP.topic)


class Poll(NamedTuple):
    """Records of one poll, and the position after it."""

    records: list[tuple[Any, ...]]
    position: int


class Reader:
    """A partition being consumed: aiokafka's position, and a fetched answer."""

    def __init__(
        self, log: Log, offset: int, *, chunked: bool, isolation: int = READ_COMMITTED
    ) -> None:
        self.assignment = Assignment([TP])
        self.state = self.assignment.state_value(TP)
        self.state.reset_to(offset)
        self.chunked, self.isolation = chunked, isolation
        self.result: Any = None
        self.answer(*log.fetch(offset))

    def answer(self, raw: bytes, aborted: Sequence[tuple[int, int]]) -> None:
        """Take a broker's answer to a fetch at the position."""
        records_type, result_type = (
            (ChunkedRecords, ChunkedResult) if self.chunked else (StockRecords, StockResult)
        )
        records = records_type(
            *(TP, MemoryRecords(raw), aborted, self.state.position, None, None),
            *(True, self.isolation),
        )
        self.result = result_type(
            TP, assignment=self.assignment, partition_records=records, backoff=0
        )

    def poll(self, most: int | None) -> Poll:
        """Return the next records, and the position after them."""
        records = [(r.offset, r.timestamp, r.key, r.value) for r in self.result.getall(most)]
        return Poll(records, self.state.position)

    def polls(self, most: Sequence[int | None]) -> Iterator[Poll]:
        """Poll to the end of the answer."""
        number = 0
        while self.result.has_more():
            poll = self.poll(most[min(number, len(most) - 1)])
            assert poll.records or not self.result.has_more(), "a poll without progress"
            yield poll
            number += 1


def reading(read: Callable[[], Any]) -> Any:
    """Call `read` within a running event loop, which aiokafka's state needs."""

    async def run() -> Any:
        return read()

    return asyncio.run(run())


def read_all(log: Log, offset: int, most: Sequence[int | None], **how: Any) -> list[Poll]:
    """Read a log from an offset to its end."""
    return reading(lambda: list(Reader(log, offset, **how).polls(most)))


def records_of(polls: Sequence[Poll]) -> list[tuple[Any, ...]]:
    """Return the records of all polls."""
    return [record for poll in polls for record in poll.records]


@settings(max_examples=150)
@given(logs(), st.data(), POLLS, st.sampled_from([READ_COMMITTED, READ_UNCOMMITTED]))
def test_chunks_hold_the_records_that_aiokafka_returns_one_by_one(
    log: Log, data: st.DataObject, most: list[int], isolation: int
) -> None:
    """From any offset, in polls of any size: transactions, markers, gaps, compression."""
    offset = data.draw(st.integers(log.base, log.end - 1))
    stock = read_all(log, offset, most, chunked=False, isolation=isolation)
    chunked = read_all(log, offset, most, chunked=True, isolation=isolation)
    visible = log.committed if isolation == READ_COMMITTED else log.records
    assert records_of(stock) == [record for record in visible if record[0] >= offset]
    assert records_of(chunked) == records_of(stock)
    assert chunked[-1].position == stock[-1].position == log.end


@settings(max_examples=100)
@given(logs(), POLLS)
def test_the_position_after_a_poll_is_after_its_last_record(log: Log, most: list[int]) -> None:
    """So a dropped poll can be fetched again; no poll has more records than were asked for."""
    polls = read_all(log, log.base, most, chunked=True)
    for number, poll in enumerate(polls):
        assert len(poll.records) <= most[min(number, len(most) - 1)]
        # Only the last poll may have no record.
        assert poll.records or number == len(polls) - 1
        if number < len(polls) - 1:
            assert poll.position == poll.records[-1][0] + 1


@settings(max_examples=50)
@given(logs(), POLLS)
def test_reading_can_resume_from_the_position_of_any_poll(log: Log, most: list[int]) -> None:
    """As after a restart: nothing is read twice, nothing is left out."""
    polls = read_all(log, log.base, most, chunked=True)
    for number, poll in enumerate(polls[:-1]):
        rest = read_all(log, poll.position, [None], chunked=True)
        assert records_of(polls[: number + 1]) + records_of(rest) == log.committed


def test_after_a_seek_the_rest_of_an_answer_is_dropped() -> None:
    """It begins at the old position; the next fetch begins at the new one."""
    log = Log(0)
    log.append(Written([1] * 20))

    def read() -> Any:
        reader = Reader(log, 0, chunked=True)
        first = reader.poll(8)
        reader.state.seek(3)
        dropped = reader.poll(8)
        assert not reader.result.has_more()
        reader.answer(*log.fetch(3))
        return first, dropped, reader.poll(None)

    first, dropped, second = reading(read)
    assert [record[0] for record in first.records] == list(range(8))
    assert dropped.records == []
    assert [record[0] for record in second.records] == list(range(3, 20))


def test_an_aborted_transaction_is_skipped() -> None:
    """The position passes it and its marker, without a record."""
    log = Log(0)
    log.append(Written([1] * 6, producer=7))
    log.append(Written([1], producer=7, marker=ABORT))
    log.append(Written([1] * 2, producer=7))
    log.append(Written([1], producer=7, marker=COMMIT))
    (poll,) = read_all(log, 0, [None], chunked=True)
    assert [record[0] for record in poll.records] == [7, 8]
    assert poll.position == 10


def test_a_topic_without_tasks_is_read_as_by_aiokafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordinary agents get aiokafka's records, as many as they ask for."""
    monkeypatch.setattr(fetching._raw, "is_raw", lambda _: False)
    log = Log(0)
    log.append(Written([1] * 5))
    polls = read_all(log, 0, [3], chunked=True)
    assert [len(poll.records) for poll in polls] == [3, 2]

    def read() -> Any:
        return Reader(log, 0, chunked=True).result.getall(1)[0]

    assert reading(read).topic == TP.topic


def test_records_before_a_corrupt_batch_are_not_lost() -> None:
    """The position is such that records which a failed poll did not return are fetched again."""
    log = Log(0)
    for _ in range(3):
        log.append(Written([1] * 4))
    raw = bytearray(log.fetch(0).raw)
    raw[-1] ^= 0xFF

    def read() -> list[int]:
        reader = Reader(log, 0, chunked=True)
        reader.answer(bytes(raw), [])
        given = []
        with suppress(CorruptRecordException):
            given += reader.poll(None).records
        reader.answer(*log.fetch(reader.state.position))
        given += reader.poll(None).records
        return [record[0] for record in given]

    assert reading(read) == list(range(12))


def test_the_smallest_poll_that_settings_allow_returns_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A poll too small for a chunk would read nothing, for ever, and log nothing."""
    monkeypatch.undo()
    monkeypatch.setattr(fetching._raw, "is_raw", lambda _: True)
    limits = Settings.model_fields["max_poll_records"].metadata
    least = next(limit.ge for limit in limits if hasattr(limit, "ge"))
    log = Log(0)
    log.append(Written([1] * 1_200))
    assert len(read_all(log, 0, [least], chunked=True)[0].records) > 0


def test_installing_replaces_aiokafkas_record_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fetcher makes records of our classes, and accepts them in its type checks."""
    for name in ("PartitionRecords", "FetchResult"):
        monkeypatch.setattr(fetching.fetcher, name, getattr(fetching.fetcher, name))
    fetching.install(lambda topic: topic == "mine")
    assert fetching.fetcher.PartitionRecords is ChunkedRecords
    assert fetching.fetcher.FetchResult is ChunkedResult
    log = Log(0)
    log.append(Written([1]))

    def made(topic: str) -> bool:
        records = MemoryRecords(log.fetch(0).raw)
        tp = TopicPartition(topic, 0)
        return ChunkedRecords(tp, records, [], 0, None, None, True, READ_COMMITTED).raw

    assert (made("mine"), made("yours")) == (True, False)
