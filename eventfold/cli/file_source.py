"""Source `file:PATH` of the command `produce`: files of rows, of any topic."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, get_args

import click

from eventfold.cli.command import LongCommand, OptionError
from eventfold.cli.inputs import send_input
from eventfold.cli.sources import named_topic
from eventfold.connectors import Record
from eventfold.connectors.files import Replay, files_of, merged, paced
from eventfold.connectors.input_report import InputReport
from eventfold.connectors.outbox import Outbox
from eventfold.connectors.reading.mapping import parse_pairs
from eventfold.connectors.reading.preset import Preset
from eventfold.connectors.reading.times import DateOrder
from eventfold.connectors.rows import Layout, UnreadableFileError
from eventfold.records.shape import name_of
from eventfold.topics import Timestamp, Topic

FILE_OPTIONS = (
    click.Option(
        ["--map", "mapping"],
        multiple=True,
        metavar="FIELD=COLUMN,...",
        help="file: columns of fields; time=Date+Time joins two, symbol=Name|Symbol is the first.",
    ),
    click.Option(
        ["--set", "constants"],
        multiple=True,
        metavar="FIELD=TEXT,...",
        help="file: fields that are no column; {name} is the file's name.",
    ),
    click.Option(["--columns"], metavar="A,B,...", help="file: names of its columns."),
    click.Option(["--no-header"], is_flag=True, help="file: its first line is a row."),
    click.Option(["--delimiter"], help="file: between columns, \\t for a tab (recognised)."),
    click.Option(["--encoding"], help="file: such as latin-1 (UTF-8, or as its BOM says)."),
    click.Option(["--comment"], help="file: lines that begin so are no rows."),
    click.Option(
        ["--decimal"],
        type=click.Choice([".", ","]),
        help="file: decimal mark of numbers (recognised where it is clear).",
    ),
    click.Option(
        ["--dates"],
        type=click.Choice(get_args(DateOrder)),
        help="file: order of day, month and year in dates such as 05/06/2024.",
    ),
)


async def send_file(
    command: LongCommand,
    default: Topic | None = None,
    convert: Callable[[list[Any]], list[Any]] = list,
    *,
    preset: Preset = Preset(),  # noqa: B008 - frozen
    event_timestamps: bool | None = None,
) -> None:
    """Send the records of files, `--source file:PATH`, to a topic.

    `preset` is what is known of the files, apart from the options. `convert` changes a slice of
    records before it is sent; with `event_timestamps` Kafka's timestamps are the event times, by
    default if the topic declares it.
    """
    topic, options = named_topic(command, default), command.kwargs
    if event_timestamps is None:
        event_timestamps = topic.time is Timestamp.CREATE
    name = options["topic"] or topic.of(command.app.settings).name
    outbox = Outbox(command.app.settings, name, event_timestamps=event_timestamps)
    written, report = options["source"].partition(":")[2], InputReport("rows")
    try:
        preset = preset_with_options(preset, options)
        paths = files_of(written)
        several = len(paths) > 1
        replays = [Replay(path, topic, preset, report, is_one_of_several=several) for path in paths]
    except ValueError as error:
        raise OptionError(str(error)) from error

    async def slices() -> AsyncIterator[list[Record]]:
        async for records in paced(merged(replays, options["count"]), options["speed"]):
            yield convert(records)
        if not any(replay.good for replay in replays):
            kind = name_of(topic.value).lower() if isinstance(topic.value, type) else "record"
            raise UnreadableFileError(f"{written}: no row of it is a {kind}")

    await send_input(
        command,
        slices(),
        outbox,
        report,
        f"{len(paths)} files" if several else paths[0].name,
        done=lambda: sum(replay.read for replay in replays),
        total=lambda: sum(path.stat().st_size for path in paths),
        is_live=bool(options["speed"]),
    )


def preset_with_options(preset: Preset, options: Mapping[str, Any]) -> Preset:
    """Return a preset with what the options of the command say. Raises ValueError."""
    columns = options["columns"]
    delimiter = options["delimiter"]
    return preset.with_options(
        layout=Layout(
            delimiter="\t" if delimiter in {"\\t", "tab"} else delimiter,
            encoding=options["encoding"],
            columns=tuple(name.strip() for name in columns.split(",")) if columns else None,
            no_header=options["no_header"],
            comment=options["comment"],
        ),
        mapping=parse_pairs("--map", options["mapping"]),
        constants=parse_pairs("--set", options["constants"]),
        zone=options["zone"],
        order=options["dates"],
        decimal=options["decimal"],
    )
