"""Answers that lack a partition name it; answers from a standby are labelled."""

from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import unused_port
from web_workers import NOON, StartWorker, Windows, Worker, candle


@pytest.fixture
async def survivors(start_worker: StartWorker) -> list[Worker]:
    """Return two of three workers; the third is gone; the second is a standby of its partition."""
    workers = [await start_worker() for _ in range(2)]
    gone = f"http://127.0.0.1:{unused_port()}"
    for number, worker in enumerate(workers):
        Windows(worker.app, "candles", "1m", {number: _rows(number)})
        worker.knows_owners(
            {workers[0].url: {"ticks": [0]}, workers[1].url: {"ticks": [1]}, gone: {"ticks": [2]}}
        )
    table = workers[1].app.tables["candles"]
    table.followed, table.behind_by = {2: _rows(2)}, 3
    return workers


def _rows(partition: int) -> dict[str, list[Any]]:
    return {f"AT{partition}": [candle(f"AT{partition}", NOON)]}


async def _get(http: ClientSession, worker: Worker, path: str) -> tuple[int, Any, Any]:
    async with http.get(worker.url + path) as reply:
        return reply.status, await reply.json(), reply.headers


async def test_error_names_the_missing_partition_and_the_reason(survivors, http) -> None:
    """The partition, its owner, and that it does not answer."""
    for worker in survivors:
        for path in ("/api/symbols", "/api/windows/candles", "/api/candles/AT2?size=1m"):
            status, body, headers = await _get(http, worker, path)
            assert (status, int(headers["Retry-After"]) > 0) == (503, True)
            (missing,) = body["error"]["missing"]
            assert (missing["table"], missing["partition"]) == ("candles", 2)
            assert missing["reason"] == "its worker does not answer: connection refused"


async def test_partial_answer_is_returned_on_request_and_labelled(survivors, http) -> None:
    """In the headers, and in a page's own body."""
    for worker in survivors:
        status, body, headers = await _get(http, worker, "/api/symbols?partial=true")
        assert (status, body) == (200, ["AT0", "AT1"])
        assert headers["Tickstream-Missing"].startswith("candles-2;its worker does not answer")
        status, page, headers = await _get(http, worker, "/api/windows/candles?partial=true")
        assert [window["symbol"] for window in page["windows"]] == ["AT0", "AT1"]
        assert [each["partition"] for each in page["missing"]] == [2]
        assert headers["Tickstream-Missing"].startswith("candles-2;")


async def test_stale_answer_of_a_standby_is_returned_on_request_and_labelled(
    survivors, http
) -> None:
    """Either worker returns it, with its lag, for a key and for all keys."""
    label = f"candles-2;lag=3;stream_time={NOON};worker={survivors[1].url}"
    for worker in survivors:
        status, body, headers = await _get(http, worker, "/api/candles/AT2?size=1m&stale=true")
        assert (status, body[0]["symbol"], headers["Tickstream-Stale"]) == (200, "AT2", label)
        status, body, headers = await _get(http, worker, "/api/symbols?stale=true")
        assert (status, body, headers["Tickstream-Stale"]) == (200, ["AT0", "AT1", "AT2"], label)
        assert "Tickstream-Missing" not in headers
        status, page, _ = await _get(http, worker, "/api/windows/candles?stale=true")
        assert [window["symbol"] for window in page["windows"]] == ["AT0", "AT1", "AT2"]
        assert [(each["partition"], each["lag"]) for each in page["stale"]] == [(2, 3)]


