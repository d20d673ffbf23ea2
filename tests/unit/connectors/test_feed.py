"""Simulations by name, in real time and at full speed."""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from app.beaconing.topics import CONN_EVENTS
from app.market.topics import TICKS
from app.simulations import names, simulation
from eventfold.connectors import Record, feed
from eventfold.connectors.feed import fast, live
from eventfold.connectors.simulations import Sent, into

START = 1_700_000_000_000


def ticks_at(times: list[int]) -> list[Sent]:
    """Return records with these event times."""
    return [(TICKS, (b"A", b"%d" % at, at)) for at in times]


async def test_live_record_is_sent_at_its_event_time() -> None:
    """None is early, all come, in order; one that is behind the others comes right after them."""
    now = int(time.time() * 1000)
    records = ticks_at([now, now + 100, now - 600_000, now + 200, now + 300])
    given = []
    async for slice_ in live(records):
        assert all(record[2] <= time.time() * 1000 for _, record in slice_)
        given += slice_
    assert given == records


async def test_paused_simulation_skips_the_records_it_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an hour it continues at the present time, without an hour's records at once."""
    clock = [START / 1000]
    monkeypatch.setattr(feed.time, "time", lambda: clock[0])
    every_minute = ticks_at([START + 60_000 * minute for minute in range(100)])
    given = []
    async for slice_ in live(every_minute, 62):
        given += [record[2] for _, record in slice_]
        clock[0] += 3600
    assert given == [START, START + 3_600_000]


async def test_overdue_simulation_does_not_block_the_event_loop() -> None:
    """Its records are always overdue: other tasks run, and the records are sent."""
    now = int(time.time() * 1000)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(others())
        given = [len(slice_) async for slice_ in live(ticks_at([now - 1_000] * 10 * feed.CHUNK))]
        task.cancel()
    assert turns >= 10
    assert len(given) >= 10
    assert sum(given) == 10 * feed.CHUNK


async def test_full_speed_sends_the_first_records_whatever_their_times() -> None:
    """Exactly so many, in order."""
    records = ticks_at([START + n for n in range(3000)])
    given = [sent async for chunk in fast(iter(records), 2500) for sent in chunk]
    assert given == records[:2500]


@pytest.mark.parametrize("name", names())
def test_each_simulation_repeats_itself_from_its_seed(name: str) -> None:
    """The same seed, the same records, to its own topics and from its start on; another, others."""
    simulated = simulation(name)

    def first(seed: int) -> list[Sent]:
        return list(islice(simulated.make(seed, 100, START), 2000))

    assert first(1) == first(1) != first(2)
    assert {topic.base_name for topic, _ in first(1)} <= {
        topic.base_name for topic in simulated.topics
    }
    assert max(record[2] for _, record in first(1)) >= START


def test_simulation_of_one_topic_need_not_name_it() -> None:
    """`into` adds the topic to its records."""

    def records(seed: int, rate: float, start: int) -> Iterator[Record]:
        yield b"%d" % seed, b"%g" % rate, start

    assert list(into(CONN_EVENTS, records)(7, 2.5, START)) == [(CONN_EVENTS, (b"7", b"2.5", START))]
