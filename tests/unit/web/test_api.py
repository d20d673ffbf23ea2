"""Answers of one worker, over real HTTP."""

import logging
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from web_workers import MINUTE, NOON
from yarl import URL

from app.market.records import TopGainers
from eventfold.engine.progress import Progress
from eventfold.records.candles import Candle

REPOSITORY = Path(__file__).parents[3]


async def _get(http: ClientSession, url: str, status: int = 200) -> Any:
    async with http.get(url) as reply:
        assert reply.status == status, await reply.text()
        assert reply.content_type == "application/json"
        return await reply.json()


async def _error(http: ClientSession, url: str, status: int) -> str:
    error = (await _get(http, url, status))["error"]
    assert set(error) == {"code", "message"}
    assert "Traceback" not in error["message"]
    return error["message"]


async def test_candles_are_returned_oldest_first(worker, http) -> None:
    """They have the shape of the records in `candles` and are in order of their starts."""
    found = await _get(http, f"{worker.url}/api/candles/AAA?size=1m")
    starts = [candle.start for candle in msgspec.convert(found, list[Candle])]
    assert starts == [NOON + n * MINUTE for n in (0, 1, 2, 500, 501)]


async def test_limit_returns_the_newest_windows_across_a_gap(worker, http) -> None:
    """Windows without ticks are not counted: the three are on both sides of a gap of hours."""
    found = await _get(http, f"{worker.url}/api/candles/AAA?size=1m&limit=3")
    assert [c["start"] for c in found] == [NOON + n * MINUTE for n in (2, 500, 501)]


@pytest.mark.parametrize(
    "text",
    [
        "{ms}",
        "2026-01-31T14:31:00Z",
        "2026-01-31T15:31:00%2B01:00",
        "2026-01-31T15:31:00+01:00",
        "2026-01-31 14:31",
    ],
)
async def test_from_is_inclusive_and_to_is_exclusive(worker, http, text: str) -> None:
    """Both are in ms or ISO 8601, UTC where no zone is named; a plus need not be escaped."""
    begin = text.format(ms=NOON + MINUTE)
    query = f"size=1m&from={begin}&to={NOON + 2 * MINUTE}"
    found = await _get(http, f"{worker.url}/api/candles/AAA?{query}")
    assert [c["start"] for c in found] == [NOON + MINUTE]


async def test_range_without_windows_is_an_empty_list_not_404(worker, http) -> None:
    """The symbol is known; its windows are at other times."""
    assert await _get(http, f"{worker.url}/api/candles/AAA?size=1m&to=2020-01-01") == []


async def test_a_symbol_with_a_slash_is_found(worker, http) -> None:
    """Escaped, it is one part of the path."""
    found = await _get(http, URL(f"{worker.url}/api/candles/A%2FB?size=1m", encoded=True))
    assert found[0]["symbol"] == "A/B"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("size=1x", "size: '1x' is not a duration"),
        ("size=0m", "size: '0m' has to be longer than nothing"),
        ("size=7m", "size: windows of 7m are not served; there are 1m, 5m, 5m/1m"),
        ("size=5m&advance=2m", "advance: windows of 5m/2m are not served; there are 1m, 5m, 5m/1m"),
        ("size=1m&advance=5m", "advance: window 1m by 5m: the advance is larger"),
        ("from=yesterday", "from: 'yesterday' is neither milliseconds"),
        ("from=1769869800", "from: '1769869800' is before 1973: seconds?"),
        ("to=99999999999999999", "to: '99999999999999999' is not between"),
        ("from=2026-01-02&to=2026-01-01", "from: is after to"),
        ("limit=0", "limit: '0' is not valid: Expected `int` >= 1"),
        ("limit=ten", "limit: 'ten' is not"),
        ("limit=1e1", "limit: '1e1' is not"),
        ("limit=1.0", "limit: '1.0' is not"),
        (
            "sise=5m",
            "sise: no such parameter; there are size, advance, points, from, to, start, limit, ",
        ),
        ("size=1m&size=5m", "size: given more than once"),
    ],
)
async def test_bad_parameter_is_named_in_the_error(worker, http, query: str, expected: str) -> None:
    """Status 400, and a sentence that begins with the parameter."""
    message = await _error(http, f"{worker.url}/api/candles/AAA?{query}", 400)
    assert message.startswith(expected)