async def test_standby_without_partitions_of_its_own_is_queried_too(survivors, http) -> None:
    """Such as where there are fewer partitions than workers."""
    (gone,) = set(survivors[0].app.assignor.external_topic_distribution) - {
        worker.url for worker in survivors
    }
    Windows(survivors[1].app, "candles", "1m", {})
    table = survivors[1].app.tables["candles"]
    table.followed, table.behind_by = {2: _rows(2)}, 3
    survivors[0].knows_owners(
        {survivors[0].url: {"ticks": [0]}, survivors[1].url: {}, gone: {"ticks": [2]}}
    )
    status, body, headers = await _get(http, survivors[0], "/api/symbols?stale=true")
    assert (status, body) == (200, ["AT0", "AT2"])
    assert headers["Tickstream-Stale"].startswith("candles-2;lag=3;")
    status, body, _ = await _get(http, survivors[0], "/api/candles/AT2?size=1m&stale=true")
    assert (status, body[0]["symbol"]) == (200, "AT2")


async def test_key_that_the_standby_lacks_too_is_a_labelled_404(survivors, http) -> None:
    """All partitions were searched, one of them at a standby."""
    for worker in survivors:
        status, _, headers = await _get(http, worker, "/api/candles/NOWHERE?size=1m&stale=true")
        assert status == 404
        assert headers["Tickstream-Stale"].startswith("candles-2;lag=3;")


async def test_etag_depends_on_the_label_of_an_answer(survivors, http) -> None:
    """The same rows are another answer where another part is missing, or a standby is behind.

    An answer of 304 has the label as well.
    """
    table = survivors[1].app.tables["candles"]
    tags = []
    for path, lag in (
        ("/api/symbols?stale=true", 3),
        ("/api/symbols?stale=true", 4),
        ("/api/symbols?partial=true", 4),
    ):
        table.behind_by = lag
        _, _, headers = await _get(http, survivors[0], path)
        tags.append(headers["ETag"])
        known = {"If-None-Match": headers["ETag"]}
        async with http.get(survivors[0].url + path, headers=known) as reply:
            assert reply.status == 304
            for label in ("Tickstream-Stale", "Tickstream-Missing"):
                assert reply.headers.get(label) == headers.get(label)
    whole = {survivors[0].url: {"ticks": [0]}, survivors[1].url: {"ticks": [1]}}
    survivors[0].knows_owners(whole)
    known = {"If-None-Match": tags[-1]}
    async with http.get(f"{survivors[0].url}/api/symbols?partial=true", headers=known) as reply:
        assert (reply.status, await reply.json()) == (200, ["AT0", "AT1"])
        assert "Tickstream-Missing" not in reply.headers
        tags.append(reply.headers["ETag"])
    assert len(set(tags)) == len(tags)


async def test_complete_answer_has_no_label(survivors, http) -> None:
    """The owner of the key answers, whatever else is missing."""
    for worker in survivors:
        for key in ("AT0", "AT1"):
            status, _, headers = await _get(http, worker, f"/api/candles/{key}?size=1m&stale=true")
            assert status == 200
            assert not {"Tickstream-Stale", "Tickstream-Missing"} & set(headers)


async def test_without_a_standby_the_partition_is_still_missing(survivors, http) -> None:
    """Status 503; with `partial` allowed as well, what there is."""
    survivors[1].app.tables["candles"].followed.clear()
    for worker in survivors:
        assert (await _get(http, worker, "/api/symbols?stale=true"))[0] == 503
        assert (await _get(http, worker, "/api/candles/AT2?size=1m&stale=true"))[0] == 503
        status, body, headers = await _get(http, worker, "/api/symbols?stale=true&partial=true")
        assert (status, body) == (200, ["AT0", "AT1"])
        assert "Tickstream-Missing" in headers


async def test_workers_that_do_not_answer_are_listed_with_the_reason(survivors, http) -> None:
    """Those that answer list what they have."""
    for worker in survivors:
        status, workers, _ = await _get(http, worker, "/api/workers")
        assert status == 200
        by_url = {each["worker"]: each for each in workers}
        assert {url for url, each in by_url.items() if each["answers"]} == {
            w.url for w in survivors
        }
        (gone,) = (each for each in workers if not each["answers"])
        assert gone["reason"] == "connection refused"
        assert by_url[survivors[1].url]["tables"]["candles"]["standby"] == [2]
