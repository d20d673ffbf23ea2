"""`faust -A app up`: Kafka, a worker and an application's simulations with one command."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click
from faust.cli import option

from eventfold.cli.command import CommandError, LongCommand, add_options
from eventfold.extras import demand

if TYPE_CHECKING:
    from eventfold.cli.up.simulators import MakeSimulators, Simulators


class up(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Run everything on this machine until Ctrl-C: Kafka, a worker, its dashboard.

    What the application declares by `app.simulation` runs too.

    If BROKER_URL is set, that broker is used instead of the embedded Kafka. Data is kept for the
    next run.
    """

    examples = (
        ("up", "Kafka, a worker, a dashboard"),
        ("up --broker-port 9192 --data-dir /tmp/up", "beside another Kafka"),
    )
    #: What `register` was called with.
    simulators: "ClassVar[MakeSimulators | None]" = None
    options = [  # noqa: RUF012 - as Faust declares it
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
        demand("rich", "cli", "up", CommandError)
        # The other commands start faster without these imports.
        from eventfold.cli.up.supervisor import LocalSupervisor, Plan  # noqa: PLC0415
        from eventfold.cli.up.worker import WorkerError  # noqa: PLC0415
        from eventfold.embedded import BrokerError  # noqa: PLC0415
        from eventfold.kafka.admin import AdminError  # noqa: PLC0415

        # The command prints one line per error; mode logs the same errors at length.
        for name in ("embedded", "connectors.feed", "cli.up"):
            logging.getLogger(f"eventfold.{name}").setLevel(logging.CRITICAL)
        directory = self.kwargs["data_dir"]
        plan = Plan(
            application=str(self.state.app),
            broker_port=self.kwargs["broker_port"],
            directory=directory,
            simulators=self._simulators(directory),
        )
        console = self.console(None, quiet=self.quiet, highlight=False, soft_wrap=True)
        try:
            await LocalSupervisor(self.app, plan, console).run()
        except WorkerError as error:
            self.say(error.last_lines, file=self.stderr)
            raise CommandError(str(error)) from error
        except (AdminError, BrokerError) as error:
            raise CommandError(str(error)) from error

    def _simulators(self, directory: Path) -> "Simulators | None":
        """Return what is registered, by default what `App.simulation` has declared."""
        from eventfold.cli.up.feeds import Feeds  # noqa: PLC0415  # as in `work`

        if make := type(self).simulators:
            return make(self.app, directory, self.kwargs)
        declared = self.app.simulations
        return Feeds(self.app.settings, declared) if declared else None


def register(make: "MakeSimulators", *options: click.Option) -> None:
    """Make `up` run the simulators of an application, and accept further options for them."""
    up.simulators = staticmethod(make)
    add_options("up", options)
