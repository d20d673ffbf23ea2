"""Simulated sources of this application while `up` runs: the market, and what else is read."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from mode import Service
from rich.console import Console
from rich.live import Live
from rich.text import Text
from yarl import URL

from app.market.simulator import Simulator
from app.market.topics import TICKS
from app.market.walks import Market
from app.simulations import read_by
from app.top.scrape import Scraper
from app.up.simulation_state import SimulationStateWriter
from eventfold.cli.up.feeds import Feeds
from eventfold.cli.up.worker import web_address
from eventfold.cli.worker_client import NoWorkerError
from eventfold.kafka.admin import Described
from eventfold.settings import Settings

#: Seconds between two reports of progress.
PROGRESS_INTERVAL = 2.0


class MarketSimulators:
    """Simulated market of the options `rate` (ticks per second) and `symbols`, and the others.

    Prices and seed are kept in `directory`, from run to run.
    """

    def __init__(self, app: Any, directory: Path, options: Mapping[str, Any]) -> None:
        # The command prints one line per error; mode logs the same errors at length.
        for name in ("app.market.simulator", "app.up"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._rate, self._symbols = options["rate"], options["symbols"]
        self._state = directory / "story.json"
        others = read_by(app.tasks.topics) | app.simulations
        others.pop("market", None)  # it has options of its own
        self._others = Feeds(app.settings, others)
        self.topics: Collection[Described] = [TICKS.of(app.settings), *self._others.topics]
        self.ready_paths = ("/api/top-gainers",) if "gainers" in app.pipelines else ()
        self._market: Simulator

    async def prepare(self, conf: Settings) -> None:
        """Prepare each simulation, such as by its example rules."""
        await self._others.prepare(conf)

    def services(self, conf: Settings) -> Iterator[Service]:
        """Yield the market, then the others."""
        market = Market(step=1000 / self._rate, symbols=self._symbols)
        # Started before the market, it stops after it, with the last prices.
        writer = SimulationStateWriter(self._state, market)
        yield writer
        self._market = Simulator(conf, market)
        yield self._market
        state = writer.simulated
        yield from self._others.services(conf, seed=state.seed, start=state.start)

    def describe(self) -> Mapping[str, str]:
        """Return rate, size and topics of each."""
        market = f"{self._rate:,.10g} ticks/s of {self._symbols} symbols, topic {TICKS.base_name}"
        return {"market": market, **self._others.describe()}

    async def show_progress(self, conf: Settings, console: Console) -> NoReturn:
        """Report the market's throughput and the lag at intervals."""
        outbox = self._market.outbox
        live = Live(console=console, auto_refresh=False, transient=True)
        async with Scraper(URL(web_address(conf)), conf) as scraper:
            with live:
                before, since = outbox.delivered, time.monotonic()
                while True:
                    await asyncio.sleep(PROGRESS_INTERVAL)
                    delivered, now = outbox.delivered, time.monotonic()
                    text = f"{(delivered - before) / (now - since):,.0f} ticks/s"
                    before, since = delivered, now
                    with suppress(NoWorkerError):  # it may be busy, or its metrics protected
                        text += f", lag {await scraper.lag():,}"
                    live.update(Text(text), refresh=True)
