"""Simulations by name, and at work: their pace in real time, and none at all."""

import asyncio
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from app.beaconing.topics import CONN_EVENTS
from app.market.topics import TICKS
from app.sources import Record, feed
from app.sources.feed import fast, live
from app.sources.registry import SIMULATIONS, Sent, Simulation, into

START = 1_700_000_000_000


def of(times: list[int]) -> list[Sent]:
    """Return records with these event times."""
    return [(TICKS, (b"A", b"%d" % at, at)) for at in times]


async def test_a_live_record_leaves_when_its_event_time_is_now() -> None:
    """None is early, all come, in order; one that is behind the others comes right after them."""
    now = int(time.time() * 1000)
    records = of([now, now + 100, now - 600_000, now + 200, now + 300])
    given = []
    async for slice_ in live(records):
        assert all(record[2] <= time.time() * 1000 for _, record in slice_)
        given += slice_
    assert given == records


async def test_a_simulation_that_slept_leaves_out_what_it_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an hour away it goes on now, without an hour's records at once."""
    clock = [START / 1000]
    monkeypatch.setattr(feed.time, "time", lambda: clock[0])
    every_minute = of([START + 60_000 * minute for minute in range(100)])
    given = []
    async for slice_ in live(every_minute, 62):
        given += [record[2] for _, record in slice_]
        clock[0] += 3600
    assert given == [START, START + 3_600_000]


async def test_a_simulation_slower_than_asked_for_holds_nobody_up() -> None:
    """What it gives is always overdue: others have their turn, and what is ready leaves."""
    now = int(time.time() * 1000)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(others())
        given = [len(slice_) async for slice_ in live(of([now - 1_000] * 10 * feed.CHUNK))]
        task.cancel()
    assert turns >= 10
    assert len(given) >= 10
    assert sum(given) == 10 * feed.CHUNK


async def test_at_full_speed_the_first_records_come_whenever_they_are_of() -> None:
    """Exactly so many, in order."""
    records = of([START + n for n in range(3000)])
    given = [sent async for chunk in fast(iter(records), 2500) for sent in chunk]
    assert given == records[:2500]


@pytest.mark.parametrize("simulation", SIMULATIONS.values(), ids=lambda each: each.name)
def test_each_simulation_repeats_itself_from_its_seed(simulation: Simulation) -> None:
    """The same seed, the same records, to its own topics and from its start on; another, others."""

    def first(seed: int) -> list[Sent]:
        return list(islice(simulation.make(seed, 100, START), 2000))

    assert first(1) == first(1) != first(2)
    assert {topic.name for topic, _ in first(1)} <= {topic.name for topic in simulation.topics}
    assert max(record[2] for _, record in first(1)) >= START


def test_records_of_one_topic_need_not_name_it() -> None:
    """`into` does it for them."""

    def records(seed: int, rate: float, start: int) -> Iterator[Record]:
        yield b"%d" % seed, b"%g" % rate, start

    assert list(into(CONN_EVENTS, records)(7, 2.5, START)) == [(CONN_EVENTS, (b"7", b"2.5", START))]
