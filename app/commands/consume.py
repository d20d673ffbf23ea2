"""`faust -A app consume`: the CSV sink."""

import json
from pathlib import Path

from faust.cli import option

from app.market.rows import COLUMNS, to_row
from app.market.topics import TICKS
from eventfold.cli.command import JSON, CommandError, LongCommand
from eventfold.cli.progress import SinkProgress
from eventfold.connectors.csv import CsvSink, UnusableFileError
from eventfold.connectors.sink_loop import SinkLoop


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
        conf, output = self.app.settings, Path(self.kwargs["output"])
        topic, until_end = self.kwargs["topic"], self.kwargs["until_end"]
        group = self.kwargs["group"] or f"{conf.app_id}-csv"
        sink = CsvSink(output, COLUMNS, to_row)
        loop = SinkLoop(conf, topic, sink, group)
        await self.demand_broker()
        try:
            async with SinkProgress(loop).shown(topic, has_end=until_end):
                await loop.run(until_end=until_end)
        except UnusableFileError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
        finally:
            self._print_result(output, topic, sink.rows, loop.rejected)

    def _print_result(self, output: Path, topic: str, rows: int, unreadable: int) -> None:
        if self.json:
            facts = {"output": str(output), "topic": topic}
            self.say(json.dumps({**facts, "rows": rows, "unreadable": unreadable}))
        else:
            self.say(f"{output}: rows from {topic}: {rows:,}{_skipped(unreadable)}")


def _skipped(unreadable: int) -> str:
    return f"; unreadable records skipped: {unreadable:,}" if unreadable else ""
