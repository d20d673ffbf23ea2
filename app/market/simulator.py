"""Simulated market as a producer: in real time at a given rate, or as fast as possible."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from mode import Service

from app.market.topics import TICKS
from app.market.walks import Market
from eventfold.connectors import Record
from eventfold.connectors.feed import MOST_BEHIND, SLICE
from eventfold.connectors.outbox import Outbox
from eventfold.connectors.simulations import Simulation, into
from eventfold.settings import Settings


async def live_slices(market: Market, count: int | None = None) -> AsyncIterator[list[Record]]:
    """Yield the trades since the last slice, up to `count`, with event time now."""
    first, given, total = time.time() * 1000, 0, 0
    while count is None or total < count:
        due = int((time.time() * 1000 - first) / market.step) + 1 - given
        if due * market.step > MOST_BEHIND:
            first, given, due = time.time() * 1000, 0, 1
        number = due if count is None else min(due, count - total)
        if number > 0:
            yield market.take(number, first + given * market.step)
            given += number
            total += number
        await asyncio.sleep(SLICE)


async def fast_slices(market: Market, start: int, count: int) -> AsyncIterator[list[Record]]:
    """Yield the first `count` trades from event time `start` (ms), as fast as they are consumed."""
    left = count
    for chunk in market.chunks(start):
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
        # The producer needs the event loop too.
        await asyncio.sleep(0)


class Simulator(Service):
    """Service that sends trades until it is stopped. Raises as `Outbox.start` does."""

    def __init__(
        self,
        conf: Settings,
        market: Market,
        *,
        topic: str = TICKS.base_name,
        **kwargs: Any,
    ) -> None:
        self._market = market
        self.outbox = Outbox(conf, topic)
        super().__init__(**kwargs)

    async def on_start(self) -> None:
        """Connect to the broker."""
        await self.outbox.start()

    async def on_shutdown(self) -> None:
        """Send the remaining records, after the market's task has stopped, and disconnect."""
        await self.outbox.stop()

    @Service.task
    async def _trade(self) -> None:
        async for records in live_slices(self._market):
            await self.outbox.send(records)
            await self.outbox.flush()


def _trades(seed: int, rate: float, start: int) -> Iterator[Record]:
    return Market(step=1000 / rate, seed=seed).records(start)


#: With the defaults of what `produce` and `up` have options for.
SIMULATION = Simulation((TICKS,), into(TICKS, _trades), "trades of 500 symbols", rate=2000.0)
