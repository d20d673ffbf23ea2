"""`faust -A app consume`: the CSV sink."""

import json
from pathlib import Path

from faust.cli import option

from app.market.topics import TICKS
from app.settings import settings
from app.sinks.csv import CsvFile, UnusableFileError
from app.sinks.sink import CsvSink
from eventfold.cli.command import JSON, CommandError, LongCommand
from eventfold.cli.progress import bar


class consume(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Append the prices of a topic to a CSV file: time (UTC) and price, each record once.

    The topic holds ticks, written with their own time, or bare prices, written with Kafka's
    timestamp. After a stop or a crash it continues at the end of the file.
    """

    examples = (
        ("consume --output prices.csv", "until Ctrl-C"),
        ("consume --until-end --json", "the topic as it is now, for a program"),
    )

    options = [  # noqa: RUF012 - Faust's own form
        option("--topic", default=TICKS.base_name, help="Topic of ticks or bare prices."),
        option(
            "--output",
            default="data.csv",
            metavar="FILE",
            help="File to append to; FILE.offsets beside it holds the committed offsets.",
        ),
        option("--group", metavar="NAME", help="Consumer group; APP_ID-csv if not set."),
        option(
            "--until-end",
            "--once",
            is_flag=True,
            help="Stop when all records that are in the topic now are written.",
        ),
        JSON,
    ]

    async def work(self) -> None:
        """Run the sink until it is done or stopped."""
        conf, output = settings(), Path(self.kwargs["output"])
        topic = self.kwargs["topic"]
        group = self.kwargs["group"] or f"{conf.app_id}-csv"
        sink = CsvSink(conf.bootstrap_servers, topic, CsvFile(output), group)
        until_end = self.kwargs["until_end"]
        progress = Progress(sink)
        await self.demand_broker()
        try:
            async with bar(
                topic, done=progress.done, total=progress.total if until_end else _no_end
            ):
                await sink.run(until_end=until_end)
        except UnusableFileError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
        finally:
            self._print_result(output, topic, sink)

    def _print_result(self, output: Path, topic: str, sink: CsvSink) -> None:
        if self.json:
            facts = {"output": str(output), "topic": topic}
            self.say(json.dumps({**facts, "rows": sink.rows, "unreadable": sink.unreadable}))
        else:
            self.say(f"{output}: rows from {topic}: {sink.rows:,}{_skipped(sink.unreadable)}")


class Progress:
    """Progress of a sink towards the end offsets, known once it has partitions."""

    def __init__(self, sink: CsvSink) -> None:
        self._sink = sink
        self._total: int | None = None

    def total(self) -> int | None:
        """Return the number of offsets to write at the first call with partitions; None before."""
        if self._total is None:
            self._total = self._sink.left
        return self._total

    def done(self) -> int:
        """Return the number of offsets written."""
        return (self.total() or 0) - (self._sink.left or 0)


def _no_end() -> None:
    """Return None: without --until-end there is no total."""


def _skipped(unreadable: int) -> str:
    return f"; unreadable records skipped: {unreadable:,}" if unreadable else ""
