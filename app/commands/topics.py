"""`faust -A app topics`: the map of `app/topics.py` on the broker, created and compared."""

import json
import sys
from typing import Any

from faust.cli import option
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from app import admin
from app.commands._process import JSON, CommandError, LongCommand
from app.topics import ALL, Topic
from app.windows.durations import format_duration


class topics(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """Create the topics that are missing, list all, and say which disagree with the map.

    The exit code is 1 where one disagrees.
    """

    examples = (
        ("topics", "make and list"),
        ("topics --dry-run --json", "only list, for a program"),
    )
    options = [  # noqa: RUF012 - as Faust declares it
        option("--dry-run", is_flag=True, help="Create nothing, say what is missing."),
        JSON,
    ]

    async def work(self) -> None:
        """Create, list, compare. Raises CommandError where a topic disagrees."""
        try:
            created = [] if self.kwargs["dry_run"] else await admin.ensure_topics(ALL)
            found = await admin.existing_topics()
            wrong = await admin.check_topics(ALL)
        except admin.AdminError as error:
            raise CommandError(str(error)) from error
        disagreements = {each.topic: each for each in wrong}
        rows = [_row(topic, found, topic.name in created, disagreements) for topic in ALL]
        self._show(rows)
        if wrong:
            raise CommandError("\n".join(map(str, wrong)))

    def _show(self, rows: list[dict[str, Any]]) -> None:
        if self.json:
            self.say(json.dumps(rows))
            return
        table = Table("topic", "partitions", "retention", "purpose", "", box=SIMPLE_HEAD)
        for row in rows:
            table.add_row(
                row["topic"],
                str(row["partitions"]),
                _retention(row["retention_ms"], row["compacted"]),
                row["purpose"],
                row["state"],
            )
        # Piped into a file or another program, a line is one topic, however long.
        Console(file=self.stdout, width=None if sys.stdout.isatty() else 200).print(table)


def _row(
    topic: Topic, found: dict[str, int], created: bool, wrong: dict[str, admin.Disagreement]
) -> dict[str, Any]:
    if topic.name in wrong:
        state = f"should have {wrong[topic.name].expected} partitions"
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
