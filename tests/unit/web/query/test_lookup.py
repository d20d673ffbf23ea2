"""Lookup of remote keys: workers that query one another over real HTTP."""

from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import unused_port
from web_workers import NOON, Gainers, StartWorker, Windows, Worker, candle, ranking
from yarl import URL

from eventfold.web.query.coverage import likely_owner
from eventfold.web.query.peers import FORWARDED, PARTITIONS

#: Three partitions, one a worker.
PARTS = (0, 1, 2)


def _key_of(partition: int) -> str:
    """Return a key that murmur2 puts into `partition` of three."""
    owned = {part: str(part) for part in PARTS}
    return next(k for n in range(100) if likely_owner(owned, k := f"K{n}") == str(partition))


@pytest.fixture
async def three_workers(start_worker: StartWorker) -> list[Worker]:
    """Return three workers, one partition each; AT0, AT1, AT2 are where no hash would put them."""
    workers = [await start_worker() for _ in PARTS]
    owners: dict[str, dict[str, list[int]]] = {
        w.url: {"ticks": [p], "daily-gains": [0] if p == 2 else []}
        for p, w in zip(PARTS, workers, strict=True)
    }
    for part, worker in zip(PARTS, workers, strict=True):
        symbols = [_key_of(part), f"AT{part}", f"A/{part}"]
        Windows(worker.app, "candles", "1m", {part: {s: [candle(s, NOON)] for s in symbols}})
        gains = {0: {"2026-01-31": [ranking("2026-01-31")]}} if part == 2 else {}
        Gainers(worker.app, gains)
        worker.knows_owners(owners)
    return workers


async def _get(http: ClientSession, url: str | URL, **headers: str) -> tuple[int, Any, Any]:
    async with http.get(url, headers=headers) as reply:
        return reply.status, await reply.json(), reply.headers


@pytest.mark.parametrize("symbol", [*map(_key_of, PARTS), "AT0", "AT1", "AT2", "A%2F0", "A%2F2"])
async def test_any_worker_answers_for_every_key(three_workers, http, symbol: str) -> None:
    """Wherever it is kept, and whatever partitioner put it there."""
    for worker in three_workers:
        for path in (f"/api/candles/{symbol}?size=1m", f"/table/candles/{symbol}/"):
            url = URL(worker.url + path, encoded=True)
            status, found, _ = await _get(http, url)
            assert (status, found[0]["symbol"]) == (200, symbol.replace("%2F", "/"))


async def test_any_worker_answers_from_the_single_partition_of_gains(three_workers, http) -> None:
    """The ranking is kept by the third worker alone."""
    for worker in three_workers:
        assert (await _get(http, f"{worker.url}/api/top-gainers"))[0] == 200


async def test_symbols_are_gathered_from_all_workers(three_workers, http) -> None:
    """Each worker lists those of the others too."""
    lists = [(await _get(http, f"{w.url}/api/symbols"))[1] for w in three_workers]
    assert lists[0] == lists[1] == lists[2]
    assert {"AT0", "AT1", "AT2"} <= set(lists[0])


async def test_symbols_are_unavailable_while_a_partition_moves(three_workers, http) -> None:
    """Status 503: a part of the list would look like the whole."""
    three_workers[1].app.tables["candles"].shelf.clear()
    for worker in three_workers:
        status, body, headers = await _get(http, f"{worker.url}/api/symbols")
        assert (status, int(headers["Retry-After"]) > 0) == (503, True)
        assert body["error"]["message"].startswith("partition 1 of table candles is moving")


async def test_key_is_unknown_only_after_every_partition_is_searched(three_workers, http) -> None:
    """A key that no worker has is 404 from each worker, and the message names no partition."""
    for worker in three_workers:
        status, body, _ = await _get(http, f"{worker.url}/api/candles/NOWHERE?size=1m")
        assert (status, body["error"]["message"]) == (404, "unknown symbol 'NOWHERE'")


async def test_forwarded_request_is_answered_from_local_state_only(three_workers, http) -> None:
    """So no request goes round in circles; the 404 names the partitions that were searched."""
    url = f"{three_workers[0].url}/api/candles/AT1?size=1m"
    status, _, headers = await _get(http, url, **{FORWARDED: "1"})
    assert (status, headers[PARTITIONS]) == (404, "0")


async def test_key_of_a_moving_partition_is_503_with_retry_after(three_workers, http) -> None:
    """Status 503 with Retry-After, not 404: the key may be in what isn't open yet."""
    three_workers[1].app.tables["candles"].shelf.clear()
    for worker in three_workers:
        status, body, headers = await _get(http, f"{worker.url}/api/candles/AT1?size=1m")
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert body["error"]["message"].startswith("partition 1 of table candles is moving")
        # What is open is answered for all the same.
        assert (await _get(http, f"{worker.url}/api/candles/AT0?size=1m"))[0] == 200


async def test_key_of_an_unreachable_owner_is_503_not_404(three_workers, http) -> None:
    """Nothing listens at the owner's address: 503 until the partition is assigned anew."""
    gone = f"http://127.0.0.1:{unused_port()}"
    three_workers[0].knows_owners({three_workers[0].url: {"ticks": [0]}, gone: {"ticks": [1, 2]}})
    status, body, _ = await _get(http, f"{three_workers[0].url}/api/candles/AT2?size=1m")
    assert (status, body["error"]["code"]) == (503, "unavailable")


async def test_no_key_is_unknown_before_the_first_assignment(three_workers, http) -> None:
    """Status 503 for every key that is not local."""
    three_workers[0].knows_owners({})
    assert (await _get(http, f"{three_workers[0].url}/api/candles/AT2?size=1m"))[0] == 503
    assert (await _get(http, f"{three_workers[0].url}/table/candles/AT2/"))[0] == 503


async def test_bad_request_is_rejected_before_other_workers_are_queried(
    three_workers, http
) -> None:
    """A window that isn't served is 400 at every worker, whichever owns the symbol."""
    status, body, _ = await _get(http, f"{three_workers[0].url}/api/candles/AT1?size=9m")
    assert (status, body["error"]["code"]) == (400, "bad-parameter")