async def test_unknown_names_return_404(worker, http) -> None:
    """A symbol, a table, a key, a day, a path."""
    for path, expected in [
        ("/api/candles/ZZZ", "unknown symbol 'ZZZ'"),
        ("/api/tables/nope/AAA", "unknown table 'nope'; there are candles, gainers"),
        ("/api/tables/candles/ZZZ", "unknown key 'ZZZ' in table candles"),
        ("/api/top-gainers?day=2020-01-01", "unknown day 2020-01-01"),
        ("/api/nope", "there is nothing at /api/nope"),
    ]:
        assert (await _error(http, worker.url + path, 404)).startswith(expected)


async def test_day_must_be_an_iso_date(worker, http) -> None:
    """Other forms that ISO 8601 allows are rejected too."""
    for day in ("20260131", "2026-1-31", "2026-02-30", "today", "2026-W05-6"):
        message = await _error(http, f"{worker.url}/api/top-gainers?day={day}", 400)
        assert message.startswith(f"day: '{day}' is not valid: Invalid")


async def test_top_gainers_are_of_the_latest_day_by_default(worker, http) -> None:
    """They have the shape of the records in `top-gainers`."""
    found = msgspec.convert(await _get(http, f"{worker.url}/api/top-gainers"), TopGainers)
    assert (found.day, found.rank[0].symbol) == ("2026-01-31", "AAA")


async def test_top_losers_and_most_active_take_a_day_like_top_gainers(worker, http) -> None:
    """Of the latest day, or of one that is named."""
    for path in ("/api/top-losers", "/api/most-active"):
        found = await _get(http, f"{worker.url}{path}")
        assert (found["day"], found["rank"][0]["symbol"]) == ("2026-01-31", "AAA")
        assert await _get(http, f"{worker.url}{path}?day=2026-01-31") == found
        message = await _error(http, f"{worker.url}{path}?day=2020-01-01", 404)
        assert message == "unknown day 2020-01-01"


async def test_tables_are_listed_and_rows_of_a_key_returned(worker, http) -> None:
    """The tables with their windows; a key's rows as they are."""
    tables = await _get(http, f"{worker.url}/api/tables")
    assert [(t["name"], t["source"], t["windows"]) for t in tables] == [
        ("candles", "ticks", ["1m", "5m", "5m/1m"]),
        ("gainers", "daily-gains", []),
    ]
    assert len(await _get(http, f"{worker.url}/api/tables/candles/AAA")) == 5


async def test_symbols_are_filtered_by_prefix(worker, http) -> None:
    """They are sorted, and the prefix ignores case."""
    assert await _get(http, f"{worker.url}/api/symbols") == ["A/B", "AAA"]
    assert await _get(http, f"{worker.url}/api/symbols?prefix=aa") == ["AAA"]


async def test_other_methods_return_405(worker, http) -> None:
    """The header `Allow` lists those that are accepted."""
    async with http.post(f"{worker.url}/api/tables") as reply:
        assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
        assert (await reply.json())["error"]["code"] == "method-not-allowed"


async def test_internal_error_is_logged_and_hidden_from_the_client(
    worker, http, monkeypatch, caplog
) -> None:
    """Status 500 without a traceback, which is in the log."""

    def fail(key: str) -> None:
        raise RuntimeError(f"secret of {key}")

    monkeypatch.setattr(worker.app.tables["candles"], "rows_of", fail)
    with caplog.at_level(logging.ERROR, logger="eventfold.web.errors"):
        message = await _error(http, f"{worker.url}/api/tables/candles/AAA", 500)
    assert "secret" not in message
    assert "secret of AAA" in caplog.text


async def test_readiness_names_missing_partitions(worker, http) -> None:
    """Before an assignment, and while a partition of it isn't open."""
    assert (await _get(http, f"{worker.url}/readyz"))["ready"] is True
    assigned = [("ticks", 0), ("ticks", 4)]
    actives = {"ticks": [partition for _, partition in assigned]}
    worker.app.assignor._assignment.actives.update(actives)
    state = await _get(http, f"{worker.url}/readyz", 503)
    assert state["missing"] == ["table candles: partition 4 is not restored yet"]
    candles = state["tables"]["candles"]
    assert (candles["ready"], candles["open"], candles["missing"]) == (False, [0, 1], [4])
    worker.knows_owners({})
    state = await _get(http, f"{worker.url}/readyz", 503)
    assert state["missing"][0] == "no partition has been assigned yet"
    assert await _get(http, f"{worker.url}/healthz") == {"alive": True}


