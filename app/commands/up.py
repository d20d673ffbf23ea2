"""`faust -A app up`: all of it on this machine, with one command."""

import asyncio
import logging
import os
import shlex
import time
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from faust.cli import option
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from app.commands._process import CommandError, LongCommand
from app.settings import Settings, settings
from app.topics import ALL, TICKS

if TYPE_CHECKING:
    from mode import Service

    from app.sources.simulator import Simulator

#: Seconds that stopping the market may take where Kafka no longer answers.
MARKET_PATIENCE = 3.0
#: Seconds between two looks at the progress.
PROGRESS_INTERVAL = 2.0

#: Settings that a second worker does not share with the first, or that are shown anyway.
_OWN = {"BROKER_URL", "WEB_PORT", "APP_DATADIR", "CONSUMER_GROUP_INSTANCE_ID"}


class up(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Run everything on this machine until Ctrl-C: Kafka, a simulated market, a worker.

    A broker of yours is used where BROKER_URL is set. What was seen before is kept.
    """

    options = [  # noqa: RUF012 - as Faust declares it
        option(
            "--rate",
            type=click.FloatRange(0, 1e6, min_open=True),
            default=2000.0,
            help="Ticks per second of the simulated market.",
        ),
        option(
            "--symbols",
            type=click.IntRange(1, 8100),
            default=500,
            help="How many symbols are traded.",
        ),
        option(
            "--broker-port",
            type=click.IntRange(1, 65535),
            default=9092,
            help="Port of the embedded Kafka.",
        ),
        option(
            "--data-dir",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path("data"),
            help="Directory of topics, state and logs, kept from run to run.",
        ),
    ]

    async def work(self) -> None:
        """Start one after the other, say what runs, and stop in reverse order when told to."""
        self._console = Console(file=self.stdout, highlight=False, soft_wrap=True)
        _leave_words_to_us()
        try:
            async with AsyncExitStack() as running, asyncio.TaskGroup() as watches:
                self._running, self._watches = running, watches
                await self._run()
        except ExceptionGroup as failed:
            # Of several the first: who died of another's death comes after it.
            self._explain(failed.exceptions[0])

    async def _run(self) -> None:
        # Other commands need no broker of ours, nor its imports.
        from app.sources.market import Market  # noqa: PLC0415
        from app.sources.simulator import Simulator  # noqa: PLC0415
        from app.up import WorkerProcess, serves  # noqa: PLC0415

        conf = settings()
        embedded = not os.environ.get("BROKER_URL")
        self._demand_ports(conf, embedded=embedded)
        if embedded:
            conf = await self._start_broker(conf)
        await _make_topics(conf)

        self._say("Starting a worker and the market ...")
        datadir = conf.datadir or self._data / f"{conf.app_id}-{conf.web_port}"
        environment = {"BROKER_URL": conf.broker_url, "APP_DATADIR": str(datadir)}
        worker = WorkerProcess(self._data / "worker.log", environment)
        await self._start(worker)
        market = Simulator(
            conf.bootstrap_servers,
            Market(step=1000 / self.kwargs["rate"], symbols=self.kwargs["symbols"]),
        )
        await self._start(market)
        await serves(_url(conf), ranking="gainers" in self.app.pipelines)
        self._say_what_runs(conf, embedded=embedded, log=worker.log_path)
        await self._show_progress(conf, market)

    @property
    def _data(self) -> Path:
        return Path(self.kwargs["data_dir"])

    def _demand_ports(self, conf: Settings, *, embedded: bool) -> None:
        from app.embedded import ports  # noqa: PLC0415

        ports.demand(conf.web_port, option="WEB_PORT")
        if embedded:
            ports.demand(self.kwargs["broker_port"], option="--broker-port")

    async def _start_broker(self, conf: Settings) -> Settings:
        from app.embedded import EmbeddedBroker  # noqa: PLC0415

        self._say("Starting Apache Kafka ...")
        broker = EmbeddedBroker(self.kwargs["broker_port"], self._data / "broker")
        await self._start(broker)
        return conf.model_copy(update={"broker_url": f"kafka://{broker.bootstrap_servers}"})

    async def _start(self, service: "Service") -> None:
        """Start a service; its death is ours from now on, and ours is its end."""
        self._running.push_async_callback(_stop, service)
        await service.start()
        self._watches.create_task(_watch(service))

    def _say(self, words: str) -> None:
        if not self.quiet:
            self._console.print(words)

    def _say_what_runs(self, conf: Settings, *, embedded: bool, log: Path) -> None:
        rows = Table(box=SIMPLE, show_header=False)
        rows.add_column(style="bold")
        rows.add_column(overflow="fold")
        rows.add_row("dashboard", f"{_url(conf)}/")
        where = f", its log {self._data / 'broker' / 'kafka.log'}" if embedded else ""
        rows.add_row("Kafka", ",".join(conf.bootstrap_servers) + where)
        rate, symbols = self.kwargs["rate"], self.kwargs["symbols"]
        rows.add_row(
            "market", f"{rate:,.10g} ticks/s of {symbols} symbols, into topic {TICKS.name}"
        )
        rows.add_row("worker", f"its log {log}")
        rows.add_row("one more", _second_worker(conf))
        self._console.print(rows)
        self._say("Ctrl-C stops all of it; the data stay, `make clean` removes them.")

    async def _show_progress(self, conf: Settings, market: "Simulator") -> None:
        """Say now and then how fast it goes, on a terminal; return never."""
        if self.quiet or not self._console.is_terminal:
            await asyncio.Future()
        from app.up import Lag  # noqa: PLC0415

        async with Lag(conf) as lag:
            with self._console.status("") as line:
                before, since = market.outbox.delivered, time.monotonic()
                while True:
                    await asyncio.sleep(PROGRESS_INTERVAL)
                    delivered, now = market.outbox.delivered, time.monotonic()
                    rate = (delivered - before) / (now - since)
                    before, since = delivered, now
                    waiting = await lag.records()
                    line.update(f"{rate:,.0f} ticks/s, {waiting:,} of them not in the windows yet")

    def _explain(self, error: Exception) -> NoReturn:
        from app.admin import AdminError  # noqa: PLC0415
        from app.embedded import BrokerError  # noqa: PLC0415
        from app.up import WorkerError  # noqa: PLC0415

        if isinstance(error, WorkerError):
            self.say(error.last_lines, file=self.stderr)
        if isinstance(error, AdminError | BrokerError | WorkerError):
            raise CommandError(str(error)) from error
        raise error


def _leave_words_to_us() -> None:
    """The user gets our one line; what mode says of the same is for logs of services."""
    for name in ("app.embedded", "app.sources.simulator", "app.up"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


async def _watch(service: "Service") -> None:
    """Raise what a service died of; return when it is stopped."""
    await service.wait_until_stopped()
    if service.crash_reason:
        raise service.crash_reason


async def _stop(service: "Service") -> None:
    await service.stop()


async def _make_topics(conf: Settings) -> None:
    from app.admin import check_topics, ensure_topics  # noqa: PLC0415

    wrong = await check_topics(ALL, conf)
    if wrong:
        raise CommandError("\n".join(map(str, wrong)))
    await ensure_topics(ALL, conf)


def _url(conf: Settings) -> str:
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 - the user's choice, not ours
    host = "127.0.0.1" if conf.web_bind in everywhere else conf.web_bind
    return f"http://{host}:{conf.web_port}"


def _second_worker(conf: Settings) -> str:
    """Give the command line that starts another worker in another terminal."""
    from app.embedded import ports  # noqa: PLC0415
    from app.up import faust_program  # noqa: PLC0415

    port = next(each for each in count(conf.web_port + 1) if not ports.refusal(each))
    environment = {"BROKER_URL": conf.broker_url, "WEB_PORT": str(port)}
    for field in Settings.model_fields.values():
        name, extra = field.alias or "", field.json_schema_extra
        secret = isinstance(extra, dict) and extra.get("secret")
        if os.environ.get(name) and name not in _OWN and not secret:
            environment[name] = os.environ[name]
    program = Path(faust_program())
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    words = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*words, shlex.quote(str(program)), "-A app worker -l info"])
