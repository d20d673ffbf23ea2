"""Client of a chart API: fetches the last price of a ticker over HTTP, with retries."""

import asyncio
import logging
import time
from http import HTTPStatus
from math import isfinite
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote as percent_encode

import aiohttp
import msgspec
import stamina
from yarl import URL

from eventfold.answers import describe_failure, read_answer
from eventfold.decoding import json_decoder
from eventfold.records import EARLIEST
from eventfold.retry_after import retry_after

log = logging.getLogger(__name__)

ATTEMPTS = 4
#: Most requests at a time.
MOST_REQUESTS = 8
#: Longest pause (s) without a Retry-After, and longest that is taken from one.
LONGEST_PAUSE, LONGEST_RETRY_AFTER = 900.0, 86_400.0
#: Query for bars of a minute that include pre- and post-market trading.
EXTENDED_HOURS = {"interval": "1m", "range": "1d", "includePrePost": "true"}
#: Types of instruments whose volume is the session's so far. That of coins is a sum of 24 h.
WITH_SESSIONS = {"EQUITY", "ETF", "FUTURE", "INDEX", "OPTION", "WARRANT"}
#: Hundredths of a currency, as APIs write them -> the currency, and how many are one unit of it.
SUBUNITS = {
    "GBp": ("GBP", 100),
    "GBX": ("GBP", 100),
    "ILA": ("ILS", 100),
    "ZAc": ("ZAR", 100),
    "ZAX": ("ZAR", 100),
}


class Quote(msgspec.Struct, frozen=True):
    """Last price of a ticker, in whole units of its currency.

    `time` is in ms, None if unknown. `volume` is that of the session so far; None where the API's
    figure is none, such as the sum of the last 24 h for coins. `session` is the start (s) of the
    regular trading hours. `unit` is the currency as the API writes it, such as GBp for pence.
    """

    symbol: str
    price: int | float
    time: int | None
    volume: int | float | None
    session: int | None = None
    currency: str | None = None
    unit: str | None = None


