"""Inputs of `produce` of which each line is sent or counted: files of rows, log files."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable

import click

from eventfold.cli.command import LongCommand
from eventfold.cli.option_types import Share, Zone
from eventfold.cli.progress import bar
from eventfold.cli.sources import send_all
from eventfold.connectors import Record
from eventfold.connectors.input_report import ALLOWED, InputReport
from eventfold.connectors.outbox import Outbox

#: Records that `--dry-run` prints.
SHOWN = 10

INPUT_OPTIONS = (
    click.Option(
        ["--zone"],
        type=Zone(),
        help="file, log: zone of times that state none: Europe/Berlin, +02:00, local (UTC).",
    ),
    click.Option(
        ["--allow-bad"],
        type=Share(),
        default=str(ALLOWED),
        help="file, log: share that may be left out before the exit code is 3 (1%).",
    ),
    click.Option(
        ["--dry-run"],
        is_flag=True,
        help=f"file, log: send nothing; print the first {SHOWN} records and what was recognised.",
    ),
)


async def send_input(
    command: LongCommand,
    slices: AsyncIterator[list[Record]],
    outbox: Outbox,
    report: InputReport,
    name: str,
    *,
    done: Callable[[], float],
    total: Callable[[], float],
    is_live: bool,
) -> None:
    """Send the records of the input `name`, and print the report of it.

    With `--dry-run`, the first records are printed instead. Raises LeftOutError if more was left
    out than `--allow-bad`.
    """
    options = command.kwargs
    try:
        if options["dry_run"]:
            await _print_records(command, slices)
        else:
            shown = bar(name, done=done, total=total)
            await send_all(
                command, outbox, slices, [outbox.topic], is_live=is_live, shown=shown, report=report
            )
    finally:
        if not command.json:
            command.say("\n".join(report.describe()))
        elif options["dry_run"]:
            command.say(json.dumps(report.facts()))
        if isinstance(sys.exception(), asyncio.CancelledError | None):
            report.demand(options["allow_bad"], name)


async def _print_records(command: LongCommand, slices: AsyncIterator[list[Record]]) -> None:
    """Print the first records as they would be sent; read the others too, for the report."""
    left = SHOWN
    async for records in slices:
        for _, value, _ in records[:left]:
            command.say(value.decode(errors="backslashreplace"))
        left = max(0, left - len(records))
