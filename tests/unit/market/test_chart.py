"""The chart API over HTTP: the result of each answer that it may have."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from chart_server import HELD, ChartServer, quote

from app.market.chart import MOST_REQUESTS, ChartApi, ChartError, PausedError, Quote

TOKEN = "a-secret"  # noqa: S105 - of a server in this file


@pytest.fixture
async def server() -> AsyncIterator[ChartServer]:
    """Run a chart API."""
    async with ChartServer().running() as running:
        yield running


@pytest.fixture
async def api(server: ChartServer) -> AsyncIterator[ChartApi]:
    """Yield a client with short time-outs."""
    async with ChartApi(server.url, TOKEN, timeout=0.3, first_wait=0.01, longest_wait=3) as client:
        yield client


def too_many(retry_after: str) -> web.Response:
    """Return a 429 with a Retry-After."""
    return web.Response(status=429, headers={"Retry-After": retry_after})


async def failure(api: ChartApi, ticker: str) -> ChartError:
    """Ask for a quote that fails; return the error."""
    with pytest.raises(ChartError) as caught:
        await api.quote(ticker)
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_good_answer_is_a_quote_in_milliseconds(server: ChartServer, api: ChartApi) -> None:
    """Seconds become ms, the price stays as written."""
    server.answers["VTI"] = [quote("VTI", 265.25, 1_720_000_000, 77)]
    assert await api.quote("VTI") == Quote("VTI", 265.25, 1_720_000_000_000, 77)


@pytest.mark.parametrize("price", [0, -37.63])
async def test_a_price_may_be_0_or_negative(
    server: ChartServer, api: ChartApi, price: float
) -> None:
    """Oil and power have had such prices; a volume need not be a whole number."""
    server.answers["CL=F"] = [quote("CL=F", price, 1_720_000_000, 0.25)]
    assert await api.quote("CL=F") == Quote("CL=F", price, 1_720_000_000_000, 0.25)


async def test_time_and_volume_may_be_missing(server: ChartServer, api: ChartApi) -> None:
    """A bare price needs neither, and no symbol either."""
    server.answers["A"] = [{"chart": {"result": [{"meta": {"regularMarketPrice": 7}}]}}]
    assert await api.quote("A") == Quote("A", 7, None, None)


async def test_api_decides_the_spelling_but_not_the_symbol(
    server: ChartServer, api: ChartApi
) -> None:
    """btc-usd is BTC-USD if the API spells it so; another symbol does not become the key."""
    server.answers["btc-usd"] = server.answers["ETH-USD"] = [quote("BTC-USD", 1)]
    assert (await api.quote("btc-usd")).symbol == "BTC-USD"
    assert (await api.quote("ETH-USD")).symbol == "ETH-USD"


async def test_a_ticker_is_one_part_of_the_path_whatever_it_contains(
    server: ChartServer, api: ChartApi
) -> None:
    """^GSPC and A/B reach the API as they are."""
    for ticker in ("^GSPC", "A/B", "EURUSD=X", "100%"):
        server.answers[ticker] = [quote(ticker, 5)]
        assert (await api.quote(ticker)).symbol == ticker


async def test_token_is_sent_and_never_logged(
    server: ChartServer, api: ChartApi, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the header of each request, and in no message."""
    caplog.set_level(logging.DEBUG)
    server.answers["A"] = [500, 401]
    error = await failure(api, "A")
    assert [headers["Authorization"] for headers in server.asked["A"]] == [f"Bearer {TOKEN}"] * 2
    assert TOKEN not in caplog.text + str(error) + repr(error)


