"""Kafka, the market and a worker, each in its place and time."""

import asyncio
import os
import time
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from aiokafka.errors import KafkaError
from mode import Service
from rich.console import Console
from rich.live import Live
from rich.text import Text

from app.market.simulator import Simulator
from app.market.topics import TICKS
from app.market.walks import Market
from app.settings import Settings
from app.sources.feed import Feed
from app.sources.simulations import Simulation
from app.up.lag import Lag
from app.up.story import StoryKeeper
from app.up.words import another_worker, web_address
from app.up.worker import WorkerProcess, serves
from eventfold.embedded import EmbeddedBroker, ports
from eventfold.kafka.admin import (
    AdminError,
    Described,
    check_topics,
    ensure_topics,
    group_members,
)

#: What the embedded Kafka keeps of each partition: the default market makes it write 0.7 MB/s,
#: which would fill a disk within days.
PARTITION_BYTES = 256 << 20
#: Seconds that stopping the others may take when Kafka is dead: they would wait for it.
PATIENCE = 0.5
#: Seconds after which the death of the embedded Kafka has been seen.
MOMENT = 0.5
#: Seconds between two looks at the progress.
PROGRESS_INTERVAL = 2.0


@dataclass(frozen=True)
class Plan:
    """What a user chooses: ticks per second, symbols, the embedded Kafka's port, where data go."""

    rate: float
    symbols: int
    broker_port: int
    directory: Path
    #: Whether there are gainers to wait for.
    ranking: bool
    #: What the worker and the simulations read and write.
    topics: tuple[Described, ...]
    #: What is simulated beside the market, by name.
    simulations: Mapping[str, Simulation]


