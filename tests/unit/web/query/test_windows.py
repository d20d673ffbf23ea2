"""`/api/windows`: windows of any table over real HTTP, a page at a time, from all workers."""

from typing import Any

import pytest
from aiohttp import ClientSession
from web_workers import MINUTE, NOON, StartWorker, Windows, Worker, candle

#: Three workers, a partition each; windows of each key, and one of a key that is in two.
SHELVES = [
    {key: [candle(key, NOON + n * MINUTE) for n in range(7)] for key in ("AAA", "CCC/D", "ŻŻŻ")},
    {key: [candle(key, NOON + n * MINUTE) for n in (0, 3, 900)] for key in ("BBB", "a", "~")},
    {"BB": [], "Z": [candle("Z", NOON + MINUTE)]},
]


@pytest.fixture
async def three_workers(start_worker: StartWorker) -> list[Worker]:
    """Return three workers that share a table of minutes."""
    workers = [await start_worker() for _ in SHELVES]
    for part, worker in enumerate(workers):
        Windows(worker.app, "minutes", "1m", {part: SHELVES[part]})
        worker.knows_owners({each.url: {"ticks": [p]} for p, each in enumerate(workers)})
    return workers


async def _get(http: ClientSession, url: str, status: int = 200, **query: Any) -> Any:
    async with http.get(url, params={name: str(value) for name, value in query.items()}) as reply:
        assert reply.status == status, await reply.text()
        return await reply.json()


async def _all_pages(http: ClientSession, worker: Worker, **query: Any) -> list[list[Any]]:
    """Go through all pages of a query."""
    pages, url = [], f"{worker.url}/api/windows/minutes"
    page = await _get(http, url, **query)
    while True:
        pages.append([(each["symbol"], each["start"]) for each in page["windows"]])
        if page["next"] is None:
            return pages
        page = await _get(http, url, **query, after=page["next"])


def _expected_windows(begin: int = 0, end: int = 1 << 60) -> list[tuple[str, int]]:
    return sorted(
        (key, row.start)
        for shelf in SHELVES
        for key, rows in shelf.items()
        for row in rows
        if begin <= row.start < end
    )


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 30, 31, 32, 5000])
async def test_pages_together_are_all_windows_in_order(three_workers, http, limit: int) -> None:
    """Each once, in order of key and time, from whichever worker; full pages but the last."""
    for worker in three_workers:
        pages = await _all_pages(http, worker, limit=limit)
        assert [window for page in pages for window in page] == _expected_windows()
        assert {len(page) for page in pages[:-1]} <= {limit}
        assert 1 <= len(pages[-1]) <= limit


async def test_pages_are_filtered_by_time(three_workers, http) -> None:
    """Windows with from <= start < to, whatever their keys."""
    begin, end = NOON + MINUTE, NOON + 4 * MINUTE
    query = {"from": begin, "to": end, "limit": 4}
    pages = await _all_pages(http, three_workers[0], **query)
    assert [window for page in pages for window in page] == _expected_windows(begin, end)


async def test_range_without_windows_is_one_empty_page(three_workers, http) -> None:
    """No window starts that early."""
    page = await _get(http, f"{three_workers[0].url}/api/windows/minutes", to="2001-01-01")
    assert page == {"windows": [], "next": None}


async def test_pages_are_unavailable_while_a_partition_moves(three_workers, http) -> None:
    """Status 503: a part of the windows would look like all of them."""
    three_workers[1].app.tables["minutes"].shelf.clear()
    for worker in three_workers:
        answer = await _get(http, f"{worker.url}/api/windows/minutes", 503)
        assert answer["error"]["message"].startswith("partition 1 of table minutes is moving")


async def test_partition_with_two_owners_duplicates_no_window(three_workers, http) -> None:
    """While a partition moves, the old worker and the new one may both have it open."""
    three_workers[0].app.tables["minutes"].shelf[1] = SHELVES[1]
    pages = await _all_pages(http, three_workers[2], limit=3)
    assert [window for page in pages for window in page] == _expected_windows()


