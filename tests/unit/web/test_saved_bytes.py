"""Bytes of an answer: none if nothing is new, or fewer."""

import gzip

from aiohttp import ClientSession
from web_workers import NOON, Worker


async def test_what_is_known_already_is_not_sent_again(worker: Worker, http: ClientSession) -> None:
    """The ETag of an answer stands for it until it changes."""
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


async def test_long_answers_are_compressed_for_who_can_read_it(worker, http) -> None:
    """Short ones, and those of others, are sent as they are."""
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


async def test_errors_have_no_tag(worker, http) -> None:
    """They are asked about again."""
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


async def test_a_window_is_found_by_its_start_or_by_how_many_points_are_wanted(
    worker, http
) -> None:
    """One window; or the finest that are not too many for a range."""

    async def ask(query: str) -> tuple[int, object]:
        async with http.get(f"{worker.url}/api/candles/AAA?{query}") as reply:
            return reply.status, await reply.json()

    status, (one,) = await ask(f"size=1m&start={NOON + 60_000}")
    assert (status, one["start"]) == (200, NOON + 60_000)
    assert await ask(f"size=1m&start={NOON + 30_000}") == (200, [])
    hour = f"from={NOON}&to={NOON + 3_600_000}"
    status, found = await ask(f"{hour}&points=60")
    assert [each["start"] for each in found] == [NOON, NOON + 60_000, NOON + 120_000]
    for query, says in [
        ("points=60", "points: needs a range"),
        (f"{hour}&points=5", "points: too few"),
        (f"{hour}&points=60&size=1m", "points: is instead of size"),
    ]:
        status, body = await ask(query)
        assert (status, body["error"]["message"].startswith(says)) == (400, True)


async def test_symbols_come_page_by_page(worker, http) -> None:
    """Behind the last one of the page before."""
    for after, expected in [("", ["A/B"]), ("A/B", ["AAA"]), ("AAA", [])]:
        async with http.get(
            f"{worker.url}/api/symbols", params={"after": after, "limit": 1}
        ) as reply:
            assert await reply.json() == expected
