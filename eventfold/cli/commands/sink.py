"""`faust -A app sink`: a topic into a database, files or an HTTP endpoint, each record once."""

import json
from pathlib import Path

import click
from faust.cli import argument, option

from eventfold.cli.command import JSON, CommandError, LongCommand, OptionError
from eventfold.cli.progress import SinkProgress
from eventfold.connectors.dead_letters import DeadLetterOffice
from eventfold.connectors.sink import Sink
from eventfold.connectors.sink_loop import SinkLoop
from eventfold.connectors.targets import (
    FORMS,
    TargetError,
    check_target,
    group_of,
    kind_of,
    sink_into,
)
from eventfold.extras import MissingExtraError
from eventfold.security.urls import masked
from eventfold.topics import DEAD_LETTERS, BoundTopic
from eventfold.worker.startup_checks import declared_topics


class sink(LongCommand):  # noqa: N801 - Faust takes a command's name from its class
    """Write a topic to a database, to files or to an HTTP endpoint, each record once.

    After a stop or a crash it continues where the target is. What the target can't store is a dead
    letter. Several of the same target share the partitions.
    """

    examples = (
        ("sink candles --to postgresql://me@db/market", "a table of the latest candles"),
        ("sink ticks --to parquet:/data/ticks", "files by day"),
        ("sink surges --to https://example.org/surges --headers secret.txt", ""),
        ("sink candles --to sqlite:///candles.db --until-end", "the topic as it is now"),
    )

    options = [  # noqa: RUF012 - Faust's own form
        argument("topic"),
        option("--to", "target", required=True, metavar="TARGET", help=f"{FORMS}."),
        option("--table", help="Table in the database; the topic's name if not set."),
        option(
            "--headers",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File with a line NAME: VALUE for each header of a webhook, such as a token.",
        ),
        option("--group", metavar="NAME", help="Consumer group; one for each target if not set."),
        option(
            "--batch",
            type=click.IntRange(1),
            metavar="RECORDS",
            help="Most records of a write: a transaction, a file. Fewer after a second, or for "
            "Parquet after a minute.",
        ),
        option(
            "--until-end",
            is_flag=True,
            help="Stop when all records that are in the topic now are written.",
        ),
        JSON,
    ]

    async def work(self) -> None:
        """Run the sink until it is done or stopped."""
        conf, options = self.app.settings, self.kwargs
        target, until_end = options["target"], options["until_end"]
        topic = self._find_topic(options["topic"])
        into = self._sink_into(target, topic)
        into.max_records = options["batch"] or into.max_records
        group = options["group"] or group_of(conf.app_id, topic, target)
        office = DeadLetterOffice(conf, DEAD_LETTERS.of(conf).name, f"sink {kind_of(target)}")
        loop = SinkLoop(conf, topic.name, into, group, reject=office.send)
        await self.demand_broker()
        try:
            async with office, SinkProgress(loop).shown(topic.name, has_end=until_end):
                await loop.run(until_end=until_end)
        except OSError as error:
            raise CommandError(f"{masked(target)}: {error.strerror or error}") from error
        finally:
            self._print_result(topic.name, masked(target), loop)

    def _sink_into(self, target: str, topic: BoundTopic) -> Sink:
        table, path = self.kwargs["table"], self.kwargs["headers"]
        try:
            check_target(target, table, headers=bool(path))
            return sink_into(target, topic, table, _headers(path) if path else {})
        except TargetError as error:
            raise OptionError(f"--{error}") from error
        except MissingExtraError as error:
            raise CommandError(str(error)) from error

    def _find_topic(self, name: str) -> BoundTopic:
        known = declared_topics(self.app)
        if name not in known:
            raise OptionError(
                f"{name!r} is no topic of what this application runs: {', '.join(sorted(known))}"
            )
        return known[name]

    def _print_result(self, topic: str, target: str, loop: SinkLoop) -> None:
        facts = {"topic": topic, "target": target}
        if self.json:
            counts = {"records": loop.records, "rejected": loop.rejected}
            self.say(json.dumps({**facts, **counts}))
            return
        rejected = f"; dead letters: {loop.rejected:,}" if loop.rejected else ""
        self.say(f"{target}: records of {topic}: {loop.records:,}{rejected}")


def _headers(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise OptionError(f"--headers: {path}: {error.strerror}") from error
    pairs = [line.partition(":") for line in lines if line.strip()]
    if not all(colon and name.strip() for name, colon, _ in pairs):
        raise OptionError(f"--headers: {path}: a line is not NAME: VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}
