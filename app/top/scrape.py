"""Scrape the metrics of a worker and of the other workers that it lists."""

import asyncio
import time
from typing import Self

import msgspec
from aiohttp import ClientSession, ClientTimeout
from yarl import URL

from app.market.records import TopGainers
from app.top.view import Samples, Scrape, ScrapeDelta, View, partitions_of, tables_of, workers_of
from eventfold.cli.worker_client import NoWorkerError, request
from eventfold.decoding import decode_json
from eventfold.security.keys import is_shared
from eventfold.settings import Settings
from eventfold.web.protection import http_client
from eventfold.web.query.peers import FORWARDED

#: A worker that has not answered for so long (ms) is no longer shown: it was scaled away.
FORGET_AFTER = 15 * 60_000

_REMEDY = "start a worker, or name another by --url"
_TIMEOUT = ClientTimeout(total=5, sock_connect=2)

#: Worker → topic → partitions.
_Owners = dict[str, dict[str, list[int]]]


class Scraper:
    """Scraper of the application of the worker at `url`; used in `async with`."""

    def __init__(self, url: URL, conf: Settings) -> None:
        self.url = url.origin()
        self._conf = conf
        self._http: ClientSession
        self._last: Scrape
        #: Time (ms since the epoch) of each worker's last answer, also of dead workers for a while.
        self._answered_at: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self._http = http_client(self._conf)
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self._http.close()

    async def start(self) -> None:
        """Take the first scrape, from which rates are computed. Raises NoWorkerError."""
        self._last = await self._scrape()

    async def poll(self) -> View:
        """Scrape all workers; return the view, with rates since the last. Raises NoWorkerError."""
        delta = ScrapeDelta(self._last, await self._scrape())
        after = self._last = delta.after
        ranking = await self._ranking()
        chosen = after.answered[str(self.url)]
        return View(
            application=chosen.info("eventfold_worker_info").get("application", ""),
            seconds=delta.seconds,
            workers=workers_of(delta, self._answered_at),
            partitions=partitions_of(after),
            tables=tables_of(delta),
            lag=int(after.total("eventfold_lag_records")),
            dead_letters=int(after.total("eventfold_dead_letters_total")),
            dead_letter_rate=delta.rate("eventfold_dead_letters_total"),
            day=ranking.day if ranking else None,
            gainers=ranking.rank if ranking else [],
        )

    async def lag(self) -> int:
        """Return the records that no worker has folded yet. Raises NoWorkerError."""
        return int((await self._scrape()).total("eventfold_lag_records"))

    async def _scrape(self) -> Scrape:
        chosen = await self._metrics(self.url)
        address = chosen.info("eventfold_worker_info").get("worker")
        others = [url for url in await self._owners() if URL(url).authority != address]
        found = await asyncio.gather(*map(self._metrics_or_none, others))
        scrape = Scrape(
            time.monotonic(), {str(self.url): chosen, **dict(zip(others, found, strict=True))}
        )
        self._remember_answers(scrape)
        return scrape

    def _remember_answers(self, scrape: Scrape) -> None:
        now = time.time_ns() // 1_000_000
        self._answered_at |= dict.fromkeys(scrape.answered, now)
        self._answered_at = {
            url: at for url, at in self._answered_at.items() if now - at < FORGET_AFTER
        }

    async def _owners(self) -> _Owners:
        try:
            return decode_json(await self._get(self.url / "router/"), _Owners)
        except (NoWorkerError, msgspec.MsgspecError):
            return {}  # the router may be protected: only this worker is shown then

    async def _metrics(self, worker: URL) -> Samples:
        text = await self._get(worker / "metrics")
        try:
            samples = Samples.parse(text.decode())
        except ValueError:
            samples = Samples()
        if not samples.info("eventfold_worker_info"):
            raise NoWorkerError(f"The server at {worker} is not a tickstream worker: {_REMEDY}")
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
            return None  # no ranking yet, or no ranking at all

    def _headers_for(self, url: URL) -> dict[str, str]:
        """Return the headers of a request: credentials only for the worker that the user chose."""
        # The addresses of the others come from the consumer group, and anybody may be a member.
        if url.origin() == self.url:
            return self._conf.web_credentials
        is_signed = is_shared(self._conf) or not self._conf.web_protected
        return {FORWARDED: "1"} if is_signed else {}

    async def _get(self, url: URL) -> bytes:
        headers = self._headers_for(url)
        return await request(self._http, url, _REMEDY, headers=headers, timeout=_TIMEOUT)
