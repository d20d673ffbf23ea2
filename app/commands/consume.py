"""`faust -A app consume`: the CSV sink."""

from pathlib import Path

from faust.cli import option

from app.commands._process import CommandError, LongCommand
from app.settings import settings
from app.sinks.csv import CsvFile, UnusableFileError
from app.sinks.sink import CsvSink
from app.topics import TICKS


class consume(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Append the prices of a topic to a CSV file: time (UTC) and price, each record once.

    The topic holds ticks, whose own time is written, or bare prices, which get Kafka's
    timestamp. Killed or stopped, it goes on where the file ends.
    """

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
    ]

    async def work(self) -> None:
        """Run the sink until it is done or told to stop."""
        conf, output = settings(), Path(self.kwargs["output"])
        topic = self.kwargs["topic"]
        group = self.kwargs["group"] or f"{conf.app_id}-csv"
        sink = CsvSink(conf.bootstrap_servers, topic, CsvFile(output), group)
        try:
            await sink.run(until_end=self.kwargs["until_end"])
        except UnusableFileError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
        finally:
            self.say(f"{output}: rows from {topic}: {sink.rows:,}{_left_out(sink.unreadable)}")


def _left_out(unreadable: int) -> str:
    return f"; unreadable records left out: {unreadable:,}" if unreadable else ""
