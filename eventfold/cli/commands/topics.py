"""`faust -A app topics`: the application's topics on the broker, created and compared."""

import json
from typing import Any

from faust.cli import option

from eventfold.cli.command import JSON, CommandError, LongCommand
from eventfold.kafka import admin
from eventfold.topics import BoundTopic
from eventfold.windows.durations import format_duration
from eventfold.worker.startup_checks import topics_of


class topics(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Create the topics that are missing, list all, and report those that differ.

    The exit code is 1 if one differs from what the application declares.
    """

    examples = (
        ("topics", "create and list"),
        ("topics --dry-run --json", "only list, for a program"),
    )
    options = [  # noqa: RUF012 - as Faust declares it
        option("--dry-run", is_flag=True, help="Create nothing, list what is missing."),
        JSON,
    ]

    async def work(self) -> None:
        """Create, list, compare. Raises CommandError where a topic disagrees."""
        conf, needed = self.app.settings, topics_of(self.app)
        listed = [topic for topic in needed if isinstance(topic, BoundTopic)]
        created = [] if self.kwargs["dry_run"] else await admin.ensure_topics(listed, conf)
        found = await admin.existing_topics(conf)
        # Changelogs are made by workers; those that somebody else has made are compared.
        wrong = await admin.check_topics(needed, conf)
        # Of several of one topic, the one that is fatal comes first.
        disagreements = {each.topic: each for each in reversed(wrong)}
        rows = [_row(topic, found, topic.name in created, disagreements) for topic in listed]
        if self.json:
            self.say(json.dumps(rows))
        else:
            shown = (
                (
                    row["topic"],
                    str(row["partitions"]),
                    _retention(row["retention_ms"], row["compacted"]),
                    row["purpose"],
                    row["state"],
                )
                for row in rows
            )
            self.console().print_table(("topic", "partitions", "retention", "purpose", ""), shown)
        fatal = [str(each) for each in wrong if each.is_fatal]
        for each in wrong:
            if not each.is_fatal:
                self.say(str(each), file=self.stderr)
        if fatal:
            raise CommandError("\n".join(fatal))


def _row(
    topic: BoundTopic, found: dict[str, int], created: bool, wrong: dict[str, admin.Disagreement]
) -> dict[str, Any]:
    if topic.name in wrong:
        state = f"should have {wrong[topic.name].expectation}"
    elif created:
        state = "created"
    else:
        state = "exists" if topic.name in found else "missing"
    return {
        "topic": topic.name,
        "partitions": found.get(topic.name, topic.partition_count()),
        "retention_ms": None if topic.compacted else topic.retention,
        "compacted": topic.compacted,
        "purpose": topic.purpose,
        "state": state,
    }


def _retention(retention: int | None, compacted: bool) -> str:
    if compacted:
        return "last of each key"
    return "for ever" if retention is None else format_duration(retention)
