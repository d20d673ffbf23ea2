"""The chart API over HTTP: the result of each answer that it may have."""

import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from chart_server import ChartServer, quote

from app.market.chart import ChartApi, ChartError, Quote

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
    server.answers["BTC-USD"] = [quote("BTC-USD", 65_000.25, 1_720_000_000, 77)]
    assert await api.quote("BTC-USD") == Quote("BTC-USD", 65_000.25, 1_720_000_000_000, 77)


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
    assert await api.quote("A") == Quote("A", 7, None, 0)


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


async def test_retry_waits_for_retry_after(server: ChartServer, api: ChartApi) -> None:
    """After one second, and not before."""
    server.answers["A"] = [too_many("1"), quote("A", 3)]
    begun = time.monotonic()
    assert (await api.quote("A")).price == 3
    assert time.monotonic() - begun >= 1


async def test_retry_after_may_be_a_date(server: ChartServer, api: ChartApi) -> None:
    """An hour is longer than the client waits: the error has the number of seconds."""
    then = datetime.now(UTC) + timedelta(hours=1)
    server.answers["A"] = [too_many(format_datetime(then, usegmt=True))]
    error = await failure(api, "A")
    assert error.again == pytest.approx(3600, abs=5)
    assert len(server.asked["A"]) == 1


@pytest.mark.parametrize("header", ["", "soon", "-1"])
async def test_unusable_retry_after_falls_back_to_the_usual_back_off(
    server: ChartServer, api: ChartApi, header: str
) -> None:
    """A 429 without it is retried like a server error."""
    server.answers["A"] = [too_many(header), quote("A", 3)]
    assert (await api.quote("A")).price == 3
