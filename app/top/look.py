"""Asks one worker which others there are, and each what it does."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from app.market.records import TopGainers
from app.top.samples import Samples
from app.top.view import Between, Scrape, View, partitions_of, tables_of, workers_of
from eventfold.answers import read_answer
from eventfold.decoding import decode_json
from eventfold.security.keys import is_shared
from eventfold.web.errors import ErrorBody
from eventfold.web.protection import http_client
from eventfold.web.query.peers import FORWARDED

if TYPE_CHECKING:
    from app.settings import Settings

#: A worker that has not answered for so long (ms) is no longer shown: it was scaled away.
FORGOTTEN = 15 * 60_000

_TIMEOUT = ClientTimeout(total=5, sock_connect=2)

#: Worker → topic → partitions.
_Owners = dict[str, dict[str, list[int]]]


class NoWorkerError(Exception):
    """The worker that was named can't be asked; the message is one line."""


class Watcher:
    """Looks at the application of the worker at `url` again and again; used in `async with`."""

    def __init__(self, url: URL, conf: Settings) -> None:
        self.url = url.origin()
        self._conf = conf
        self._http: ClientSession
        self._before: Scrape
        #: When each worker last answered (ms since the epoch); the dead are kept for a while.
        self._answered: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._http = http_client(self._conf)
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self._http.close()

    async def begin(self) -> None:
        """Take the first look, from which rates are reckoned. Raises NoWorkerError."""
        self._before = await self._scrape()

    async def look(self) -> View:
        """Return what is to be shown, with rates since the last poll. Raises NoWorkerError."""
        two = Between(self._before, await self._scrape())
        self._before = two.after
        ranking = await self._ranking()
        mine = two.after.answered[str(self.url)]
        return View(
            application=mine.info("tickstream_worker_info").get("application", ""),
            seconds=two.seconds,
            workers=workers_of(two, self._answered),
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
        scrape = Scrape(
            time.monotonic(), {str(self.url): mine, **dict(zip(others, found, strict=True))}
        )
        self._note(scrape)
        return scrape

    def _note(self, scrape: Scrape) -> None:
        now = time.time_ns() // 1_000_000
        self._answered |= dict.fromkeys(scrape.answered, now)
        self._answered = {url: at for url, at in self._answered.items() if now - at < FORGOTTEN}

    async def _owners(self) -> _Owners:
        try:
            return decode_json(await self._get(self.url / "router/"), _Owners)
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
            return decode_json(answer, TopGainers)
        except (NoWorkerError, msgspec.MsgspecError):
            return None  # nothing is ranked yet, or nothing ever

    def _shown_to(self, url: URL) -> dict[str, str]:
        """Return what a request shows: tokens to the worker that was named, to no other one.

        Where those are, the first one has from the consumer group, whose members may be anybody.
        """
        if url.origin() == self.url:
            return self._conf.web_credentials
        signs = is_shared(self._conf) or not self._conf.web_protected
        return {FORWARDED: "1"} if signs else {}

    async def _get(self, url: URL) -> bytes:
        try:
            async with self._http.get(
                url, headers=self._shown_to(url), timeout=_TIMEOUT, allow_redirects=False
            ) as reply:
                status, body = reply.status, await read_answer(reply)
        except (ClientError, TimeoutError, OSError) as error:
            reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
            raise NoWorkerError(f"No worker answers at {url.origin()}{reason}") from None
        if status != HTTPStatus.OK:
            raise NoWorkerError(f"The worker at {url.origin()} can't say: {_why(status, body)}")
        return body


def _why(status: int, body: bytes) -> str:
    try:
        return decode_json(body, ErrorBody).error.message
    except msgspec.MsgspecError:
        return f"status {status}"
