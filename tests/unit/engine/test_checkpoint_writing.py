"""Writes of a checkpoint: rows, results and the source's offset, in batches within limits."""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka import errors as kafka
from aiokafka.producer.message_accumulator import BatchBuilder
from partition_driver import Drive, NewTable, PartitionDriver
from raw_records import NOON, raw_tick

from app.market.records import Tick
from app.settings import Settings
from eventfold.engine.checkpoint import InvalidRecordError, write
from eventfold.engine.errors import TaskError
from eventfold.engine.journal import KafkaWriter
from eventfold.engine.partition import Snapshot
from eventfold.kafka.clients.producers import BATCH_BYTES, is_fatal, is_fenced, stop_producer

SOURCE = TopicPartition("ticks", 0)
OUTPUT = ("results", 1)


class Producer:
    """Stub of aiokafka's producer: its batches are real, there is no broker."""

    def __init__(self, *errors: Exception | None, offsets_error: Exception | None = None) -> None:
        #: The broker's answers to the batches, one after another, and to offsets.
        self._errors = list(errors)
        self._offsets_error = offsets_error
        #: Topic, partition, records and answer of each batch.
        self.sent: list[tuple[str, int, int, asyncio.Future[Any]]] = []
        self.committed: Any = None
        self.outcome = ""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Record how the transaction ends."""
        try:
            yield
        except BaseException:
            self.outcome = "aborted"
            raise
        self.outcome = "committed"

    def create_batch(self) -> BatchBuilder:
        """Return a batch as the client makes it."""
        return BatchBuilder(BATCH_BYTES, 0, is_transactional=True)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> Any:
        """Accept a batch; its answer is set in the next turn of the event loop."""
        answer = asyncio.get_running_loop().create_future()
        # Each batch begins where the one before it ended, after a gap.
        offset = 100 + sum(count for *_, count, _ in self.sent)
        self.sent.append((topic, partition, batch.record_count(), answer))
        error = self._errors.pop(0) if self._errors else None
        if error is None:
            result = SimpleNamespace(offset=offset)
            asyncio.get_running_loop().call_soon(answer.set_result, result)
        else:
            asyncio.get_running_loop().call_soon(answer.set_exception, error)
        return answer

    async def send_offsets_to_transaction(self, offsets: Any, group: str) -> None:
        """Accept offsets once all batches are answered."""
        assert all(answer.done() for *_, answer in self.sent)
        if self._offsets_error is not None:
            raise self._offsets_error
        self.committed = group, offsets

    @property
    def batches(self) -> list[tuple[str, int, int]]:
        """Topic, partition and number of records of each batch."""
        return [sent[:3] for sent in self.sent]


@pytest.fixture
def driver(new_table: NewTable, drive: Drive) -> PartitionDriver:
    """Return a partition of a table."""
    return drive(new_table("1m", 0), [raw_tick(0, Tick("A", 1.0, NOON, 1))])


async def write_checkpoint(
    driver: PartitionDriver, producer: Any, *snapshots: Snapshot
) -> list[int]:
    """Write a checkpoint of snapshots of the same table."""
    with driver:
        return await write(
            producer,
            [(driver.state, snapshot) for snapshot in snapshots],
            source=SOURCE,
            position=7,
            group="application",
            metadata="definitions",
        )


async def test_rows_results_and_the_offset_are_written_in_one_transaction(
    driver: PartitionDriver,
) -> None:
    """The offset after the last row of each table's changelog is returned."""
    some = [(b"a", b"1", []), (b"b", None, [("source", b"x")])]
    first = Snapshot([(b"row", b"1"), (b"gone", None), (b"meta", b"")], 7, {OUTPUT: some})
    second = Snapshot([(b"meta", b"")], 7, {})
    producer = Producer()
    assert await write_checkpoint(driver, producer, first, second) == [103, 106]
    changelog = driver.table.changelog.name
    assert producer.batches == [(changelog, 0, 3), (*OUTPUT, 2), (changelog, 0, 1)]
    group, offsets = producer.committed
    assert (group, offsets[SOURCE].offset, offsets[SOURCE].metadata) == (
        "application",
        7,
        "definitions",
    )
    assert producer.outcome == "committed"


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([400_000] * 5, [2, 2, 1]),
        ([1_000_000, 1, 1_000_000], [1, 1, 1]),
        ([1, 1_000_000], [1, 1]),
        ([890_000, 20_000, 1], [1, 2]),
    ],
)
async def test_records_that_do_not_fit_into_a_batch_go_into_the_next(
    driver: PartitionDriver, sizes: list[int], batches: list[int]
) -> None:
    """Nothing is left out; a record that is larger than a batch has a batch of its own."""
    rows = [(b"%d" % n, bytes(size)) for n, size in enumerate(sizes)]
    producer = Producer()
    assert await write_checkpoint(driver, producer, Snapshot(rows, 7, {})) == [100 + len(sizes)]
    assert [count for *_, count in producer.batches] == batches


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InvalidRecordError(), "InvalidRecordError: This record has failed the validation"),
        (kafka.MessageSizeTooLargeError("1,048,588"), "(1,048,588)"),
        (kafka.TopicAuthorizationFailedError("results"), "TopicAuthorizationFailedError"),
    ],
)
async def test_a_rejected_batch_is_named_with_its_largest_record(
    driver: PartitionDriver, error: Exception, words: str
) -> None:
    """No restart would help; nothing of the transaction is visible."""
    some = [(b"small", b"1", []), (b"k" * 200, b"12345", []), (b"gone", None, [])]
    producer = Producer(None, error)
    with pytest.raises(TaskError) as caught:
        await write_checkpoint(driver, producer, Snapshot([(b"meta", b"")], 7, {OUTPUT: some}))
    message = str(caught.value)
    assert message.startswith("the broker refuses 3 records for results-1 (the largest has 5 bytes")
    assert f"its key is {b'k' * 100!r})" in message
    assert words in message
    assert (producer.outcome, producer.committed) == ("aborted", None)


