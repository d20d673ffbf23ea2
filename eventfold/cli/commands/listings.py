"""`faust -A app agents`, `tables`, `models`, `model`: what an application consists of.

Faust's own lists, which may be piped; the types of the records in our topics, beside Faust's.
"""

import json
from collections import defaultdict
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from faust.cli import argument, option
from faust.cli.agents import agents as faust_agents
from faust.cli.model import model as faust_model
from faust.cli.models import models as faust_models
from faust.cli.tables import tables as faust_tables
from msgspec import NODEFAULT, structs

from eventfold.cli.command import JSON, LongCommand
from eventfold.topics import BoundTopic
from eventfold.worker.startup_checks import topics_of


class agents(LongCommand, faust_agents):  # noqa: N801 - Faust calls it what its class is called
    """List the agents: each with its topic and its purpose."""

    examples = (("agents", ""), ("agents --json", "for a program"))
    options = [  # noqa: RUF012 - as Faust declares it
        option("--local/--no-local", default=False, help="Agents without a topic as well."),
        JSON,
    ]

    async def work(self) -> None:
        """List them."""
        await self.run(local=self.kwargs["local"])


class tables(LongCommand, faust_tables):  # noqa: N801 - Faust calls it what its class is called
    """List the tables: each with its purpose."""

    examples = (("tables", ""), ("tables --json", "for a program"))
    options = [JSON]  # noqa: RUF012 - as Faust declares it

    async def work(self) -> None:
        """List them."""
        await self.run()


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


class model(LongCommand, faust_model):  # noqa: N801 - Faust calls it what its class is called
    """Show the fields of a type of record.

    The exit code is 2 where there is none of that name: `models` lists them.
    """

    examples = (("model NAME", ""), ("model NAME --json", "for a program"))
    options = [argument("name"), JSON]  # noqa: RUF012 - as Faust declares it

    async def work(self) -> None:
        """Show it; of what is none of ours, Faust knows or says that there is none."""
        name = self.kwargs["name"]
        kind, topics = record_types(self.app).get(name, (None, []))
        if kind is None:
            await self.run(name)
            return
        rows = [_row(field) for field in structs.fields(kind)]
        if self.json:
            self.say(json.dumps({"model": name, "topics": topics, "fields": rows}))
            return
        self.say(f"{name}: {purpose(kind)} In {', '.join(topics)}.")
        shown = ((row["field"], row["type"], row["default"]) for row in rows)
        self.console(120).print_table(("field", "type", "default"), shown)


def record_types(app: Any) -> dict[str, tuple[Any, list[str]]]:
    """Return the types of records by name, each with the topics that hold it."""
    topics_by_type = defaultdict[Any, list[str]](list)
    for topic in topics_of(app):
        if isinstance(topic, BoundTopic):
            for kind in get_args(topic.value) or (topic.value,):
                topics_by_type[kind].append(topic.name)
    return {kind.__name__: (kind, topics) for kind, topics in topics_by_type.items()}


def purpose(kind: Any) -> str:
    """Return the first line of a type's docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _type(kind: Any) -> str:
    """Return a type as it is written, without what its values are bound by."""
    if get_origin(kind) is Annotated:
        return _type(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(map(_type, get_args(kind)))
    return "None" if kind is NoneType else getattr(kind, "__name__", str(kind))


def _row(field: structs.FieldInfo) -> dict[str, Any]:
    return {
        "field": field.encode_name,
        "type": _type(field.type),
        "required": field.required,
        "default": "" if field.default is NODEFAULT else repr(field.default),
    }
