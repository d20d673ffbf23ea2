"""`faust -A app models`: the types of the records in our topics, beside those of Faust's own."""

import json
from collections import defaultdict
from typing import Any

from faust.cli import option
from faust.cli.models import models as faust_models

from eventfold.cli.command import JSON, LongCommand
from eventfold.records.shape import members
from eventfold.worker.startup_checks import declared_topics


class models(LongCommand, faust_models):  # noqa: N801 - Faust calls it what its class is called
    """List the types of records: in which topics they are, and what they stand for."""

    examples = (("models", ""), ("models --json", "for a program"))
    options = [  # noqa: RUF012 - as Faust declares it
        option("--builtins/--no-builtins", default=False, help="Faust's own models as well."),
        JSON,
    ]

    async def work(self) -> None:
        """List ours, then those that modules of the user declare with Faust."""
        found = record_types(self.app)
        rows: list[dict[str, Any]] = [
            {"model": name, "topics": topics, "help": purpose(kind)}
            for name, (kind, topics) in sorted(found.items())
        ]
        if self.json:
            self.say(json.dumps(rows))
            return
        shown = ((row["model"], ", ".join(row["topics"]), row["help"]) for row in rows)
        self.console(160).print_table(("model", "topics", "what it is"), shown)
        builtins = self.kwargs["builtins"]
        if self.models(builtins):
            await self.run(builtins=builtins)


def record_types(app: Any) -> dict[str, tuple[Any, list[str]]]:
    """Return the types of records by name, each with the topics that hold it."""
    topics_by_type = defaultdict[Any, list[str]](list)
    for topic in declared_topics(app).values():
        for kind in members(topic.value):
            topics_by_type[kind].append(topic.name)
    return {kind.__name__: (kind, topics) for kind, topics in topics_by_type.items()}


def purpose(kind: Any) -> str:
    """Return the first line of a type's docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]