async def test_newest_windows_of_a_key_are_returned(three_workers, http) -> None:
    """Newest last, from whichever worker, by time too; unknown where no worker has the key."""
    for worker in three_workers:
        url = f"{worker.url}/api/windows/minutes"
        found = await _get(http, f"{url}/BBB", limit=2)
        assert [each["start"] for each in found] == [NOON + n * MINUTE for n in (3, 900)]
        found = await _get(http, f"{url}/CCC%2FD", **{"from": NOON + MINUTE, "limit": 1})
        assert [each["start"] for each in found] == [NOON + 6 * MINUTE]
        answer = await _get(http, f"{url}/NOBODY", 404)
        assert answer["error"]["message"] == "unknown key 'NOBODY' in table minutes"


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("nope", 404, "unknown table 'nope'; there are windows in candles"),
        ("gainers", 404, "no windows in table 'gainers'; there are windows in candles"),
        ("candles", 400, "window: table candles has several; which one of 1m, 5m, 5m/1m?"),
        ("candles/AAA", 400, "window: table candles has several; which one of 1m, 5m, 5m/1m?"),
        ("candles?window=7m", 400, "window: no 7m in table candles; there are 1m, 5m, 5m/1m"),
        ("candles?window=often", 400, "window: no often in table candles; there are 1m"),
        ("candles?window=1m&limit=0", 400, "limit: '0' is not valid: Expected `int` >= 1"),
        ("candles?window=1m&from=2026-01-02&to=2026-01-01", 400, "from: is after to"),
        ("candles?window=1m&after=x", 400, "after: 'x' is not the `next` of a page"),
        ("candles?window=1m&after=ż", 400, "after: 'ż' is not the `next` of a page"),
        ("candles?window=1m&after=W10", 400, "after: 'W10' is not the `next` of a page"),
        ("candles/AAA?window=1m&after=x", 400, "after: no such parameter; there are window, from"),
        ("candles?windows=1m", 400, "windows: no such parameter; there are window, from, to"),
    ],
)
async def test_bad_parameter_or_unknown_table_is_named(
    worker, http, path: str, status: int, expected: str
) -> None:
    """The message lists what would be valid."""
    answer = await _get(http, f"{worker.url}/api/windows/{path}", status)
    assert answer["error"]["message"].startswith(expected)


@pytest.mark.parametrize("text", ["5m/1m", "5m%2F1m", "300s/60s"])
async def test_window_definition_may_be_spelled_in_several_ways(worker, http, text: str) -> None:
    """As the list of tables writes it, or as another text of the same window."""
    found = await _get(http, f"{worker.url}/api/windows/candles/AAA?window={text}&limit=1")
    assert [each["start"] for each in found] == [NOON + 501 * MINUTE]
    page = await _get(http, f"{worker.url}/api/windows/candles?window={text}")
    assert len(page["windows"]) == 6


async def test_surges_are_404_without_their_pipeline(worker, http) -> None:
    """Status 404, with what is missing."""
    answer = await _get(http, f"{worker.url}/api/surges", 404)
    assert "the pipeline 'surges' does not run" in answer["error"]["message"]


async def test_results_have_the_evidence_of_each_window_and_its_record(three_workers, http) -> None:
    """Whatever the record is; of a key at another worker too."""
    for worker in three_workers:
        url = f"{worker.url}/api/results/minutes/CCC%2FD"
        results = await _get(http, url, window="1m", limit=3)
        assert [each["start"] for each in results] == [NOON + n * MINUTE for n in (4, 5, 6)]
        assert {each["key"] for each in results} == {"CCC/D"}
        newest = results[-1]
        evidence = "count", "late", "revision", "final", "first_offset", "last_offset", "partition"
        assert [newest[name] for name in evidence] == [4, 0, 9, True, 1, 4, 0]
        assert newest["record"]["close"] == 1.5
    await _get(http, f"{three_workers[0].url}/api/results/minutes/nobody", 404)


async def test_present_windows_are_ranked_by_time_or_by_a_field(three_workers, http) -> None:
    """Each key once, by its newest window, from all workers."""
    url = f"{three_workers[1].url}/api/results/minutes"
    latest = await _get(http, url, limit=4)
    ends = [(each["key"], each["end"]) for each in latest]
    last = NOON + 901 * MINUTE
    assert {key for key, end in ends[:3] if end == last} == {"BBB", "a", "~"}
    assert ends[3][1] == NOON + 7 * MINUTE
    SHELVES[2]["Z"][0] = candle("Z", NOON + MINUTE, late=3)
    largest = await _get(http, url, by="late", limit=1)
    assert [(each["key"], each["late"]) for each in largest] == [("Z", 3)]
    error = (await _get(http, url, 400, by="symbol"))["error"]["message"]
    assert "symbol" in error


async def test_keys_are_found_without_regard_to_case(three_workers, http) -> None:
    """Any part of them, in order, from all workers, a page at a time."""
    url = f"{three_workers[0].url}/api/keys/minutes"
    assert await _get(http, url) == sorted(key for shelf in SHELVES for key in shelf)
    assert await _get(http, url, contains="ż") == ["ŻŻŻ"]
    assert await _get(http, url, contains="c/d") == ["CCC/D"]
    assert await _get(http, url, contains="a") == ["AAA", "a"]
    assert await _get(http, url, contains="a", after="AAA", limit=1) == ["a"]
    await _get(http, f"{three_workers[0].url}/api/keys/nope", 404)