async def test_without_a_token_no_header_is_sent(server: ChartServer) -> None:
    """An open API gets no Authorization."""
    server.answers["A"] = [quote("A", 1)]
    async with ChartApi(server.url) as api:
        await api.quote("A")
    assert "Authorization" not in server.asked["A"][0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (401, "401 Unauthorized: .*TICKSTREAM_CHART_TOKEN"),
        (403, "403 Forbidden: .*TICKSTREAM_CHART_TOKEN"),
        (404, "404 Not Found: .*no such ticker"),
        (418, "418 .*unexpected"),
        ("<html>busy</html>", "no JSON"),
        ("", "no JSON"),
        ({"chart": {}}, "unusable answer: .*`result`"),
        ({"chart": {"result": [{"meta": {"symbol": "A"}}]}}, "`regularMarketPrice`"),
        ({"chart": {"result": [{"meta": {"regularMarketPrice": "7"}}]}}, "regularMarketPrice"),
        ({"chart": {"result": None, "error": {"code": "gone"}}}, "no result: .*gone"),
        ({"chart": {"result": []}}, "no result"),
    ],
)
async def test_permanent_error_is_not_retried(
    server: ChartServer, api: ChartApi, answer: object, message: str
) -> None:
    """Rejections and unusable answers raise an error of one line with the reason."""
    server.answers["A"] = [answer]
    error = await failure(api, "A")
    assert error.again is False
    assert len(server.asked["A"]) == 1
    with pytest.raises(ChartError, match=message):
        raise error


async def test_server_error_is_retried_until_it_is_over(server: ChartServer, api: ChartApi) -> None:
    """500 twice, then a quote, is a quote."""
    server.answers["A"] = [500, 502, quote("A", 3)]
    assert (await api.quote("A")).price == 3
    assert len(server.asked["A"]) == 3


async def test_lasting_server_error_is_given_up(server: ChartServer, api: ChartApi) -> None:
    """After four attempts."""
    server.answers["A"] = [503]
    assert "503 Service Unavailable" in str(await failure(api, "A"))
    assert len(server.asked["A"]) == 4


async def test_request_that_times_out_is_retried(server: ChartServer, api: ChartApi) -> None:
    """A request that hangs is dropped; the next one may succeed."""
    server.answers["A"] = [None, quote("A", 3)]
    assert (await api.quote("A")).price == 3


async def test_repeated_time_outs_are_given_up(server: ChartServer, api: ChartApi) -> None:
    """The message has the length of the time-out."""
    server.answers["A"] = [None]
    assert "no answer in 0.3 s" in str(await failure(api, "A"))


async def test_refused_connection_is_a_chart_error() -> None:
    """It is not an exception of the HTTP client."""
    async with ChartApi("http://127.0.0.1:1/{ticker}", first_wait=0.01) as api:
        assert "no connection" in str(await failure(api, "A"))


async def test_429_pauses_all_tickers_for_its_retry_after(
    server: ChartServer, api: ChartApi
) -> None:
    """Neither it nor another ticker is asked before, across polls; afterwards both are."""
    server.answers = {"A": [too_many("1"), quote("A", 3)], "B": [quote("B", 4)]}
    begun = time.monotonic()
    assert "we ask too often" in str(await failure(api, "A"))
    for ticker in "ABAB":
        assert "asked for a pause" in str(await failure(api, ticker))
    assert (len(server.asked["A"]), len(server.asked["B"])) == (1, 0)
    while True:
        try:
            assert (await api.quote("A")).price == 3
        except PausedError:
            await asyncio.sleep(0.05)
        else:
            break
    assert time.monotonic() - begun >= 1
    assert (await api.quote("B")).price == 4


async def test_retry_after_may_be_a_date_and_come_with_503(
    server: ChartServer, api: ChartApi
) -> None:
    """An hour from now: no retry, and nothing is asked meanwhile."""
    then = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.answers["A"] = [web.Response(status=503, headers={"Retry-After": then})]
    await failure(api, "A")
    seconds = re.search(r"pause, (\d+) s more", str(await failure(api, "A")))
    assert seconds is not None
    assert int(seconds[1]) == pytest.approx(3600, abs=5)
    assert len(server.asked["A"]) == 1


