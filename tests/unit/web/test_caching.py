"""Caching, compression and paging of answers."""

import gzip
import os
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from web_workers import NOON, Worker

from eventfold.web.caching import save_bytes
from eventfold.web.dashboard import add_files


async def test_unchanged_answer_is_a_304_without_a_body(
    worker: Worker, http: ClientSession
) -> None:
    """The ETag of an answer changes when the answer does."""
    url = f"{worker.url}/api/candles/AAA?size=1m"
    async with http.get(url) as reply:
        tag = reply.headers["ETag"]
        assert reply.headers["Cache-Control"] == "private, no-cache"
    async with http.get(url, headers={"If-None-Match": f'"other", {tag}'}) as reply:
        assert (reply.status, await reply.read(), reply.headers["ETag"]) == (304, b"", tag)
    worker.app.tables["candles"].shelf[0]["AAA"].pop()
    async with http.get(url, headers={"If-None-Match": tag}) as reply:
        assert reply.status == 200
        assert reply.headers["ETag"] != tag


async def test_long_answers_are_compressed_for_clients_that_accept_gzip(worker, http) -> None:
    """Short answers, and those for other clients, are sent as they are."""
    url = f"{worker.url}/openapi.json"
    async with http.get(url, headers={"Accept-Encoding": "identity"}) as reply:
        assert "Content-Encoding" not in reply.headers
        plain = await reply.read()
    async with ClientSession(auto_decompress=False) as raw:
        async with raw.get(url, headers={"Accept-Encoding": "gzip"}) as reply:
            assert reply.headers["Content-Encoding"] == "gzip"
            packed = await reply.read()
        async with raw.get(f"{worker.url}/healthz", headers={"Accept-Encoding": "gzip"}) as reply:
            assert await reply.read() == b'{"alive":true}'
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 5


async def test_errors_have_no_etag(worker, http) -> None:
    """They must not be cached."""
    async with http.get(f"{worker.url}/api/candles/ZZZ?size=1m") as reply:
        assert reply.status == 404
        assert "ETag" not in reply.headers
        assert reply.headers["Cache-Control"] == "no-store"


async def test_versioned_paths_answer_the_same(worker, http) -> None:
    """Each path of the API is under /api/v1/ too, its errors as well."""
    for path in ("candles/AAA?size=1m", "top-gainers", "symbols", "tables", "candles/ZZZ?limit=x"):
        answers = []
        for version in ("", "v1/"):
            async with http.get(f"{worker.url}/api/{version}{path}") as reply:
                answers.append((reply.status, await reply.json()))
        assert answers[0] == answers[1]


async def test_window_is_selected_by_start_or_by_number_of_points(worker, http) -> None:
    """`start` selects one window; `points` the finest size with no more windows in a range."""

    async def get(query: str) -> tuple[int, object]:
        async with http.get(f"{worker.url}/api/candles/AAA?{query}") as reply:
            return reply.status, await reply.json()

    status, (one,) = await get(f"size=1m&start={NOON + 60_000}")
    assert (status, one["start"]) == (200, NOON + 60_000)
    assert await get(f"size=1m&start={NOON + 30_000}") == (200, [])
    hour = f"from={NOON}&to={NOON + 3_600_000}"
    status, found = await get(f"{hour}&points=60")
    assert [each["start"] for each in found] == [NOON, NOON + 60_000, NOON + 120_000]
    for query, expected in [
        ("points=60", "points: needs a range"),
        (f"{hour}&points=5", "points: too few"),
        (f"{hour}&points=60&size=1m", "points: is instead of size"),
    ]:
        status, body = await get(query)
        assert (status, body["error"]["message"].startswith(expected)) == (400, True)


async def test_symbols_are_returned_page_by_page(worker, http) -> None:
    """A page begins after the last symbol of the previous one."""
    for after, expected in [("", ["A/B"]), ("A/B", ["AAA"]), ("AAA", [])]:
        async with http.get(
            f"{worker.url}/api/symbols", params={"after": after, "limit": 1}
        ) as reply:
            assert await reply.json() == expected


async def test_files_are_compressed_and_revalidated(worker, http) -> None:
    """A large one to a third at most; the same file is a 304 without a body."""
    url = f"{worker.url}/static/vendor/swagger-ui/swagger-ui-bundle.js"
    async with ClientSession(auto_decompress=False) as raw:
        async with raw.get(url, headers={"Accept-Encoding": "gzip"}) as reply:
            assert reply.headers["Content-Encoding"] == "gzip"
            assert reply.headers["Cache-Control"] == "no-cache"
            packed, tag = await reply.read(), reply.headers["ETag"]
        async with raw.get(url, headers={"If-None-Match": tag}) as reply:
            assert (reply.status, await reply.read()) == (304, b"")
        async with raw.head(url, headers={"Accept-Encoding": "gzip"}) as reply:
            assert (reply.status, await reply.read()) == (200, b"")
    async with http.get(url) as reply:
        plain = await reply.read()
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 3


async def test_file_that_was_edited_is_served_anew(tmp_path: Path) -> None:
    """Files are read and compressed once, and again when they have changed."""
    file = tmp_path / "tiles.js"
    application = web.Application(middlewares=[save_bytes])
    add_files(application, {"tiles/application.js": file})
    async with TestClient(TestServer(application)) as client:
        for text in ("first " * 999, "second " * 999):
            file.write_text(text)
            os.utime(file, ns=(0, len(text)))
            for _ in range(2):
                async with client.get("/static/tiles/application.js") as reply:
                    assert reply.headers["Content-Encoding"] == "gzip"
                    assert await reply.text() == text


async def test_unknown_files_and_pages_are_a_404(worker, http) -> None:
    """The answer names the pages there are."""
    for path in ("/static/nothing.js", "/static/tiles", "/pages/nothing", "/pages/"):
        async with http.get(worker.url + path) as reply:
            assert reply.status == 404
    async with http.get(f"{worker.url}/pages/nothing") as reply:
        assert "tables, topology, workers, lateness" in await reply.text()
