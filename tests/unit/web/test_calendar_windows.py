"""Windows are looked up by their nominal lengths: a day is 1d, whatever calendar it follows."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from web_workers import MINUTE, StartWorker, Windows, Worker, candle

from eventfold.windows import Span, WindowDefinition, day, exchange

DAY = 1440 * MINUTE


@pytest.fixture(params=["America/New_York", "XNYS"])
def family(request: pytest.FixtureRequest) -> WindowDefinition:
    """Return the days of a zone, or those of an exchange."""
    return exchange("XNYS") if request.param == "XNYS" else day(request.param)


@pytest.fixture
def days(family: WindowDefinition) -> list[Span]:
    """Return some days, among them one of 25 hours, or days on which nothing is traded."""
    begin, end = (int(datetime(2024, 11, n, tzinfo=UTC).timestamp()) * 1000 for n in (1, 9))
    return list(family.over(begin, end, 0, ()))


@pytest.fixture
async def worker(start_worker: StartWorker, family: WindowDefinition, days: list[Span]) -> Worker:
    """Return a worker with candles of a minute, and those days."""
    worker = await start_worker()
    Windows(worker.app, "candles", "1m", {0: {"AAA": [candle("AAA", days[0].start)]}})
    made = [msgspec.structs.replace(candle("AAA", s), end=e, size=DAY) for s, e in days]
    Windows(worker.app, "days", "1d", {0: {"AAA": made}}).windows = (family,)
    worker.knows_owners({worker.url: {"ticks": [0]}})
    return worker


async def _get(worker: Worker, http: Any, query: str) -> tuple[int, Any]:
    async with http.get(f"{worker.url}/api/candles/AAA?{query}") as reply:
        return reply.status, await reply.json()


@pytest.mark.parametrize("query", ["size=1d", "size=24h", "size=1d&advance=1d"])
async def test_day_of_a_calendar_is_requested_as_1d(worker, http, days, query: str) -> None:
    """Its windows run from open to close, or from midnight to midnight."""
    status, found = await _get(worker, http, query)
    assert status == 200
    assert [(each["start"], each["end"]) for each in found] == days


async def test_newest_days_are_returned_across_a_gap(worker, http, days) -> None:
    """A weekend, or a day of 25 hours, is among them."""
    for limit in range(1, len(days) + 1):
        _, found = await _get(worker, http, f"size=1d&limit={limit}")
        assert [(each["start"], each["end"]) for each in found] == days[-limit:]


async def test_unserved_window_size_is_answered_with_the_served_ones(worker, http, family) -> None:
    """The message lists the names of the windows."""
    status, found = await _get(worker, http, "size=2d")
    assert status == 400
    assert f"there are 1m, {family}" in str(found)
