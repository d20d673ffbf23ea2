"""The order of a replay's batches, and the clock of its checkpoints."""

import asyncio

import memory_broker
import pytest
from aiokafka import TopicPartition
from games_application import BEGIN, HOUR, INTERVAL
from memory_broker import MemoryBroker, MemoryConsumer

from eventfold.engine.clock import SystemClock
from eventfold.harness.kafka import MemoryKafka
from eventfold.replay.history import History
from eventfold.replay.order import ReplayClock, batches


@pytest.fixture
def broker() -> MemoryBroker:
    """Return a broker with a long partition, a short one that begins later, and an empty one."""
    found = MemoryBroker.__new__(MemoryBroker)
    found.kafka, found.first_offsets, found.read = MemoryKafka(SystemClock()), {}, {}
    for partition, times in enumerate((range(0, 1000, 10), range(245, 500, 20), range(0))):
        for time in times:
            found.kafka.append(TopicPartition("ticks", partition), None, b"", timestamp=time)
            found.kafka.log("ticks", partition).skip(time % 3)
    return found


def history(tp: TopicPartition, end: int) -> History:
    """Return a history that begins with the first record."""
    return History(
        tp=tp,
        by_record=True,
        begin=0,
        end=end,
        expected=end,
        interval=INTERVAL,
        until=BEGIN + HOUR,
        truncated=False,
        max_lead=0,
    )


@pytest.mark.parametrize("fetch", [1, 7, 20, 1000])
async def test_batches_are_in_the_order_of_time_however_the_broker_answers(
    broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch, fetch: int
) -> None:
    """Each is of one partition and as large as is allowed; nothing after the end is read."""
    monkeypatch.setattr(memory_broker, "FETCH", fetch)
    consumer = MemoryConsumer(broker, isolation_level="read_committed", enable_auto_commit=False)
    tps = [TopicPartition("ticks", n) for n in range(3)]
    # Another record is written to the first one meanwhile.
    histories = {tp: history(tp, broker.log(tp).end) for tp in tps}
    broker.kafka.append(tps[0], None, b"", timestamp=0)
    found = []
    async for each, records in batches(consumer, histories, 20):
        found.append((each.tp.partition, records[0].timestamp, len(records)))
        each.position = records[-1].offset + 1
    assert found == [
        (0, 0, 20),
        (0, 200, 20),
        (1, 245, 13),
        (0, 400, 20),
        (0, 600, 20),
        (0, 800, 20),
    ]


async def test_partition_that_is_done_is_read_no_further(broker: MemoryBroker) -> None:
    """Such as one whose last window is final."""
    consumer = MemoryConsumer(broker, isolation_level="read_committed", enable_auto_commit=False)
    tps = [TopicPartition("ticks", n) for n in range(2)]
    histories = {tp: history(tp, broker.log(tp).end) for tp in tps}
    found = []
    async for each, records in batches(consumer, histories, 10):
        found.append((each.tp.partition, records[0].timestamp))
        if each.tp.partition == 0:
            each.stream_time = each.until
    assert found == [(0, 0), (1, 245), (1, 445)]


async def test_time_passes_with_ticks_only() -> None:
    """A tick wakes all, also those that wanted to sleep longer."""
    clock = ReplayClock(20)
    sleepers = [asyncio.ensure_future(clock.sleep(seconds)) for seconds in (0.01, 5, 0)]
    await asyncio.sleep(0.03)
    assert (clock.monotonic(), clock.sleepers) == (0, 2)
    assert [each.done() for each in sleepers] == [False, False, True]
    sleepers[0].cancel()
    await asyncio.sleep(0)
    clock.tick()
    await asyncio.wait_for(sleepers[1], 1)
    assert (clock.monotonic(), clock.sleepers) == (0.02, 0)
