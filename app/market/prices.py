"""Price producer: polls a chart API and sends the quotes to one topic, keyed by ticker."""

import asyncio
import logging
import time
from collections.abc import Sequence
from itertools import count
from typing import Literal

import msgspec
from aiokafka.errors import KafkaError

from app.market.chart import ChartApi, ChartError, PausedError, Quote
from app.market.records import Tick
from eventfold.connectors import Record
from eventfold.connectors.outbox import Outbox
from eventfold.windows.durations import approximate_duration

log = logging.getLogger(__name__)

Form = Literal["tick", "price"]

DAY = 86_400_000
#: Shortest time (s) between the first requests for two tickers: at most five a second.
SPACING = 0.2


class Observer:
    """Converter of one ticker's quotes to ticks: compares each quote with the one before."""

    def __init__(self) -> None:
        self._last: Quote | None = None
        self._volume: float = 0
        self._currency: str | None = None
        #: Longest time (ms) from a trade to its tick; None until a second trade was seen, since
        #: the first may be of a market that is closed.
        self.behind: int | None = None

    def check_currency(self, quote: Quote) -> None:
        """Raise ChartError if the currency is not that of the first quote."""
        if self._currency is None:
            self._currency = quote.currency
            if quote.unit != quote.currency:
                log.warning(
                    "%s: quoted in %s, sent in %s", quote.symbol, quote.unit, quote.currency
                )
        elif quote.currency != self._currency:
            raise ChartError(
                f"withheld: quoted in {quote.currency or 'an unknown currency'}, was in "
                f"{self._currency}"
            )

    def tick(self, quote: Quote, now: int | None = None) -> Tick | None:
        """Return the tick of `quote`; None if it is not newer than the one before.

        An API repeats its last quote while nothing is traded: a second tick would count the trade
        twice. `size` is the growth of the session's volume since the quote before; it is 0 for the
        first quote of a session (a day, where the API names none), and where it is not known.
        `now` (ms) is when the quote was received.
        Raises ChartError if the quote has no time.
        """
        if quote.time is None:
            raise ChartError("the answer has no usable regularMarketTime")
        last, size = self._last, 0.0
        if last is not None and last.time is not None:
            if quote.time < last.time or (quote.time, quote.price) == (last.time, last.price):
                return None
            if now is not None:
                self.behind = max(self.behind or 0, now - quote.time)
        if quote.volume is not None:
            if last is None or _session(last) != _session(quote):
                self._volume = quote.volume
            size = max(0, quote.volume - self._volume)
            self._volume = max(self._volume, quote.volume)
        self._last = quote
        return Tick(quote.symbol, float(quote.price), quote.time, size)


def _session(quote: Quote) -> int:
    return quote.session if quote.session is not None else (quote.time or 0) // DAY


class PriceProducer:
    """Producer that polls `tickers` every `interval` seconds; API and broker errors don't stop it.

    Each ticker has its own rhythm, so a slow one delays no other, and their requests are spread
    over the interval. With `form="tick"` a quote becomes a record of `ticks` with the quote's own
    time. With `form="price"` it is the bare number as text, and each poll is sent, even if
    unchanged. `grace` (ms) is how late a tick may be where it is counted.
    """

    def __init__(
        self,
        api: ChartApi,
        outbox: Outbox,
        tickers: Sequence[str],
        *,
        interval: float = 30,
        form: Form = "tick",
        grace: int | None = None,
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._observers = {ticker: Observer() for ticker in tickers}
        self._interval = interval
        self._form = form
        self._grace = grace
        self._sending = asyncio.Lock()
        self._warned: set[str] = set()
        #: Reason of the most recent price that was not sent.
        self.failure: str | None = None

    @property
    def behind(self) -> dict[str, int]:
        """Ticker -> the longest time (ms) from a trade to its tick, where it is known."""
        known = {ticker: each.behind for ticker, each in self._observers.items()}
        return {ticker: behind for ticker, behind in known.items() if behind is not None}

    async def run(self, polls: int | None = None) -> None:
        """Poll each ticker `polls` times, or for ever if None."""
        spacing = min(SPACING, self._interval / len(self._observers))
        async with asyncio.TaskGroup() as group:
            for number, ticker in enumerate(self._observers):
                group.create_task(self._poll(ticker, number * spacing, polls))

    async def _poll(self, ticker: str, delay: float, polls: int | None) -> None:
        due = time.monotonic() + delay
        for number in count(1):
            await asyncio.sleep(due - time.monotonic())
            if record := await self._ask(ticker):
                await self._send(record)
            if number == polls:
                return
            # The next point of a fixed grid, so that a slow poll does not shift the later ones.
            late = max(0.0, time.monotonic() - due)
            due += (late // self._interval + 1) * self._interval

    async def _ask(self, ticker: str) -> Record | None:
        """Return the record of the ticker's quote; None, and log the reason, if it has none."""
        try:
            quote = await self._api.quote(ticker)
            return self._record(ticker, quote)
        except PausedError as error:
            self.failure = f"{ticker}: {error}"
            log.info("%s", self.failure)
        except ChartError as error:
            self.failure = f"{ticker}: {error}"
            log.warning("%s", self.failure)
        return None

    def _record(self, ticker: str, quote: Quote) -> Record | None:
        key, observer, now = quote.symbol.encode(), self._observers[ticker], int(time.time() * 1000)
        observer.check_currency(quote)
        if self._form == "price":
            return key, str(quote.price).encode(), now
        tick = observer.tick(quote, now)
        if tick is None:
            log.info("%s: unchanged at %s", ticker, quote.price)
            return None
        self._warn_if_late(ticker, observer)
        return key, msgspec.json.encode(tick), tick.time

    def _warn_if_late(self, ticker: str, observer: Observer) -> None:
        """Warn once for each ticker whose ticks are late beside live ones."""
        behind = observer.behind or 0
        if self._grace is None or behind <= self._grace or ticker in self._warned:
            return
        self._warned.add(ticker)
        log.warning(
            "%s: quotes are %s behind; beside live ones they need a TICKSTREAM_GRACE of that",
            *(ticker, approximate_duration(behind)),
        )

    async def _send(self, record: Record) -> None:
        key, value, _ = record
        try:
            async with self._sending:
                await self._outbox.send([record])
                await self._outbox.drain()
        except KafkaError as error:
            self.failure = f"{key.decode()}: not sent: {error!r}"
            log.warning("%s", self.failure)
        else:
            log.info("%s: sent %s", key.decode(), value.decode())
