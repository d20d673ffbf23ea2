"""Client of a chart API: fetches the last price of a ticker over HTTP, with retries."""

import logging
from http import HTTPStatus
from math import isfinite
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote as percent_encode

import aiohttp
import msgspec
import stamina
from yarl import URL

from eventfold.answers import describe_failure, read_answer, retry_after
from eventfold.decoding import json_decoder
from eventfold.records import EARLIEST

log = logging.getLogger(__name__)

ATTEMPTS = 4


class Quote(msgspec.Struct, frozen=True):
    """Last price of a ticker; `time` in ms, None if unknown; `volume` is the day's so far."""

    symbol: str
    price: int | float
    time: int | None
    volume: int | float


class ChartError(Exception):
    """No quote this time. The message is one line; `again` is the retry policy.

    False: no retry; True: retry with back-off; a number: retry after that many seconds.
    """

    def __init__(self, message: str, *, again: bool | float = False) -> None:
        super().__init__(message)
        self.again = again


class _Meta(msgspec.Struct, rename="camel"):
    regular_market_price: int | float
    symbol: str | None = None
    regular_market_time: int | float | None = None
    regular_market_volume: int | float | None = None


class _Result(msgspec.Struct):
    meta: _Meta


class _Chart(msgspec.Struct):
    result: list[_Result] | None
    error: Any = None


class _Answer(msgspec.Struct):
    chart: _Chart


class ChartApi:
    """Client of the API at `url`, which contains `{ticker}`; time-outs and waits are in seconds.

    Used as a context manager. The token is sent, but never logged.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = 10,
        first_wait: float = 0.5,
        longest_wait: float = 20,
    ) -> None:
        self._url = url
        # Some chart APIs reject clients that don't look like a browser.
        self._headers = {"User-Agent": "Mozilla/5.0 (compatible; tickstream)"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = timeout
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._decode = json_decoder(_Answer)

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
        """Return the quote of `ticker`, after up to four attempts while a retry may help.

        Raises ChartError if there is no usable answer.
        """
        attempts = stamina.retry_context(
            on=self._wait_before_retry,
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
                return self._read(ticker, await self._fetch(ticker))
        raise AssertionError("the last attempt returns or raises")

    def _wait_before_retry(self, error: Exception) -> bool | float:
        if not isinstance(error, ChartError) or isinstance(error.again, bool):
            return getattr(error, "again", False)
        # A longer Retry-After is left to the caller, who skips polls until it has passed.
        return error.again if error.again <= self._longest_wait else False

    async def _fetch(self, ticker: str) -> bytes:
        url = self._url.replace("{ticker}", percent_encode(ticker, safe=""))
        try:
            async with self._session.get(URL(url, encoded=True)) as response:
                body = await read_answer(response)
        except TimeoutError:
            raise ChartError(f"no answer in {self._timeout:g} s", again=True) from None
        except aiohttp.ClientError as error:
            raise ChartError(f"no connection: {describe_failure(error)}", again=True) from error
        if response.status != HTTPStatus.OK:
            raise _refusal(response)
        return body

    def _read(self, ticker: str, body: bytes) -> Quote:
        try:
            chart = self._decode(body).chart
        except msgspec.ValidationError as error:
            raise ChartError(f"unusable answer: {error}") from error
        except ValueError as error:
            raise ChartError(f"the answer is no JSON: {error}") from error
        if not chart.result:
            raise ChartError(f"the answer has no result: {chart.error}")
        return _quote(ticker, chart.result[0].meta)


def _quote(ticker: str, meta: _Meta) -> Quote:
    price = meta.regular_market_price
    if not isfinite(price):
        raise ChartError(f"regularMarketPrice is {price}, which is no price")
    symbol = meta.symbol or ticker
    return Quote(
        # The API may change the spelling of the ticker, but another name would be another key.
        symbol=symbol if symbol.casefold() == ticker.casefold() else ticker,
        price=price,
        time=_milliseconds(meta.regular_market_time),
        volume=max(0, meta.regular_market_volume or 0),
    )


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
            wait = retry_after(response.headers.get("Retry-After", ""))
            asked = "" if wait is None else f", not before {wait:g} s"
            return ChartError(f"{status}: we ask too often{asked}", again=wait or True)
        case code if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ChartError(f"{status}: the API has trouble of its own", again=True)
        case _:
            return ChartError(f"{status}: unexpected")