@pytest.mark.parametrize("header", ["", "soon", "-1"])
async def test_429_without_retry_after_pauses_twice_as_long_each_time(
    server: ChartServer, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Until an answer; then it begins anew."""
    refused = [too_many(header) for _ in range(4)]
    server.answers["A"] = [*refused[:3], quote("A", 3), *refused[3:], quote("A", 3)]
    async with ChartApi(server.url, first_pause=0.05) as api:
        while len(server.asked["A"]) < 5:
            with suppress(ChartError):
                await api.quote("A")
            await asyncio.sleep(0.01)
    pauses = [each.args for each in caplog.records if "none is sent" in each.message]
    assert pauses == [(0.05,), (0.1,), (0.2,), (0.05,)]


async def test_refusals_of_requests_at_the_same_time_are_one_refusal(
    server: ChartServer,
) -> None:
    """Five tickers that are refused at once do not make the pause 16 times as long."""
    tickers = "ABCDE"
    server.answers = {ticker: [(HELD, too_many("")), quote(ticker, 1)] for ticker in tickers}
    async with ChartApi(server.url, first_pause=60) as api:
        asked = [asyncio.create_task(failure(api, ticker)) for ticker in tickers]
        for _ in tickers:
            await server.held.acquire()
        server.release.set()
        await asyncio.gather(*asked)
        left = re.search(r"pause, (\d+) s more", str(await failure(api, "A")))
    assert left is not None
    assert int(left[1]) <= 60


async def test_requests_are_bounded_and_a_slow_ticker_delays_no_other(
    server: ChartServer,
) -> None:
    """At most eight at a time; with one that hangs, all others are answered."""
    tickers = [f"T{number}" for number in range(40)]
    server.answers = {each: [quote(each, 1)] for each in tickers}
    server.answers["T0"] = [(HELD, quote("T0", 1))]
    async with ChartApi(server.url) as api:
        slow = asyncio.create_task(api.quote("T0"))
        quotes = await asyncio.gather(*(api.quote(each) for each in tickers[1:]))
        assert len(quotes) == 39
        assert not slow.done()
        server.release.set()
        await slow
    assert 1 < server.most_open <= MOST_REQUESTS


@pytest.mark.parametrize(
    ("unit", "currency", "price"),
    [
        ("GBp", "GBP", 0.755),
        ("GBX", "GBP", 0.755),
        ("ILA", "ILS", 0.755),
        ("ZAc", "ZAR", 0.755),
        ("GBP", "GBP", 75.5),
        ("USD", "USD", 75.5),
        (None, None, 75.5),
    ],
)
async def test_hundredths_of_a_currency_become_whole_units(
    server: ChartServer, api: ChartApi, unit: str | None, currency: str | None, price: float
) -> None:
    """So a ticker whose unit changes has no price a hundred times as high."""
    server.answers["A"] = [quote("A", 75.5, currency=unit)]
    found = await api.quote("A")
    assert (found.price, found.currency, found.unit) == (pytest.approx(price), currency, unit)


@pytest.mark.parametrize(
    ("kind", "volume"),
    [("EQUITY", 77), ("ETF", 77), ("FUTURE", 77), ("CRYPTOCURRENCY", None), ("CURRENCY", None)],
)
async def test_volume_is_known_only_where_it_is_of_the_session(
    server: ChartServer, api: ChartApi, kind: str, volume: int | None
) -> None:
    """That of a coin is a sum of the last 24 h, which says nothing of one trade."""
    server.answers["A"] = [quote("A", 1, volume=77, instrumentType=kind)]
    assert (await api.quote("A")).volume == volume


OPEN, CLOSE = 1_720_000_000, 1_720_023_400


def bars(times: list[int], closes: list[float | None]) -> object:
    """Return an answer with bars, and a regular quote at the close of its session."""
    period = {"regular": {"start": OPEN, "end": CLOSE}}
    answer = quote("A", 10, CLOSE, 500, currentTradingPeriod=period)
    answer["chart"]["result"][0] |= {
        "timestamp": times,
        "indicators": {"quote": [{"close": closes}]},
    }
    return answer


@pytest.mark.parametrize(
    ("times", "closes", "price", "at"),
    [
        ([CLOSE - 60, CLOSE + 60, CLOSE + 120], [10, 11, None], 11, CLOSE + 60),
        ([CLOSE - 60], [9], 10, CLOSE),
        ([], [], 10, CLOSE),
    ],
)
async def test_extended_hours_are_quoted_if_asked_for(
    server: ChartServer, times: list[int], closes: list[float | None], price: float, at: int
) -> None:
    """The last bar outside the regular hours, else the regular quote; without it always that."""
    server.answers["A"] = [bars(times, closes)]
    async with ChartApi(server.url, extended_hours=True) as api:
        found = await api.quote("A")
    assert (found.price, found.time, found.volume) == (price, at * 1000, 500)
    assert server.queries["A"]["includePrePost"] == "true"
    async with ChartApi(server.url) as api:
        assert (await api.quote("A")).time == CLOSE * 1000
    assert server.queries["A"] == {}
