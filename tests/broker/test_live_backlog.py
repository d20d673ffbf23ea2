"""A feed of live events that can't keep up goes on near the end, and its readers hear of it."""

import asyncio
from itertools import count

import pytest
from aiokafka import AIOKafkaConsumer
from workers import Market, tick

from app.market.topics import TICKS
from app.settings import Settings
from eventfold.engine.changelog import new_consumer
from eventfold.kafka.admin import ensure_topics
from eventfold.web.live import feed
from eventfold.web.live.hub import Hub
from eventfold.web.live.reader import Reader
from eventfold.web.live.watch import Watch
from eventfold.web.protection.budget import Budget

NOON = 1_767_268_800_000

#: More than a feed may be behind here, and what it is then given.
MANY, NEAR = 500, 10


async def _next(reader: Reader) -> tuple[list[int], int | None]:
    """Return the offsets of what comes next, and how many were left out."""
    await reader.wait(60)
    events, dropped = reader.take()
    return [event.offset for event in events], dropped


async def test_what_is_sent_once_a_reader_is_open_is_not_missed(market: Market) -> None:
    """Its feed runs by then, also where it has much to read of what was before."""
    conf = Settings(BROKER_URL=market.bootstrap)
    await ensure_topics([TICKS], conf)
    market.send([tick("OLD", 1.0, NOON) for _ in range(MANY)])
    for number in range(5):
        hub = Hub(lambda: {"ticks": TICKS}, lambda: new_consumer(conf))
        reader, resumed = await hub.open([Watch("ticks")], {}, "somebody")
        try:
            market.send([tick(f"NEW{number}", 1.0, NOON)])
            found: list[str] = []
            async with asyncio.timeout(30):
                while not found:
                    await reader.wait(1)
                    found = [event.key for event in reader.take()[0]]
            assert (found, resumed) == ([f"NEW{number}"], False)
        finally:
            hub.close(reader)
            await hub.shut(None)


async def test_what_comes_while_a_feed_starts_again_is_not_missed(market: Market) -> None:
    """Its readers get it without a gap, though it is there before the feed is."""
    conf = Settings(BROKER_URL=market.bootstrap)
    await ensure_topics([TICKS], conf)
    consumers = []

    def consumer() -> AIOKafkaConsumer:
        if consumers:
            market.send([tick("AGAIN", 1.0, NOON)])
        consumers.append(new_consumer(conf))
        return consumers[-1]

    async def fail(**_: object) -> None:
        raise ConnectionError("away")

    hub = Hub(lambda: {"ticks": TICKS}, consumer)
    reader, _ = await hub.open([Watch("ticks")], {}, "somebody")
    try:
        consumers[0].getmany = fail
        found: list[str] = []
        async with asyncio.timeout(30):
            while not found:
                await reader.wait(1)
                events, dropped = reader.take()
                found = [event.key for event in events]
        assert (found, dropped, len(consumers)) == (["AGAIN"], 0, 2)
    finally:
        hub.close(reader)
        await hub.shut(None)


async def test_what_is_too_far_behind_is_left_out(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest comes in the end; of what was left out nobody knows how much it was."""
    for name, value in {"LOOK_BACK": NEAR, "TOO_FAR": 50, "POLL_RECORDS": 5, "OFFERS": 1}.items():
        monkeypatch.setattr(feed, name, value)
    conf = Settings(BROKER_URL=market.bootstrap)
    await ensure_topics([TICKS], conf)
    hub = Hub(lambda: {"ticks": TICKS}, lambda: new_consumer(conf))
    # Each record costs half a second of waiting, as with a thousand readers of many.
    steps = count()
    dear = True
    hub.feed_budget = Budget(0.1, 0.0, worked=lambda: next(steps) * 0.05 * dear)
    reader, _ = await hub.open([Watch("ticks")], {}, "somebody")
    try:
        numbers = iter(range(10 * MANY))
        found: list[int] = []
        while not found:
            market.send([tick("AAA", 1.0, NOON + next(numbers))])
            await asyncio.sleep(0)
            await reader.wait(1)
            found = [event.offset for event in reader.take()[0]]
        market.send([tick("AAA", 1.0, NOON + next(numbers)) for _ in range(MANY)])
        last = next(numbers) - 1
        dear = False
        missed = []
        while found[-1] != last:
            offsets, dropped = await _next(reader)
            found += offsets
            missed.append(dropped)
        assert None in missed
        assert found == sorted(set(found))
        assert len(found) < last
    finally:
        hub.close(reader)
        await hub.shut(None)
