"""`faust -A app produce`: records of a file, a simulation or a source of the application's own."""

from typing import ClassVar

import click
from faust.cli import option
from faust.cli.base import cli

from eventfold.cli.command import JSON, LongCommand, OptionError, add_options
from eventfold.cli.file_source import FILE_OPTIONS, send_file
from eventfold.cli.inputs import INPUT_OPTIONS
from eventfold.cli.option_types import Time
from eventfold.cli.sources import Source, simulated

_FILES = (
    "delimited text or JSON, whose columns are fields of the topic's records or are mapped to them "
    "(--map); 'DIRECTORY/*.csv' for several, merged by time."
)


class produce(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Send the records of a source to a topic: a file, a simulation, an API."""

    examples = (
        ("produce --source file:ticks.csv.gz --dry-run", "what would be sent"),
        ("produce --source file:ticks.csv.gz", "as fast as possible"),
        ("produce --source logs --rate 0 --count 100000", "a simulation, as fast as possible"),
    )
    #: What `offer` added, by name, and the first of it.
    sources: ClassVar[dict[str, Source]] = {"file": Source("file", send_file, takes_path=True)}
    default: ClassVar[str | None] = None
    options = [  # noqa: RUF012 - Faust's own form
        option(
            "--source",
            metavar="SOURCE",
            help="The name of a simulation (the first of the application if not set), or "
            f"file:PATH: {_FILES}",
        ),
        option("--topic", help="Topic to send to, for sources that have none of their own."),
        option("--count", type=click.IntRange(1), help="Stop after this many records, or polls."),
        option(
            "--speed",
            type=click.FloatRange(0),
            default=0.0,
            help="file: times real time; 0 is as fast as possible.",
        ),
        option(
            "--rate",
            type=click.FloatRange(0, 1e6),
            help="simulations: records per second; 0 is as fast as possible, --count of them.",
        ),
        option("--seed", type=int, default=1, help="simulations: the same seed, the same records."),
        option(
            "--start",
            type=Time(),
            help="simulations at --rate 0: event time of the first record; by default the last one "
            "is now.",
        ),
        option(
            "--step",
            type=click.FloatRange(0, min_open=True),
            default=0.5,
            help="simulations at --rate 0: ms of event time between two records.",
        ),
        JSON,
    ]

    async def work(self) -> None:
        """Send until the source ends or the command is stopped."""
        declared = self.app.simulations
        sources = self.sources | {each.name: each for each in simulated(declared)}
        known = ", ".join(_written(each) for each in sources.values())
        written = self.kwargs["source"] or self.default or next(iter(declared), None)
        if written is None:
            raise OptionError(f"--source: which of {known}?")
        kind, _, path = written.partition(":")
        if kind not in sources or sources[kind].takes_path != bool(path):
            raise OptionError(f"--source: {written!r} is none of {known}")
        self.kwargs["source"] = written
        await sources[kind].send(self)


add_options("produce", (*INPUT_OPTIONS, *FILE_OPTIONS))


def _written(source: Source) -> str:
    """Return how a source is written as the option's value."""
    return f"{source.name}:PATH" if source.takes_path else source.name


def offer(sources: tuple[Source, ...]) -> None:
    """Add sources of an application, and their options, to the command; the first is its default.

    A source replaces an earlier one of its name.
    """
    for source in sources:
        produce.sources.pop(source.name, None)  # listed where it is offered
        produce.sources[source.name] = source
        add_options("produce", source.options)
    if sources:
        produce.default = sources[0].name
        names = ", ".join(_written(each) for each in sources if each.name != "file")
        (shown,) = (each for each in cli.commands["produce"].params if each.name == "source")
        assert isinstance(shown, click.Option)  # noqa: S101  # as declared above
        shown.help = f"{names} (the first if not set), or file:PATH: {_FILES}"
