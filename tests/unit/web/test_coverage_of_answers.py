"""An answer that lacks a partition names it; one from a standby is marked, too."""

from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import unused_port
from web_workers import NOON, StartWorker, Windows, Worker, candle


@pytest.fixture
async def half(start_worker: StartWorker) -> list[Worker]:
    """Return two of three workers; the third, with partition 2, is gone, the second follows it."""
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


async def test_an_error_names_what_is_missing_and_why(half, http) -> None:
    """The partition, its owner, and that it does not answer."""
    for worker in half:
        for path in ("/api/symbols", "/api/windows/candles", "/api/candles/AT2?size=1m"):
            status, body, headers = await _get(http, worker, path)
            assert (status, int(headers["Retry-After"]) > 0) == (503, True)
            (missing,) = body["error"]["missing"]
            assert (missing["table"], missing["partition"]) == ("candles", 2)
            assert missing["reason"] == "its worker does not answer: connection refused"


async def test_a_part_is_given_to_who_asks_for_it_and_is_labelled(half, http) -> None:
    """In the headers, and in a page's own body."""
    for worker in half:
        status, body, headers = await _get(http, worker, "/api/symbols?partial=true")
        assert (status, body) == (200, ["AT0", "AT1"])
        assert headers["Tickstream-Missing"].startswith("candles-2;its worker does not answer")
        status, page, headers = await _get(http, worker, "/api/windows/candles?partial=true")
        assert [window["symbol"] for window in page["windows"]] == ["AT0", "AT1"]
        assert [each["partition"] for each in page["missing"]] == [2]
        assert headers["Tickstream-Missing"].startswith("candles-2;")


async def test_a_standby_answers_who_allows_it_and_is_labelled(half, http) -> None:
    """By either worker, its own or another's; with its lag, for a key and for all."""
    says = f"candles-2;lag=3;stream_time={NOON};worker={half[1].url}"
    for worker in half:
        status, body, headers = await _get(http, worker, "/api/candles/AT2?size=1m&stale=true")
        assert (status, body[0]["symbol"], headers["Tickstream-Stale"]) == (200, "AT2", says)
        status, body, headers = await _get(http, worker, "/api/symbols?stale=true")
        assert (status, body, headers["Tickstream-Stale"]) == (200, ["AT0", "AT1", "AT2"], says)
        assert "Tickstream-Missing" not in headers
        status, page, _ = await _get(http, worker, "/api/windows/candles?stale=true")
        assert [window["symbol"] for window in page["windows"]] == ["AT0", "AT1", "AT2"]
        assert [(each["partition"], each["lag"]) for each in page["stale"]] == [(2, 3)]


async def test_a_standby_that_owns_nothing_of_the_table_is_asked_too(half, http) -> None:
    """As where there are fewer partitions than workers."""
    (gone,) = set(half[0].app.assignor.external_topic_distribution) - {
        worker.url for worker in half
    }
    Windows(half[1].app, "candles", "1m", {})
    table = half[1].app.tables["candles"]
    table.followed, table.behind_by = {2: _rows(2)}, 3
    half[0].knows_owners({half[0].url: {"ticks": [0]}, half[1].url: {}, gone: {"ticks": [2]}})
    status, body, headers = await _get(http, half[0], "/api/symbols?stale=true")
    assert (status, body) == (200, ["AT0", "AT2"])
    assert headers["Tickstream-Stale"].startswith("candles-2;lag=3;")
    status, body, _ = await _get(http, half[0], "/api/candles/AT2?size=1m&stale=true")
    assert (status, body[0]["symbol"]) == (200, "AT2")


async def test_a_key_that_no_standby_has_either_is_unknown_and_labelled(half, http) -> None:
    """All partitions were searched, one of them at a standby."""
    for worker in half:
        status, _, headers = await _get(http, worker, "/api/candles/NOWHERE?size=1m&stale=true")
        assert status == 404
        assert headers["Tickstream-Stale"].startswith("candles-2;lag=3;")


async def test_the_label_of_an_answer_is_in_its_etag(half, http) -> None:
    """The same rows are another answer where another part is missing, or a standby is behind.

    Who has it already is told so with the label.
    """
    table = half[1].app.tables["candles"]
    tags = []
    for path, lag in (
        ("/api/symbols?stale=true", 3),
        ("/api/symbols?stale=true", 4),
        ("/api/symbols?partial=true", 4),
    ):
        table.behind_by = lag
        _, _, headers = await _get(http, half[0], path)
        tags.append(headers["ETag"])
        known = {"If-None-Match": headers["ETag"]}
        async with http.get(half[0].url + path, headers=known) as reply:
            assert reply.status == 304
            for label in ("Tickstream-Stale", "Tickstream-Missing"):
                assert reply.headers.get(label) == headers.get(label)
    whole = {half[0].url: {"ticks": [0]}, half[1].url: {"ticks": [1]}}
    half[0].knows_owners(whole)
    known = {"If-None-Match": tags[-1]}
    async with http.get(f"{half[0].url}/api/symbols?partial=true", headers=known) as reply:
        assert (reply.status, await reply.json()) == (200, ["AT0", "AT1"])
        assert "Tickstream-Missing" not in reply.headers
        tags.append(reply.headers["ETag"])
    assert len(set(tags)) == len(tags)


async def test_what_is_whole_has_no_label(half, http) -> None:
    """A key whose owner answers, whatever else is missing."""
    for worker in half:
        for key in ("AT0", "AT1"):
            status, _, headers = await _get(http, worker, f"/api/candles/{key}?size=1m&stale=true")
            assert status == 200
            assert not {"Tickstream-Stale", "Tickstream-Missing"} & set(headers)


async def test_without_a_standby_the_rest_is_still_missing(half, http) -> None:
    """Status 503; or with both allowed, what there is."""
    half[1].app.tables["candles"].followed.clear()
    for worker in half:
        assert (await _get(http, worker, "/api/symbols?stale=true"))[0] == 503
        assert (await _get(http, worker, "/api/candles/AT2?size=1m&stale=true"))[0] == 503
        status, body, headers = await _get(http, worker, "/api/symbols?stale=true&partial=true")
        assert (status, body) == (200, ["AT0", "AT1"])
        assert "Tickstream-Missing" in headers


async def test_workers_that_do_not_answer_are_listed(half, http) -> None:
    """With the reason; those that do say what they have."""
    for worker in half:
        status, workers, _ = await _get(http, worker, "/api/workers")
        assert status == 200
        told = {each["worker"]: each for each in workers}
        assert {url for url, each in told.items() if each["answers"]} == {w.url for w in half}
        (gone,) = (each for each in workers if not each["answers"])
        assert gone["reason"] == "connection refused"
        assert told[half[1].url]["tables"]["candles"]["standby"] == [2]