async def test_a_rejected_row_is_named_with_its_changelog(driver: PartitionDriver) -> None:
    """The message counts 1 record, not records; a tombstone has 0 bytes."""
    producer = Producer(kafka.PolicyViolationError())
    with pytest.raises(TaskError, match=r"refuses 1 record for \S+-changelog-0 \(the la.* 0 "):
        await write_checkpoint(driver, producer, Snapshot([(b"gone", None)], 7, {}))
    assert producer.outcome == "aborted"


async def test_a_transient_error_is_raised_unchanged(driver: PartitionDriver) -> None:
    """The task is then opened again."""
    producer = Producer(kafka.NotLeaderForPartitionError())
    with pytest.raises(kafka.NotLeaderForPartitionError):
        await write_checkpoint(driver, producer, Snapshot([(b"meta", b"")], 7, {}))
    assert (producer.outcome, producer.committed) == ("aborted", None)


async def test_a_group_without_permission_to_commit_is_named(driver: PartitionDriver) -> None:
    """The message has the broker's answer."""
    producer = Producer(offsets_error=kafka.GroupAuthorizationFailedError("application"))
    with pytest.raises(TaskError) as caught:
        await write_checkpoint(driver, producer, Snapshot([(b"meta", b"")], 7, {}))
    words = "application may not write its checkpoints: GroupAuthorizationFailedError: "
    assert str(caught.value).startswith(words)
    assert producer.outcome == "aborted"


async def test_only_a_producer_whose_sender_was_fenced_counts_as_fenced() -> None:
    """One whose sender runs, ended, failed otherwise, was cancelled or never began does not."""
    loop = asyncio.get_running_loop()
    runs, ended, fenced, other, cancelled = (loop.create_future() for _ in range(5))
    ended.set_result(None)
    fenced.set_exception(kafka.ProducerFenced())
    other.set_exception(kafka.KafkaConnectionError())
    cancelled.cancel()
    tasks = [None, runs, ended, fenced, other, cancelled]
    producers: list[Any] = [SimpleNamespace(_sender=SimpleNamespace(sender_task=t)) for t in tasks]
    assert [is_fenced(each) for each in producers] == [t is fenced for t in tasks]
    for task in (fenced, other):
        task.exception()


