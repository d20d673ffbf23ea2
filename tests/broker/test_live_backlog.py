"""A feed of live events that falls too far behind skips records, and its readers are informed."""

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
from eventfold.web.live.subscription import Watch
from eventfold.web.protection.rate import Budget

NOON = 1_767_268_800_000

#: A backlog that is too long here, and how many records are read after a skip.
MANY, NEAR = 500, 10


async def _next(reader: Reader) -> tuple[list[int], int | None]:
    """Return the offsets of the next events, and how many were dropped."""
    await reader.wait(60)
    events, dropped = reader.take()
    return [event.offset for event in events], dropped


async def test_record_sent_after_a_reader_opened_is_not_missed(market: Market) -> None:
    """The feed of an open reader runs, also where it starts with a long backlog."""
    conf = Settings(BROKER_URL=market.bootstrap)
    await ensure_topics([TICKS.of(conf)], conf)
    market.send([tick("OLD", 1.0, NOON) for _ in range(MANY)])
    for number in range(5):
        hub = Hub(lambda: {"ticks": TICKS.of(conf)}, lambda: new_consumer(conf))
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


async def test_record_sent_while_a_feed_restarts_is_not_missed(market: Market) -> None:
    """Readers get it without a gap, though it was written before the feed ran again."""
    conf = Settings(BROKER_URL=market.bootstrap)
    await ensure_topics([TICKS.of(conf)], conf)
    consumers = []

    def consumer() -> AIOKafkaConsumer:
        if consumers:
            market.send([tick("AGAIN", 1.0, NOON)])
        consumers.append(new_consumer(conf))
        return consumers[-1]

    async def fail(**_: object) -> None:
        raise ConnectionError("away")

    hub = Hub(lambda: {"ticks": TICKS.of(conf)}, consumer)
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


async def test_feed_too_far_behind_skips_to_the_newest_records(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest records arrive in the end; the number of skipped ones is unknown."""
    for name, value in {"LOOK_BACK": NEAR, "TOO_FAR": 50, "POLL_RECORDS": 5, "OFFERS": 1}.items():
        monkeypatch.setattr(feed, name, value)
    conf = Settings(BROKER_URL=market.bootstrap)
    await ensure_topics([TICKS.of(conf)], conf)
    hub = Hub(lambda: {"ticks": TICKS.of(conf)}, lambda: new_consumer(conf))
    # Each record delays the feed by half a second, as a thousand readers would.
    steps = count()
    is_slow = True
    hub.feed_budget = Budget(0.1, 0.0, worked=lambda: next(steps) * 0.05 * is_slow)
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
        is_slow = False
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
