"""Sender of a simulation's records to its topics, in real time or as fast as possible."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from itertools import islice
from typing import Any, Self

from mode import Service

from eventfold.connectors.outbox import Outbox
from eventfold.connectors.simulations import Sent, Simulation
from eventfold.settings import Settings
from eventfold.topics import Timestamp

#: Records sent at a time at full speed.
CHUNK = 1024
#: Seconds between two slices of live records, which is the linger of their batches too.
SLICE = 0.02
#: A live source this many ms behind (a laptop that slept) skips the records that it missed.
MOST_BEHIND = 5_000
#: Longest sleep (s) between two checks of the clock.
MAX_SLEEP = 0.5


async def live(records: Iterable[Sent], count: int | None = None) -> AsyncIterator[list[Sent]]:
    """Yield each record when it is due: when the highest event time so far is now.

    Ends after `count` records, or with them. Records more than MOST_BEHIND (ms) overdue are
    skipped: a laptop slept, or the simulation is slower than its rate.
    """
    due, ready = 0, list[Sent]()
    for number, sent in enumerate(islice(records, count)):
        if number % CHUNK == CHUNK - 1:
            # A source that is never ahead of the clock never sleeps below: let others run.
            if ready:
                yield ready
                ready = []
            await asyncio.sleep(0)
        due = max(due, sent[1][2])
        while (wait := due / 1000 - time.time()) > 0:
            if ready:
                yield ready
                ready = []
            await asyncio.sleep(max(SLICE, min(wait, MAX_SLEEP)))
        if wait * 1000 > -MOST_BEHIND:
            ready.append(sent)
    if ready:
        yield ready


async def fast(records: Iterable[Sent], count: int) -> AsyncIterator[list[Sent]]:
    """Yield the first `count` records as fast as they are consumed."""
    left = islice(records, count)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
        # The producers need the event loop too.
        await asyncio.sleep(0)


class Outboxes:
    """An Outbox for each topic of a simulation.

    Kafka's timestamp is the event time if the topic declares that its event time is there.
    """

    def __init__(self, conf: Settings, simulation: Simulation) -> None:
        self._outboxes = {
            topic.base_name: Outbox(
                conf, topic.of(conf).name, event_timestamps=topic.time is Timestamp.CREATE
            )
            for topic in simulation.topics
        }
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Connect. Raises as `Outbox.start` does, if there is no broker or no topic."""
        async with AsyncExitStack() as opening:
            for outbox in self._outboxes.values():
                await opening.enter_async_context(outbox)
            self._open = opening.pop_all()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        """Send the remaining records, for a bounded time, and disconnect."""
        await self._open.aclose()

    @property
    def delivered(self) -> int:
        """Number of records that the broker has acknowledged."""
        return sum(outbox.delivered for outbox in self._outboxes.values())

    async def send(self, records: Iterable[Sent]) -> None:
        """Add records to the batches of their topics. Raises KafkaError as `Outbox.send` does."""
        by_topic = defaultdict(list)
        for topic, record in records:
            by_topic[topic.base_name].append(record)
        for name, group in by_topic.items():
            await self._outboxes[name].send(group)

    async def flush(self) -> None:
        """Send every batch, full or not."""
        for outbox in self._outboxes.values():
            await outbox.flush()

    async def drain(self) -> None:
        """Send every batch and wait, without a time-out, for all acknowledgements.

        Raises KafkaError.
        """
        for outbox in self._outboxes.values():
            await outbox.drain()


class Feed(Service):
    """Live simulation as a service, until it is stopped.

    `start` (ms) is the event time of the simulation's first record, by default now: records from
    before now are skipped. The default seed is `start`. Starting raises as `Outbox.start` does.
    """

    def __init__(
        self,
        conf: Settings,
        simulation: Simulation,
        *,
        seed: int | None = None,
        start: int | None = None,
        **kwargs: Any,
    ) -> None:
        self._simulation = simulation
        self._start = int(time.time() * 1000) if start is None else start
        self._seed = self._start if seed is None else seed
        self._outboxes = Outboxes(conf, simulation)
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Connect to the broker."""
        await self._outboxes.__aenter__()

    async def on_shutdown(self) -> None:
        """Send the remaining records, and disconnect."""
        await self._outboxes.__aexit__()

    @Service.task
    async def _send(self) -> None:
        simulation = self._simulation
        async for records in live(simulation.make(self._seed, simulation.rate, self._start)):
            await self._outboxes.send(records)
            await self._outboxes.flush()
