"""Asks one worker which others there are, and each what it does."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from app.records import TopGainers
from app.top.samples import Samples
from app.top.view import Between, Scrape, View, partitions_of, tables_of, workers_of
from app.web.errors import ErrorBody

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = ClientTimeout(total=5, sock_connect=2)

#: Worker → topic → partitions.
_Owners = dict[str, dict[str, list[int]]]


class NoWorkerError(Exception):
    """The worker that was named can't be asked; the message is one line."""


class Watcher:
    """Looks at the application of the worker at `url` again and again; used in `async with`."""

    def __init__(self, url: URL, headers: Mapping[str, str]) -> None:
        self.url = url.origin()
        self._headers = headers
        self._http: ClientSession
        self._before: Scrape

    async def __aenter__(self) -> Self:
        self._http = ClientSession(headers=self._headers, timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self._http.close()

    async def begin(self) -> None:
        """Take the first look, from which rates are reckoned. Raises NoWorkerError."""
        self._before = await self._scrape()

    async def look(self) -> View:
        """Give what is to be seen, with rates since the last look. Raises NoWorkerError."""
        two = Between(self._before, await self._scrape())
        self._before = two.after
        ranking = await self._ranking()
        mine = two.after.answered[str(self.url)]
        return View(
            application=mine.info("tickstream_worker_info").get("application", ""),
            seconds=two.seconds,
            workers=workers_of(two),
            partitions=partitions_of(two.after),
            tables=tables_of(two),
            lag=int(two.after.total("tickstream_lag_records")),
            dead_letters=int(two.after.total("tickstream_dead_letters_total")),
            dead_letter_rate=two.rate("tickstream_dead_letters_total"),
            day=ranking.day if ranking else None,
            gainers=ranking.rank if ranking else [],
        )

    async def _scrape(self) -> Scrape:
        mine = await self._metrics(self.url)
        own = mine.info("tickstream_worker_info").get("worker")
        others = [url for url in await self._owners() if URL(url).authority != own]
        found = await asyncio.gather(*map(self._metrics_or_none, others))
        return Scrape(
            time.monotonic(), {str(self.url): mine, **dict(zip(others, found, strict=True))}
        )

    async def _owners(self) -> _Owners:
        try:
            return msgspec.json.decode(await self._get(self.url / "router/"), type=_Owners)
        except (NoWorkerError, msgspec.MsgspecError):
            return {}  # not for everybody: what is seen is this worker then

    async def _metrics(self, worker: URL) -> Samples:
        text = await self._get(worker / "metrics")
        try:
            samples = Samples.read(text.decode())
        except ValueError:
            samples = Samples()
        if not samples.info("tickstream_worker_info"):
            raise NoWorkerError(f"What answers at {worker} is no worker of tickstream")
        return samples

    async def _metrics_or_none(self, worker: str) -> Samples | None:
        try:
            return await self._metrics(URL(worker))
        except NoWorkerError:
            return None

    async def _ranking(self) -> TopGainers | None:
        try:
            answer = await self._get(self.url / "api" / "top-gainers")
            return msgspec.json.decode(answer, type=TopGainers)
        except (NoWorkerError, msgspec.MsgspecError):
            return None  # nothing is ranked yet, or nothing ever

    async def _get(self, url: URL) -> bytes:
        try:
            async with self._http.get(url) as reply:
                status, body = reply.status, await reply.read()
        except (ClientError, TimeoutError, OSError) as error:
            reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
            raise NoWorkerError(f"No worker answers at {url.origin()}{reason}") from None
        if status != HTTPStatus.OK:
            raise NoWorkerError(f"The worker at {url.origin()} can't say: {_why(status, body)}")
        return body


def _why(status: int, body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=ErrorBody).error.message
    except msgspec.MsgspecError:
        return f"status {status}"
