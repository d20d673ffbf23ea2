"""A chart API on this machine with the answers that a test prepares."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

#: First of a pair: the second is the answer, once `release` is set.
HELD = "held"


def quote(
    symbol: str, price: Any, time: int = 1_720_000_000, volume: float | None = None, **more: Any
) -> Any:
    """Return the JSON of a quote, `time` in seconds; `more` are further fields of `meta`."""
    meta: dict[str, Any] = {
        "symbol": symbol,
        "regularMarketPrice": price,
        "regularMarketTime": time,
    }
    if volume is not None:
        meta |= {"regularMarketVolume": volume, "instrumentType": "EQUITY"}
    return {"chart": {"result": [{"meta": meta | more}], "error": None}}


class ChartServer:
    """Server with prepared answers and a record of the requests."""

    def __init__(self) -> None:
        #: Ticker → its answers in order; the last one stays. A status, a JSON object, text,
        #: a whole response, or None for no answer at all.
        self.answers: dict[str, list[Any]] = {}
        #: Ticker → the headers of each question.
        self.asked: dict[str, list[Any]] = defaultdict(list)
        #: Ticker → the query of its last question.
        self.queries: dict[str, dict[str, str]] = {}
        #: Questions that wait for an answer, and the most at a time.
        self.open = self.most_open = 0
        #: What an answer to `HELD` waits for.
        self.release = asyncio.Event()
        #: Acquired once for each question that begins to wait for it.
        self.held = asyncio.Semaphore(0)
        self.url = ""
        self._closing = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        ticker = request.match_info["ticker"]
        self.asked[ticker].append(request.headers)
        self.queries[ticker] = dict(request.query)
        answers = self.answers.get(ticker, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await self._reply(answer)
        finally:
            self.open -= 1

    async def _reply(self, answer: Any) -> web.StreamResponse:
        match answer:
            case ("held", later):
                self.held.release()
                await self.release.wait()
                return await self._reply(later)
            case None:
                await self._closing.wait()
                return web.Response(status=503)
            case int():
                return web.Response(status=answer)
            case str():
                return web.Response(text=answer)
            case web.Response():
                return answer
            case _:
                return web.json_response(answer)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ChartServer"]:
        """Listen on a free port, at `self.url`."""
        application = web.Application()
        application.router.add_get("/chart/{ticker}", self._answer)
        async with TestServer(application) as server:
            self.url = str(server.make_url("/chart/")) + "{ticker}"
            yield self
            self._closing.set()
