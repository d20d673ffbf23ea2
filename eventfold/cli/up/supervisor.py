"""Supervisor of Kafka, a worker and simulations: start in order, stop in reverse order."""

import asyncio
import os
import time
from collections.abc import Collection
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from aiokafka.errors import KafkaError
from mode import Service
from rich.console import Console
from rich.text import Text

from eventfold.cli.up.simulators import Simulators
from eventfold.cli.up.worker import WorkerProcess, wait_until_ready, web_address, worker_command
from eventfold.embedded import EmbeddedBroker, ports
from eventfold.kafka.admin import (
    AdminError,
    Described,
    check_topics,
    ensure_topics,
    group_members,
)
from eventfold.settings import Settings
from eventfold.worker.startup_checks import topics_of

#: Retention (bytes) of each partition of the embedded Kafka: the default market writes 0.7 MB/s,
#: which would fill a disk within days.
PARTITION_BYTES = 256 << 20
#: Time-out (s) for stopping the other services when Kafka is dead: they would wait for it.
STOP_TIMEOUT = 0.5
#: Time (s) after which a death of the embedded Kafka has been noticed.
BROKER_DEATH_NOTICED = 0.5
#: Seconds between two polls of the group's members.
POLL_INTERVAL = 0.5


@dataclass(frozen=True)
class Plan:
    """Choices of the user: what `-A` names, the embedded Kafka's port, the directory of data."""

    application: str
    broker_port: int
    directory: Path
    simulators: Simulators | None


class LocalSupervisor:
    """Supervisor: the simulations stop first, then the worker, then an embedded Kafka.

    `app` is an `eventfold.worker.app.App`.
    """

    def __init__(self, app: Any, plan: Plan, console: Console) -> None:
        self.app = app
        self.conf: Settings = app.settings
        self.plan = plan
        self.console = console
        self.embedded = not os.environ.get("BROKER_URL")
        self._log = plan.directory / "worker.log"
        self._broker: EmbeddedBroker | None = None
        self._started: AsyncExitStack
        self._crash_monitors: asyncio.TaskGroup

    async def run(self) -> NoReturn:
        """Start all services and keep them running until cancelled.

        Raises BrokerError, AdminError, WorkerError, KafkaError if a service can't start or stops
        by itself; the first error of several, since it causes the others.
        """
        try:
            async with (
                AsyncExitStack() as self._started,
                asyncio.TaskGroup() as self._crash_monitors,
            ):
                await self._run()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _run(self) -> NoReturn:
        self._check_ports()
        if self.embedded:
            await self._start_broker()
        try:
            await self._run_on_kafka()
        except (AdminError, KafkaError):
            await self._wait_for_broker_death()
            raise

    async def _run_on_kafka(self) -> NoReturn:
        simulators = self.plan.simulators
        if simulators and not self.embedded:
            await _check_not_running(self.conf, self.plan.application)
        written = simulators.topics if simulators else ()
        topics = {each.name: each for each in (*written, *topics_of(self.app))}
        await _create_topics(topics.values(), self.conf)
        self.console.print("Starting a worker ...")
        await self._start_worker()
        for service in simulators.services(self.conf) if simulators else ():
            await self._start(service)
        paths = simulators.ready_paths if simulators else ()
        await wait_until_ready(web_address(self.conf), self.conf.web_credentials, paths)
        self._print_services()
        if simulators and self.console.is_terminal:
            await simulators.show_progress(self.conf, self.console)
        await asyncio.Future()
        raise AssertionError  # nothing ends the wait but its cancellation

    def _check_ports(self) -> None:
        if self.embedded and self.conf.kafka_security_protocol != "PLAINTEXT":
            raise AdminError(
                f"{self.conf.variable('kafka_security_protocol')}="
                f"{self.conf.kafka_security_protocol} is for brokers of yours: set BROKER_URL, or "
                "leave it out for the embedded one"
            )
        ports.demand(self.conf.web_port, option="WEB_PORT")
        if self.embedded:
            ports.demand(self.plan.broker_port, option="--broker-port")

    async def _start(self, service: Service) -> None:
        """Start a service that ends with the supervisor, and whose crash ends the supervisor."""
        self._started.push_async_callback(self._stop, service)
        await service.start()
        self._crash_monitors.create_task(self._raise_crash(service))

    async def _raise_crash(self, service: Service) -> None:
        """Raise the error that crashed a service; return when it is stopped."""
        await service.wait_until_stopped()
        if service.crash_reason:
            if service is not self._broker:
                await self._wait_for_broker_death()
            raise service.crash_reason

    async def _wait_for_broker_death(self) -> None:
        """Wait, with the embedded Kafka: other services may notice its death before we do."""
        if self._broker:
            await asyncio.sleep(BROKER_DEATH_NOTICED)

    async def _stop(self, service: Service) -> None:
        dead = self._broker is not None and self._broker.crashed
        with suppress(TimeoutError):
            await asyncio.wait_for(service.stop(), STOP_TIMEOUT if dead else None)

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
        if self.plan.simulators:
            await self.plan.simulators.prepare(conf.model_copy(update={"datadir": datadir}))
        environment = {"BROKER_URL": conf.broker_url, "APP_DATADIR": str(datadir)}
        await self._start(WorkerProcess(self.plan.application, self._log, environment))

    def _print_services(self) -> None:
        conf, plan = self.conf, self.plan
        kafka = ",".join(conf.bootstrap_servers)
        if self.embedded:
            kafka += f", log {plan.directory / 'broker' / 'kafka.log'}"
        rows = {
            "dashboard": f"{web_address(conf)}/",
            "Kafka": kafka,
            **(plan.simulators.describe() if plan.simulators else {}),
            "worker": f"log {self._log}; to start another worker:",
            "": worker_command(conf, plan.application),
        }
        self.console.print()
        for name, text in rows.items():
            self.console.print(Text.assemble((f"  {name:<13}", "bold"), text))
        self.console.print()
        self.console.print(
            f"Ctrl-C stops all of it; {plan.directory}/ keeps the data for the next time."
        )


async def _check_not_running(conf: Settings, application: str) -> None:
    """Raise AdminError if the application runs already: two simulations would be mixed."""
    # A killed worker stays a member of the group until its session times out.
    deadline = time.monotonic() + conf.session_timeout + POLL_INTERVAL
    while members := await group_members(conf):
        if time.monotonic() > deadline:
            raise AdminError(
                f"application {conf.app_id} runs already at BROKER_URL={conf.broker_url} "
                f"({len(members)} workers), and a second simulation would be mixed with the "
                f"first: start a worker beside it with `faust -A {application} worker`, or `up` "
                "another application with brokers of its own"
            )
        await asyncio.sleep(POLL_INTERVAL)


async def _create_topics(topics: Collection[Described], conf: Settings) -> None:
    mismatches = [str(each) for each in await check_topics(topics, conf) if each.is_fatal]
    if mismatches:
        raise AdminError("\n".join(mismatches))
    await ensure_topics(topics, conf)
