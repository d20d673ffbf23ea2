"""`faust -A app settings`: every environment variable, its value, its meaning, in groups."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from faust.cli import option

from eventfold.cli.command import JSON, LongCommand
from eventfold.environment import Environment
from eventfold.security.kafka import KafkaSecurity
from eventfold.security.secret import is_secret
from eventfold.security.web import WebSecurity

if TYPE_CHECKING:
    from rich.table import Table

#: Characters of a line where the output goes to a file or another program.
WIDTH = 100

#: Settings of the library that are declared together, by what they are for.
_DECLARED = {KafkaSecurity: "Kafka: TLS and SASL", WebSecurity: "web server"}

#: What others are for, by how their names begin, less the prefix of the settings' own, in the order
#: in which they are listed; the rest are the application's, in the order of their declaration.
_NAMED = {
    "application": ("APP_ID", "PIPELINES", "MODULES"),
    "Kafka": (
        *("BROKER_", "TOPIC_PARTITIONS", "TOPIC_REPLICATION_", "CONSUMER_", "PRODUCER_"),
        *("MAX_RECORD_BYTES", "TRANSACTION_TIMEOUT", "SCHEMA_REGISTRY", "MAX_NAME", "MAX_TEXT"),
    ),
    "web server": ("WEB_PORT", "WEB_HOST", "WEB_BIND", "WEB_"),
    "windows": (
        *("WINDOWS", "GRACE", "DAY", "RETENTION", "MAX_AHEAD", "IDLE", "PUBLISH_INTERVAL"),
    ),
}


class settings(LongCommand):  # noqa: N801 - Faust calls the command what its class is called
    """List the settings: each environment variable with its value and meaning, in groups.

    What differs from its default stands out, and has the default beside it.
    """

    examples = (
        ("settings", ""),
        ("settings --changed", "only those that differ from their defaults"),
        ("settings --json", "for a program"),
    )
    options = [  # noqa: RUF012 - as Faust declares it
        option("--changed", is_flag=True, help="Only what differs from its default."),
        JSON,
    ]

    async def work(self) -> None:
        """Show them."""
        rows = self._rows()
        if self.kwargs["changed"]:
            rows = [row for row in rows if row["value"] != row["default"]]
        if self.json:
            self.say(json.dumps(rows))
            return
        console = self.console(WIDTH)
        for table in _tables(rows):
            console.print(table)
        console.print("Every value without another default beside it is the default.")

    def _rows(self) -> list[dict[str, Any]]:
        """Return what is shown of each setting, in order of the groups; the first own is early."""
        own = self.app.further_settings
        first, others = list(own)[:1], list(own)[1:]
        groups = [*_NAMED, *first, *_DECLARED.values(), *others]
        rows = [*_rows_of(self.app.settings, "application")]
        rows += [row for title, conf in own.items() for row in _rows_of(conf, title)]
        prefix = _prefix(self.app.settings)
        return sorted(rows, key=lambda row: (groups.index(row["group"]), _place(row, prefix)))


def _tables(rows: list[dict[str, Any]]) -> Iterator["Table"]:
    """Return a table of each group, with columns of the same widths."""
    # Imported here: it belongs to the extra `cli`, and JSON needs none of it.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    widest = max((len(row["variable"]) for row in rows), default=0)
    for group, its in groupby(rows, key=lambda row: row["group"]):
        table = Table(
            box=SIMPLE_HEAD, title=Text(group, "bold"), title_justify="left", pad_edge=False
        )
        table.add_column("variable", no_wrap=True, width=widest)
        table.add_column("value", overflow="fold", width=20)
        table.add_column("meaning", overflow="fold")
        for row in its:
            value, default = _text(row["value"]), _text(row["default"])
            changed = value != default
            meaning = f"{row['meaning']} (default: {default or 'not set'})" if changed else None
            style = "bold" if changed else ""
            table.add_row(
                Text(row["variable"], style),
                Text(value, style),
                Text(meaning or row["meaning"]),
            )
        yield table


def _rows_of(conf: Environment, title: str) -> Iterator[dict[str, Any]]:
    kind, values = type(conf), conf.model_dump(mode="json")
    prefix = _prefix(conf)
    defaults = kind.model_construct().model_dump(mode="json")
    for name, field in kind.model_fields.items():
        is_hidden = values[name] and is_secret(field.json_schema_extra)
        yield {
            "variable": field.alias,
            "value": "***" if is_hidden else values[name],
            "default": defaults[name],
            "meaning": field.description,
            "group": _group(name, (field.alias or name).removeprefix(prefix)) or title,
        }


def _group(name: str, variable: str) -> str | None:
    for declared, group in _DECLARED.items():
        if name in declared.__annotations__:
            return group
    return next((group for group, begins in _NAMED.items() if variable.startswith(begins)), None)


def _place(row: dict[str, Any], prefix: str) -> int:
    """Return a row's place among those of its group."""
    begins = _NAMED.get(row["group"], ())
    variable = row["variable"].removeprefix(prefix)
    places = (place for place, each in enumerate(begins) if variable.startswith(each))
    return next(places, len(begins))


def _prefix(conf: Environment) -> str:
    return type(conf).model_config.get("env_prefix") or ""


def _text(value: Any) -> str:
    return "" if value is None else str(value)
