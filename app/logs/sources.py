"""Source of log files for the command `produce`: `--source log:PATH`."""

from pathlib import Path

import click

from eventfold.cli.command import LongCommand
from eventfold.cli.inputs import send_input
from eventfold.cli.sources import Source
from eventfold.connectors.outbox import Outbox


async def _send_log(command: LongCommand) -> None:
    """Send the lines of a log file, and report what was recognised and left out."""
    # Each command imports this module for its options, and workers read no files.
    from app.logs.source import LogSource  # noqa: PLC0415

    options, conf = command.kwargs, command.app.settings
    path = Path(options["source"].partition(":")[2])
    source = LogSource(path, options)
    await send_input(
        command,
        source.slices(options["count"]),
        Outbox(conf, options["topic"] or source.topic.of(conf).name),
        source.report,
        path.name,
        done=lambda: source.position,
        total=lambda: source.size,
        is_live=options["follow"],
    )


SOURCES = (
    Source(
        "log",
        _send_log,
        (
            click.Option(
                ["--follow"], is_flag=True, help="log: go on as the file grows and is rotated."
            ),
            click.Option(
                ["--only-new"], is_flag=True, help="log: with --follow, skip what is in the file."
            ),
            click.Option(["--severity"], help="log: severity of lines that have none (notice)."),
        ),
        takes_path=True,
    ),
)