class Everything:
    """What `run` starts ends with it: what is simulated first, then the worker, then Kafka.

    The broker is the embedded one unless BROKER_URL is in the environment.
    """

    def __init__(self, conf: Settings, plan: Plan, console: Console) -> None:
        self.conf = conf
        self.plan = plan
        self.console = console
        self.embedded = not os.environ.get("BROKER_URL")
        self._log = plan.directory / "worker.log"
        self._broker: EmbeddedBroker | None = None
        self._keeper: StoryKeeper
        self._started: AsyncExitStack
        self._watches: asyncio.TaskGroup

    async def run(self) -> NoReturn:
        """Start all and keep it running until we are cancelled.

        Raises BrokerError, AdminError, WorkerError, KafkaError where something can't start or
        stops by itself; of several the first, since others die of it.
        """
        try:
            async with AsyncExitStack() as self._started, asyncio.TaskGroup() as self._watches:
                await self._run()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _run(self) -> NoReturn:
        self._demand_ports()
        if self.embedded:
            await self._start_broker()
        try:
            await self._run_on_kafka()
        except (AdminError, KafkaError):
            await self._let_kafka_speak()
            raise

    async def _run_on_kafka(self) -> NoReturn:
        if not self.embedded:
            await _demand_alone(self.conf)
        await _make_topics(self.plan.topics, self.conf)
        self.console.print("Starting a worker and the market ...")
        await self._start_worker()
        market, conf = await self._start_market(), self.conf
        for simulation in self.plan.simulations.values():
            await self._start_feed(simulation)
        await serves(web_address(conf), conf.web_credentials, ranking=self.plan.ranking)
        self._say_what_runs()
        await self._show_progress(market)

    def _demand_ports(self) -> None:
        if self.embedded and self.conf.kafka_protocol != "PLAINTEXT":
            raise AdminError(
                f"TICKSTREAM_KAFKA_SECURITY_PROTOCOL={self.conf.kafka_protocol} is for brokers of "
                "yours: set BROKER_URL, or leave it out for the embedded one"
            )
        ports.demand(self.conf.web_port, option="WEB_PORT")
        if self.embedded:
            ports.demand(self.plan.broker_port, option="--broker-port")

    async def _start(self, service: Service) -> None:
        """Start a service: its death is our end, and our end is its."""
        self._started.push_async_callback(self._stop, service)
        await service.start()
        self._watches.create_task(self._watch(service))

    async def _watch(self, service: Service) -> None:
        """Raise what a service died of; return when it is stopped."""
        await service.wait_until_stopped()
        if service.crash_reason:
            if service is not self._broker:
                await self._let_kafka_speak()
            raise service.crash_reason

    async def _let_kafka_speak(self) -> None:
        """Wait a moment, if Kafka is ours: others may notice its death before we see it."""
        if self._broker:
            await asyncio.sleep(MOMENT)

    async def _stop(self, service: Service) -> None:
        dead = self._broker is not None and self._broker.crashed
        with suppress(TimeoutError):
            await asyncio.wait_for(service.stop(), PATIENCE if dead else None)

    async def _start_broker(self) -> None:
        self.console.print("Starting Apache Kafka ...")
        directory = self.plan.directory / "broker"
        self._broker = EmbeddedBroker(
            self.plan.broker_port, directory, partition_bytes=PARTITION_BYTES
        )
        await self._start(self._broker)
        address = f"kafka://{self._broker.bootstrap_servers}"
        self.conf = self.conf.model_copy(update={"broker_url": address})

    async def _start_worker(self) -> None:
        conf = self.conf
        datadir = conf.datadir or self.plan.directory / f"{conf.app_id}-{conf.web_port}"
        for each in self.plan.simulations.values():
            if each.prepare:
                await each.prepare(conf.model_copy(update={"datadir": datadir}))
        environment = {"BROKER_URL": conf.broker_url, "APP_DATADIR": str(datadir)}
        await self._start(WorkerProcess(self._log, environment))

    async def _start_market(self) -> Simulator:
        market = Market(step=1000 / self.plan.rate, symbols=self.plan.symbols)
        conf = self.conf
        # It stops after the market, whose last prices it keeps.
        self._keeper = StoryKeeper(self.plan.directory / "story.json", market)
        await self._start(self._keeper)
        simulator = Simulator(conf.bootstrap_servers, market, compression=conf.compression)
        await self._start(simulator)
        return simulator

    async def _start_feed(self, simulation: Simulation) -> None:
        conf, story = self.conf, self._keeper.story
        feed = Feed(
            conf.bootstrap_servers,
            simulation,
            compression=conf.compression,
            seed=story.seed,
            start=story.start,
        )
        await self._start(feed)

    def _say_what_runs(self) -> None:
        conf, plan = self.conf, self.plan
        kafka = ",".join(conf.bootstrap_servers)
        if self.embedded:
            kafka += f", log {plan.directory / 'broker' / 'kafka.log'}"
        rows = {
            "dashboard": f"{web_address(conf)}/",
            "Kafka": kafka,
            "market": f"{plan.rate:,.10g} ticks/s of {plan.symbols} symbols, topic {TICKS.name}",
            **{name: _told(each) for name, each in plan.simulations.items()},
            "worker": f"log {self._log}; another one beside it:",
            "": another_worker(conf),
        }
        self.console.print()
        for name, text in rows.items():
            self.console.print(Text.assemble((f"  {name:<13}", "bold"), text))
        self.console.print()
        self.console.print(
            f"Ctrl-C stops all of it; {plan.directory}/ keeps the data for the next time."
        )

    async def _show_progress(self, market: Simulator) -> NoReturn:
        """Print now and then how fast it goes, on a terminal."""
        if not self.console.is_terminal:
            await asyncio.Future()
        live = Live(console=self.console, auto_refresh=False, transient=True)
        async with Lag(self.conf) as lag:
            with live:
                before, since = market.outbox.delivered, time.monotonic()
                while True:
                    await asyncio.sleep(PROGRESS_INTERVAL)
                    delivered, now = market.outbox.delivered, time.monotonic()
                    words = f"{(delivered - before) / (now - since):,.0f} ticks/s"
                    before, since = delivered, now
                    with suppress(KafkaError):  # a broker may be away for a while
                        words += f", {await lag.records():,} of them not in the windows yet"
                    live.update(Text(words), refresh=True)


def _told(simulation: Simulation) -> str:
    topics = ", ".join(topic.name for topic in simulation.topics)
    return f"{simulation.purpose}, {simulation.rate:,.10g}/s, topic {topics}"


async def _demand_alone(conf: Settings) -> None:
    """Raise AdminError where the application runs already: its sources would have two markets.

    A worker that was killed is a member of the group until its session times out.
    """
    patience = time.monotonic() + conf.session_timeout + PATIENCE
    while members := await group_members(conf):
        if time.monotonic() > patience:
            raise AdminError(
                f"application {conf.app_id} runs already at BROKER_URL={conf.broker_url} "
                f"({len(members)} workers), and a second market would be mixed with the first: "
                "start a worker beside it with `faust -A app worker`, or `up` another application "
                "with brokers of its own"
            )
        await asyncio.sleep(MOMENT)


async def _make_topics(topics: Collection[Described], conf: Settings) -> None:
    wrong = [str(each) for each in await check_topics(topics, conf) if each.is_fatal]
    if wrong:
        raise AdminError("\n".join(wrong))
    await ensure_topics(topics, conf)
