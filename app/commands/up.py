"""`faust -A app up`: Kafka, the simulations and a worker with one command."""

import logging
from pathlib import Path

import click
from faust.cli import option

from app.market.topics import TICKS
from app.settings import settings
from app.simulations import read_by
from eventfold.cli.command import CommandError, LongCommand
from eventfold.kafka.admin import Described
from eventfold.worker.startup_checks import topics_of


class up(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Run everything on this machine until Ctrl-C: Kafka, a simulated market, a worker.

    The sources of the other pipelines are simulated too, at a few records per second.

    If BROKER_URL is set, that broker is used instead of the embedded Kafka. Data is kept for the
    next run.
    """

    examples = (
        ("up", "Kafka, 2,000 ticks/s, a worker, a dashboard"),
        ("up --rate 20000 --symbols 5000", "a busier market"),
    )

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
            help="Number of symbols traded.",
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
            help="Directory of topics, state and logs, kept for the next run.",
        ),
    ]

    async def work(self) -> None:
        """Start the services, print their addresses, and stop them in reverse order on Ctrl-C."""
        # The other commands start faster without these imports.
        from app.up.supervisor import LocalSupervisor, Plan  # noqa: PLC0415
        from app.up.worker import WorkerError  # noqa: PLC0415
        from eventfold.embedded import BrokerError  # noqa: PLC0415
        from eventfold.kafka.admin import AdminError  # noqa: PLC0415

        # The command prints one line per error; mode logs the same errors at length.
        for name in ("embedded", "connectors.feed"):
            logging.getLogger(f"eventfold.{name}").setLevel(logging.CRITICAL)
        for name in ("app.market.simulator", "app.up"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        simulations = read_by(self.app.tasks.topics)
        simulations.pop("market", None)  # it has options of its own
        every = [TICKS, *(topic for each in simulations.values() for topic in each.topics)]
        sent = [topic.of(self.app.settings) for topic in every]
        topics: dict[str, Described] = {each.name: each for each in (*sent, *topics_of(self.app))}
        plan = Plan(
            rate=self.kwargs["rate"],
            symbols=self.kwargs["symbols"],
            broker_port=self.kwargs["broker_port"],
            directory=self.kwargs["data_dir"],
            has_ranking="gainers" in self.app.pipelines,
            topics=tuple(topics.values()),
            simulations=simulations,
        )
        console = self.console(None, quiet=self.quiet, highlight=False, soft_wrap=True)
        try:
            await LocalSupervisor(settings(), plan, console).run()
        except WorkerError as error:
            self.say(error.last_lines, file=self.stderr)
            raise CommandError(str(error)) from error
        except (AdminError, BrokerError) as error:
            raise CommandError(str(error)) from error
