"""Source of log files for the command `produce`: `--source log:PATH`."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING

import click

from eventfold.cli.command import LongCommand
from eventfold.cli.input_report import ALLOWED
from eventfold.cli.option_types import Share, Zone
from eventfold.cli.progress import bar
from eventfold.cli.sources import Source, send_all
from eventfold.connectors import Record
from eventfold.connectors.outbox import Outbox
from eventfold.connectors.position import PositionedOutbox

if TYPE_CHECKING:
    from app.logs.source import LogSource

#: Records that `--dry-run` prints.
SHOWN = 10


async def _send_log(command: LongCommand) -> None:
    """Send the lines of a log file, and report what was recognised and left out."""
    # Each command imports this module for its options, and workers read no files.
    from app.logs.source import LogSource  # noqa: PLC0415

    options = command.kwargs
    path = Path(options["source"].partition(":")[2])
    source = LogSource(path, options)
    slices, report = source.slices(options["count"]), source.report
    try:
        if options["dry_run"]:
            await _print_records(command, slices)
        else:
            outbox = _outbox(command, path, source)
            await send_all(
                command,
                outbox,
                slices,
                [outbox.topic],
                is_live=options["follow"],
                shown=bar(path.name, done=lambda: source.position, total=lambda: source.size),
                report=report,
            )
    finally:
        if not command.json:
            command.say("\n".join([*report.describe(), *source.warnings]))
        elif options["dry_run"]:
            command.say(json.dumps(report.facts()))
        report.demand(options["allow_bad"], path.name)


def _outbox(command: LongCommand, path: Path, source: "LogSource") -> Outbox:
    """Return what sends the lines, and keeps the position in a file that is followed."""
    conf, options = command.app.settings, command.kwargs
    topic = options["topic"] or source.topic.of(conf).name
    if not options["follow"]:
        return Outbox(conf, topic)
    name = options["group"] or f"{gethostname()}:{path.absolute()}"
    group = f"{conf.app_id}-log-{topic}-{name}"
    return PositionedOutbox(conf, topic, source, group, from_start=options["from_start"])


async def _print_records(command: LongCommand, slices: AsyncIterator[list[Record]]) -> None:
    """Print the first records as they would be sent; read the others too, for the report."""
    left = SHOWN
    async for records in slices:
        for _, value, _ in records[:left]:
            command.say(value.decode())
        left = max(0, left - len(records))


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
            click.Option(
                ["--zone"],
                type=Zone(),
                help="log: zone of times that state none, such as Europe/Berlin, +02:00, local "
                "(UTC).",
            ),
            click.Option(["--severity"], help="log: severity of lines that have none (notice)."),
            click.Option(
                ["--allow-bad"],
                type=Share(),
                default=str(ALLOWED),
                help="log: share of lines that may be left out before the exit code is 3 (1%).",
            ),
            click.Option(
                ["--dry-run"],
                is_flag=True,
                help=f"log: send nothing; print the first {SHOWN} records and what was recognised.",
            ),
        ),
        takes_path=True,
    ),
)