@pytest.mark.parametrize(("fatal", "found"), [(True, True), (False, False), (None, False)])
def test_after_a_fatal_error_no_transaction_can_begin(
    fatal: bool | None,
    found: bool,
) -> None:
    """A producer that has not started has no fatal error."""
    manager = None if fatal is None else SimpleNamespace(is_fatal_error=lambda: fatal)
    producer: Any = SimpleNamespace(_txn_manager=manager)
    assert is_fatal(producer) is found


class Stopped:
    """Stub of a producer to stop: a transaction that has ended or not, and a sender task."""

    def __init__(self, waiter: asyncio.Future[Any] | None, *, ends: bool) -> None:
        self._txn_manager = SimpleNamespace(
            _transaction_waiter=waiter,
            fatal_error=self._fail,
            wait_for_transaction_end=lambda: waiter,
        )
        self._sender = SimpleNamespace(sender_task=asyncio.ensure_future(asyncio.sleep(3600)))
        self._ends = ends
        self._waiter = waiter
        self.client = self
        self.stopped = self.closed = False
        self._closed = False

    def _fail(self, error: Exception) -> None:
        assert self._waiter is not None
        self._waiter.set_exception(error)

    async def stop(self) -> None:
        """Stop at once, or wait for records in flight."""
        self.stopped = True
        if not self._ends:
            await asyncio.sleep(3600)
        self._sender.sender_task.cancel()
        await asyncio.wait([self._sender.sender_task])

    async def close(self) -> None:
        """Close the connections."""
        self.closed = True


async def test_a_producer_in_a_transaction_is_not_waited_for() -> None:
    """The pending commit gets ProducerClosed, and the sender task ends."""
    waiter = asyncio.get_running_loop().create_future()
    producer: Any = Stopped(waiter, ends=True)
    await stop_producer(producer)
    assert (producer.stopped, producer.closed, producer._closed) == (False, True, True)
    assert isinstance(waiter.exception(), kafka.ProducerClosed)
    assert producer._sender.sender_task.done()


@pytest.mark.parametrize("ends", [True, False])
async def test_a_producer_without_a_transaction_is_stopped(
    monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    """One that waits for its broker is abandoned after a time-out."""
    monkeypatch.setattr("eventfold.kafka.clients.producers.STOP_TIMEOUT", 0.01)
    waiter = asyncio.get_running_loop().create_future()
    waiter.set_exception(kafka.ProducerFenced())
    producer: Any = Stopped(waiter, ends=ends)
    await stop_producer(producer)
    assert (producer.stopped, producer.closed) == (True, not ends)
    assert producer._sender.sender_task.done()


def said_of_what_is_left() -> list[str]:
    """Return a list that asyncio's complaints are added to from now on, instead of the log."""
    said: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, it: said.append(it["message"]))
    return said


async def test_the_error_of_a_transaction_is_not_logged_again_when_its_producer_stops() -> None:
    """The checkpoint has reported it: asyncio logs what nobody has looked at."""
    said = said_of_what_is_left()
    waiter = asyncio.get_running_loop().create_future()
    waiter.set_exception(kafka.ProducerFenced())
    producer: Any = Stopped(waiter, ends=True)
    await stop_producer(producer)
    del producer, waiter
    gc.collect()
    assert said == []


async def test_a_writer_whose_broker_is_away_closes_what_it_has_begun(tmp_path: Path) -> None:
    """It can be stopped before it was started too; aiokafka complains of what is left open."""
    said = said_of_what_is_left()
    conf = Settings(APP_DATADIR=tmp_path, BROKER_URL="kafka://127.0.0.1:1")
    writer = KafkaWriter(conf, "ticks-0")
    assert not writer.usable
    await writer.stop()
    with pytest.raises(kafka.KafkaConnectionError):
        await writer.start()
    await writer.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del writer
        gc.collect()
    assert said == []
