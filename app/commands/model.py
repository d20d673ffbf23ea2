"""`faust -A app model`: the fields of a type of record, ours or one of Faust's own."""

import json
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, cast, get_args, get_origin

from faust.cli import argument
from faust.cli.model import model as faust_model
from msgspec import NODEFAULT, structs
from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.commands._process import JSON, LongCommand
from app.commands.models import purpose, record_types

if TYPE_CHECKING:
    from app.worker import TickApp


class model(LongCommand, faust_model):  # noqa: N801 - Faust calls it what its class is called
    """Show the fields of a type of record.

    The exit code is 2 where there is none of that name: `models` lists them.
    """

    examples = (("model Tick", ""), ("model Tick --json", "for a program"))
    options = [argument("name"), JSON]  # noqa: RUF012 - as Faust declares it

    async def work(self) -> None:
        """Show it; of what is none of ours, Faust knows or says that there is none."""
        name = self.kwargs["name"]
        kind, topics = record_types(cast("TickApp", self.app)).get(name, (None, []))
        if kind is None:
            await self.run(name)
            return
        rows = [_row(field) for field in structs.fields(kind)]
        if self.json:
            self.say(json.dumps({"model": name, "topics": topics, "fields": rows}))
            return
        table = Table("field", "type", "default", box=SIMPLE_HEAD)
        for row in rows:
            table.add_row(row["field"], row["type"], "" if row["required"] else row["default"])
        self.say(f"{name}: {purpose(kind)} In {', '.join(topics)}.")
        self.console(120).print(table)


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
