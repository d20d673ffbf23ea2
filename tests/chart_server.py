"""A chart API on this machine with the answers that a test prepares."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


def quote(symbol: str, price: Any, time: int = 1_720_000_000, volume: int | None = None) -> Any:
    """Return the JSON of a quote, `time` in seconds."""
    meta = {"symbol": symbol, "regularMarketPrice": price, "regularMarketTime": time}
    if volume is not None:
        meta["regularMarketVolume"] = volume
    return {"chart": {"result": [{"meta": meta}], "error": None}}


class ChartServer:
    """Server with prepared answers and a record of the requests."""

    def __init__(self) -> None:
        #: Ticker → its answers in order; the last one stays. A status, a JSON object, text,
        #: a whole response, or None for no answer at all.
        self.answers: dict[str, list[Any]] = {}
        #: Ticker → the headers of each question.
        self.asked: dict[str, list[Any]] = defaultdict(list)
        self.url = ""
        self._closing = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        ticker = request.match_info["ticker"]
        self.asked[ticker].append(request.headers)
        answers = self.answers.get(ticker, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        match answer:
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
