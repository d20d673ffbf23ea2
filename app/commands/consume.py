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

    The topic holds ticks, whose own time is written, or bare prices, which get Kafka's
    timestamp. Killed or stopped, it goes on where the file ends.
    """

    examples = (
        ("consume --output prices.csv", "until Ctrl-C"),
        ("consume --until-end --json", "what there is, for a program"),
    )

    options = [  # noqa: RUF012 - Faust's own form
        option("--topic", default=TICKS.name, help="Topic of ticks or bare prices."),
        option(
            "--output",
            default="data.csv",
            metavar="FILE",
            help="File to append to; FILE.offsets beside it says how far it has come.",
        ),
        option("--group", metavar="NAME", help="Consumer group; APP_ID-csv if not set."),
        option(
            "--until-end",
            "--once",
            is_flag=True,
            help="Stop when all that is in the topic now has been written.",
        ),
        JSON,
    ]

    async def work(self) -> None:
        """Run the sink until it is done or told to stop."""
        conf, output = settings(), Path(self.kwargs["output"])
        topic = self.kwargs["topic"]
        group = self.kwargs["group"] or f"{conf.app_id}-csv"
        sink = CsvSink(conf.bootstrap_servers, topic, CsvFile(output), group)
        until_end = self.kwargs["until_end"]
        left = Left(sink)
        await self.demand_broker()
        try:
            async with bar(topic, done=left.done, total=left.total if until_end else _no_end):
                await sink.run(until_end=until_end)
        except UnusableFileError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
        finally:
            self._tell(output, topic, sink)

    def _tell(self, output: Path, topic: str, sink: CsvSink) -> None:
        if self.json:
            facts = {"output": str(output), "topic": topic}
            self.say(json.dumps({**facts, "rows": sink.rows, "unreadable": sink.unreadable}))
        else:
            self.say(f"{output}: rows from {topic}: {sink.rows:,}{_left_out(sink.unreadable)}")


class Left:
    """How far a sink is on its way to the end, which it knows once it has partitions."""

    def __init__(self, sink: CsvSink) -> None:
        self._sink = sink
        self._most: int | None = None

    def total(self) -> int | None:
        """Return the offsets there were to write at the first look; None before."""
        if self._most is None:
            self._most = self._sink.left
        return self._most

    def done(self) -> int:
        """Return how many of them are written."""
        return (self.total() or 0) - (self._sink.left or 0)


def _no_end() -> None:
    """There is no total where the work has no end."""


def _left_out(unreadable: int) -> str:
    return f"; unreadable records left out: {unreadable:,}" if unreadable else ""
