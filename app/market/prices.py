"""Price producer: polls a chart API and sends the quotes to one topic, keyed by ticker."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Literal

import msgspec
from aiokafka.errors import KafkaError

from app.market.chart import ChartApi, ChartError, Quote
from app.market.records import Tick
from eventfold.connectors import Record
from eventfold.connectors.outbox import Outbox

log = logging.getLogger(__name__)

Form = Literal["tick", "price"]

DAY = 86_400_000


class Observer:
    """Converter of one ticker's quotes to ticks: compares each quote with the one before."""

    def __init__(self) -> None:
        self._last: Quote | None = None
        self._volume: float = 0

    def tick(self, quote: Quote) -> Tick | None:
        """Return the tick of `quote`; None if it is not newer than the one before.

        An API repeats its last quote while nothing is traded: a second tick would count the trade
        twice. `size` is the growth of the day's volume since the quote before, 0 for the first
        quote of a day.
        Raises ChartError if the quote has no time.
        """
        if quote.time is None:
            raise ChartError("the answer has no usable regularMarketTime")
        last, day = self._last, quote.time // DAY
        if last is None or last.time is None or last.time // DAY < day:
            self._volume = quote.volume
        elif quote.time < last.time or (quote.time, quote.price) == (last.time, last.price):
            return None
        size = max(0, quote.volume - self._volume)
        self._last, self._volume = quote, max(self._volume, quote.volume)
        return Tick(quote.symbol, float(quote.price), quote.time, size)


class PriceProducer:
    """Producer that polls `tickers` every `interval` seconds; API and broker errors don't stop it.

    With `form="tick"` a quote becomes a record of `ticks` with the quote's own time. With
    `form="price"` it is the bare number as text, and each poll is sent, even if unchanged.
    """

    def __init__(
        self,
        api: ChartApi,
        outbox: Outbox,
        tickers: Sequence[str],
        *,
        interval: float = 30,
        form: Form = "tick",
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._observers = {ticker: Observer() for ticker in tickers}
        self._not_before = dict.fromkeys(tickers, 0.0)
        self._interval = interval
        self._form = form
        #: Reason of the most recent price that was not sent.
        self.failure: str | None = None

    async def run(self, polls: int | None = None) -> None:
        """Poll `polls` times, or for ever if None."""
        due = time.monotonic()
        done = 0
        while True:
            await self.poll()
            done += 1
            if done == polls:
                return
            # The next point of a fixed grid, so that a slow poll does not shift the later ones.
            late = time.monotonic() - due
            due += (late // self._interval + 1) * self._interval
            await asyncio.sleep(due - time.monotonic())

    async def poll(self) -> None:
        """Fetch every ticker once, and send each quote as it arrives."""
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._ask(ticker)) for ticker in self._observers]
            for answer in asyncio.as_completed(asked):
                if record := await answer:
                    await self._send(record)

    async def _ask(self, ticker: str) -> Record | None:
        """Return the record of the ticker's quote; None, and log the reason, if it has none."""
        if time.monotonic() < self._not_before[ticker]:
            return None
        try:
            quote = await self._api.quote(ticker)
            return self._record(ticker, quote)
        except ChartError as error:
            self.failure = f"{ticker}: {error}"
            log.warning("%s", self.failure)
            if not isinstance(error.again, bool):
                self._not_before[ticker] = time.monotonic() + error.again
            return None

    def _record(self, ticker: str, quote: Quote) -> Record | None:
        key = quote.symbol.encode()
        if self._form == "price":
            return key, str(quote.price).encode(), int(time.time() * 1000)
        tick = self._observers[ticker].tick(quote)
        if tick is None:
            log.info("%s: unchanged at %s", ticker, quote.price)
            return None
        return key, msgspec.json.encode(tick), tick.time

    async def _send(self, record: Record) -> None:
        key, value, _ = record
        try:
            await self._outbox.send([record])
            await self._outbox.drain()
        except KafkaError as error:
            self.failure = f"{key.decode()}: not sent: {error!r}"
            log.warning("%s", self.failure)
        else:
            log.info("%s: sent %s", key.decode(), value.decode())