async def test_readiness_reports_the_progress_of_a_restore(worker, http) -> None:
    """Rows, rows a second, percent and time left, for programs and in words."""
    worker.app.assignor._assignment.actives.update({"ticks": [0, 4]})
    progress = Progress("candles", 4)
    worker.app.tables["candles"].restores.append(progress)
    progress.start(1000, 3000)
    state = await _get(http, f"{worker.url}/readyz", 503)
    assert state["tables"]["candles"]["restoring"][0]["seconds_left"] is None
    progress.reach(1500, 400)
    state = await _get(http, f"{worker.url}/readyz", 503)
    assert state["missing"] == ["table candles: partition 4 is not restored yet (4: 25 %)"]
    (restoring,) = state["tables"]["candles"]["restoring"]
    assert (restoring["partition"], restoring["rows"], restoring["percent"]) == (4, 400, 25.0)
    assert restoring["rows_per_second"] > 0
    assert restoring["seconds_left"] >= 0
    progress.finish()


async def test_metrics_count_requests_by_route(worker, http) -> None:
    """One time series a route, not one a symbol."""
    await _get(http, f"{worker.url}/api/candles/AAA?size=1m")
    async with http.get(f"{worker.url}/metrics") as reply:
        text = await reply.text()
    labels = 'method="GET",path="/api/candles/{symbol}",status="200"'
    assert f"eventfold_http_requests_total{{{labels}}}" in text
    assert "AAA" not in text


async def test_the_dashboard_is_self_contained(worker, http) -> None:
    """Its files come from the worker, and inline scripts and styles are forbidden."""
    async with http.get(f"{worker.url}/") as reply:
        assert reply.content_type == "text/html"
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        page = await reply.text()
    assert "<style" not in page
    assert "http:" not in page
    for path in (
        "page.js",
        "style.css",
        "market/page.js",
        "vendor/uplot/uPlot.iife.min.js",
        "vendor/uplot/LICENSE",
    ):
        async with http.get(f"{worker.url}/static/{path}") as reply:
            assert reply.status == 200


async def test_tiles_of_use_cases_are_files_of_the_dashboard(worker, http) -> None:
    """Each as it stands in its directory, and a module that exports all of them."""
    async with http.get(f"{worker.url}/static/tiles/application.js") as reply:
        assert (reply.status, reply.content_type) == (200, "text/javascript")
        assert reply.headers["Cache-Control"] == "no-cache"
        exports = re.findall(r'TILES as (\w+) } from "(/static/tiles/\1.js)";', await reply.text())
    assert {"fraud", "shop"} <= {name for name, _ in exports}
    for name, path in exports:
        async with http.get(f"{worker.url}{path}") as reply:
            assert reply.status == 200
            assert await reply.text() == (REPOSITORY / "app" / name / "tiles.js").read_text()


async def test_faust_views_show_the_tables(worker, http) -> None:
    """Real rows, never a made-up default; and `/stats/`, `/graph/` keep their paths."""
    assert [t["name"] for t in await _get(http, f"{worker.url}/table/")] == ["candles", "gainers"]
    rows = await _get(http, f"{worker.url}/table/candles/AAA/")
    assert len(msgspec.convert(rows, list[Candle])) == 5
    await _get(http, f"{worker.url}/table/candles/ZZZ/", 404)
    await _get(http, f"{worker.url}/table/nope/ZZZ/", 404)
    routes = {worker.url: {"ticks": [0, 1], "daily-gains": [0]}}
    assert await _get(http, f"{worker.url}/router/") == routes
    assert await _get(http, f"{worker.url}/router/candles/") == {worker.url: {"ticks": [0, 1]}}
    assert await _get(http, f"{worker.url}/router/candles/AAA/") == worker.url
    for path in ("/stats/", "/graph/"):
        async with http.get(worker.url + path) as reply:
            assert reply.status == 200
