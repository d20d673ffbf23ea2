"""Source of log files for the command `produce`: `--source log:PATH`."""

from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

import click

from eventfold.cli.command import LongCommand
from eventfold.cli.inputs import send_input
from eventfold.cli.sources import Source
from eventfold.connectors.outbox import Outbox
from eventfold.connectors.position import PositionedOutbox

if TYPE_CHECKING:
    from app.logs.source import LogSource


async def _send_log(command: LongCommand) -> None:
    """Send the lines of a log file, and report what was recognised and left out."""
    # Each command imports this module for its options, and workers read no files.
    from app.logs.source import LogSource  # noqa: PLC0415

    options, conf = command.kwargs, command.app.settings
    path = Path(options["source"].partition(":")[2])
    source = LogSource(path, options)
    topic = options["topic"] or source.topic.of(conf).name
    await send_input(
        command,
        source.slices(options["count"]),
        _outbox(command, path, source) if options["follow"] else Outbox(conf, topic),
        source.report,
        path.name,
        done=lambda: source.position,
        total=lambda: source.size,
        is_live=options["follow"],
    )


def _outbox(command: LongCommand, path: Path, source: "LogSource") -> Outbox:
    """Return what sends the lines of a file that is followed, and keeps the position in it."""
    conf, options = command.app.settings, command.kwargs
    topic = options["topic"] or source.topic.of(conf).name
    name = options["group"] or f"{gethostname()}:{path.absolute()}"
    group = f"{conf.app_id}-log-{topic}-{name}"
    return PositionedOutbox(conf, topic, source, group, from_start=options["from_start"])


SOURCES = (
    Source(
        "log",
        _send_log,
        (
            click.Option(
                ["--follow"], is_flag=True, help="log: go on as the file grows and is rotated."
            ),
            click.Option(
                ["--only-new"],
                is_flag=True,
                help="log: with --follow, skip what is in the file when it is followed first.",
            ),
            click.Option(
                ["--from-start"],
                is_flag=True,
                help="log: with --follow, forget how far the file was sent: begin at its start.",
            ),
            click.Option(
                ["--group"],
                metavar="NAME",
                help="log: with --follow, the name under which Kafka keeps how far the file was "
                "sent; the host and the path if not set.",
            ),
            click.Option(["--severity"], help="log: severity of lines that have none (notice)."),
        ),
        takes_path=True,
    ),
)