class ChartError(Exception):
    """No quote this time. The message is one line; `again` is whether a retry may help."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class PausedError(ChartError):
    """No request was sent: the API has asked all requests to wait."""


class _Period(msgspec.Struct):
    start: int
    end: int


class _Periods(msgspec.Struct):
    regular: _Period | None = None


class _Meta(msgspec.Struct, rename="camel"):
    regular_market_price: int | float
    symbol: str | None = None
    regular_market_time: int | float | None = None
    regular_market_volume: int | float | None = None
    currency: str | None = None
    instrument_type: str | None = None
    current_trading_period: _Periods | None = None


class _Bars(msgspec.Struct):
    close: list[int | float | None] = []


class _Indicators(msgspec.Struct):
    quote: list[_Bars] = []


class _Result(msgspec.Struct):
    meta: _Meta
    timestamp: list[int] | None = None
    indicators: _Indicators | None = None


class _Chart(msgspec.Struct):
    result: list[_Result] | None
    error: Any = None


class _Answer(msgspec.Struct):
    chart: _Chart


class ChartApi:
    """Client of the API at `url`, which contains `{ticker}`; time-outs and waits are in seconds.

    Used as a context manager. The token is sent, but never logged. At most MOST_REQUESTS are open
    at a time. An answer 429, or any refusal with a Retry-After, pauses all requests: for as long
    as it asks, else for `first_pause`, twice as long after each further one. With `extended_hours`
    a quote may be of pre- or post-market trading.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = 10,
        first_wait: float = 0.5,
        longest_wait: float = 20,
        first_pause: float = 30,
        extended_hours: bool = False,
    ) -> None:
        self._url = url
        # Some chart APIs reject clients that don't look like a browser.
        self._headers = {"User-Agent": "Mozilla/5.0 (compatible; tickstream)"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = timeout
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._first_pause = first_pause
        self._query = EXTENDED_HOURS if extended_hours else {}
        self._decode = json_decoder(_Answer)
        self._open = asyncio.Semaphore(MOST_REQUESTS)
        #: Time (s, monotonic) until which no request is sent, and refusals since the last answer.
        self._paused_until = 0.0
        self._refusals = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=aiohttp.ClientTimeout(total=self._timeout)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def quote(self, ticker: str) -> Quote:
        """Return the quote of `ticker`, after up to four attempts. Raises ChartError."""
        attempts = stamina.retry_context(
            on=lambda error: isinstance(error, ChartError) and error.again,
            attempts=ATTEMPTS,
            timeout=self._longest_wait,
            wait_initial=self._first_wait,
            wait_max=self._longest_wait / 2,
            wait_jitter=self._first_wait,
        )
        async for attempt in attempts:
            with attempt:
                if attempt.num > 1:
                    log.info("%s: asking again (%d of %d)", ticker, attempt.num, ATTEMPTS)
                async with self._open:
                    body = await self._fetch(ticker)
                return self._read(ticker, body)
        raise AssertionError("the last attempt returns or raises")

    async def _fetch(self, ticker: str) -> bytes:
        asked = time.monotonic()
        if asked < self._paused_until:
            raise PausedError(f"the API asked for a pause, {self._paused_until - asked:.0f} s more")
        url = URL(self._url.replace("{ticker}", percent_encode(ticker, safe="")), encoded=True)
        try:
            async with self._session.get(url.update_query(self._query)) as response:
                body = await read_answer(response)
        except TimeoutError:
            raise ChartError(f"no answer in {self._timeout:g} s", again=True) from None
        except aiohttp.ClientError as error:
            raise ChartError(f"no connection: {describe_failure(error)}", again=True) from error
        if response.status != HTTPStatus.OK:
            refusal = _refusal(response)
            wait = retry_after(response.headers.get("Retry-After", ""))
            if response.status == HTTPStatus.TOO_MANY_REQUESTS or wait:
                self._pause(asked, wait)
                refusal.again = False
            raise refusal
        self._refusals = 0
        return body

    def _pause(self, asked: float, wait: float | None) -> None:
        """Pause all requests. Refusals of requests sent before the pause began prolong it only.

        `asked` is the time (s, monotonic) of the request, `wait` the seconds of its Retry-After.
        """
        if asked >= self._paused_until:
            self._refusals += 1
        back_off = min(LONGEST_PAUSE, self._first_pause * 2 ** min(self._refusals - 1, 20))
        pause = back_off if wait is None else min(wait, LONGEST_RETRY_AFTER)
        until = time.monotonic() + pause
        if until > self._paused_until:
            self._paused_until = until
            log.warning("the API refuses requests: none is sent for %.0f s", pause)

    def _read(self, ticker: str, body: bytes) -> Quote:
        try:
            chart = self._decode(body).chart
        except msgspec.ValidationError as error:
            raise ChartError(f"unusable answer: {error}") from error
        except ValueError as error:
            raise ChartError(f"the answer is no JSON: {error}") from error
        if not chart.result:
            raise ChartError(f"the answer has no result: {chart.error}")
        return _quote(ticker, chart.result[0], extended_hours=bool(self._query))


def _quote(ticker: str, result: _Result, *, extended_hours: bool) -> Quote:
    meta = result.meta
    price, seconds = meta.regular_market_price, meta.regular_market_time
    if extended_hours:
        price, seconds = _extended_hours(result) or (price, seconds)
    if not isfinite(price):
        raise ChartError(f"regularMarketPrice is {price}, which is no price")
    symbol = meta.symbol or ticker
    periods = meta.current_trading_period
    has_sessions = (meta.instrument_type or "").upper() in WITH_SESSIONS
    currency, per_unit = SUBUNITS.get(meta.currency or "", (meta.currency, 1))
    return Quote(
        # The API may change the spelling of the ticker, but another name would be another key.
        symbol=symbol if symbol.casefold() == ticker.casefold() else ticker,
        price=price if per_unit == 1 else price / per_unit,
        time=_milliseconds(seconds),
        volume=max(0, meta.regular_market_volume or 0) if has_sessions else None,
        session=periods.regular.start if periods and periods.regular else None,
        currency=currency,
        unit=meta.currency,
    )


def _extended_hours(result: _Result) -> tuple[float, int] | None:
    """Return price and time (s) of the last bar after the regular quote, outside its hours."""
    meta, bars = result.meta, result.indicators
    if not result.timestamp or bars is None or not bars.quote:
        return None
    periods = meta.current_trading_period
    regular = periods.regular if periods else None
    for seconds, close in zip(result.timestamp[::-1], bars.quote[0].close[::-1], strict=False):
        if close is not None:
            is_regular = regular is not None and regular.start <= seconds < regular.end
            is_newer = seconds > (meta.regular_market_time or 0)
            return (close, seconds) if is_newer and not is_regular else None
    return None


def _milliseconds(seconds: float | None) -> int | None:
    """Return a time in seconds as ms; None if it can't be seconds since the epoch."""
    if seconds is None or not EARLIEST <= seconds * 1000 < EARLIEST * 1000:
        return None
    return int(seconds * 1000)


def _refusal(response: aiohttp.ClientResponse) -> ChartError:
    """Return the error for a status that is not 200."""
    status = f"{response.status} {response.reason}"
    match response.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return ChartError(f"{status}: the API refuses us; is TICKSTREAM_CHART_TOKEN right?")
        case HTTPStatus.NOT_FOUND:
            return ChartError(f"{status}: the API knows no such ticker")
        case HTTPStatus.TOO_MANY_REQUESTS:
            return ChartError(f"{status}: we ask too often")
        case code if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ChartError(f"{status}: the API has trouble of its own", again=True)
        case _:
            return ChartError(f"{status}: unexpected")
