"""`faust -A app up`: all of it on this machine, with one command."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from faust.cli import option

from app.commands._process import CommandError, LongCommand
from app.market.topics import TICKS
from app.settings import settings
from app.sources.simulations import read_by
from eventfold.worker.startup_checks import topics_of

if TYPE_CHECKING:
    from app.worker import TickApp
    from eventfold.kafka.admin import Described


class up(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Run everything on this machine until Ctrl-C: Kafka, a simulated market, a worker.

    What the other pipelines read is simulated as well, a few records a second.

    A broker of yours is used where BROKER_URL is set. What was seen before is kept.
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
        # Other commands need no broker of ours, nor its imports.
        from app.up.everything import Everything, Plan  # noqa: PLC0415
        from app.up.worker import WorkerError  # noqa: PLC0415
        from eventfold.embedded import BrokerError  # noqa: PLC0415
        from eventfold.kafka.admin import AdminError  # noqa: PLC0415

        # The user gets our one line; what mode says of the same is for logs of services.
        for name in ("eventfold.embedded", "app.market.simulator", "app.sources.feed", "app.up"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        app = cast("TickApp", self.app)
        simulations = read_by(app.tasks.topics)
        simulations.pop("market", None)  # it has options of its own
        sent = [TICKS, *(topic for each in simulations.values() for topic in each.topics)]
        topics: dict[str, Described] = {each.name: each for each in (*sent, *topics_of(app))}
        plan = Plan(
            rate=self.kwargs["rate"],
            symbols=self.kwargs["symbols"],
            broker_port=self.kwargs["broker_port"],
            directory=self.kwargs["data_dir"],
            ranking="gainers" in app.pipelines,
            topics=tuple(topics.values()),
            simulations=simulations,
        )
        console = self.console(None, quiet=self.quiet, highlight=False, soft_wrap=True)
        try:
            await Everything(settings(), plan, console).run()
        except WorkerError as error:
            self.say(error.last_lines, file=self.stderr)
            raise CommandError(str(error)) from error
        except (AdminError, BrokerError) as error:
            raise CommandError(str(error)) from error
