"""`faust -A app model`: the fields of a type of record, ours or one of Faust's own."""

import json
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from faust.cli import argument
from faust.cli.model import model as faust_model
from msgspec import NODEFAULT, structs

from eventfold.cli.command import JSON, LongCommand
from eventfold.cli.commands.models import purpose, record_types


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
        rows = _rows(kind)
        if self.json:
            self.say(json.dumps({"model": name, "topics": topics, "fields": rows}))
            return
        self.say(f"{name}: {purpose(kind)} In {', '.join(topics)}.")
        shown = ((row["field"], row["type"], row["default"]) for row in rows)
        self.console(120).print_table(("field", "type", "default"), shown)


def _type(kind: Any) -> str:
    """Return a type as it is written, without what its values are bound by."""
    if get_origin(kind) is Annotated:
        return _type(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(map(_type, get_args(kind)))
    return "None" if kind is NoneType else getattr(kind, "__name__", str(kind))


def _rows(kind: Any) -> list[dict[str, Any]]:
    if not is_dataclass(kind):
        return [_row(field) for field in structs.fields(kind)]
    types = get_type_hints(kind)
    return [
        {
            "field": each.name,
            "type": _type(types[each.name]),
            "required": each.default is each.default_factory is MISSING,
            "default": "" if each.default is MISSING else repr(each.default),
        }
        for each in fields(kind)
    ]


def _row(field: structs.FieldInfo) -> dict[str, Any]:
    return {
        "field": field.encode_name,
        "type": _type(field.type),
        "required": field.required,
        "default": "" if field.default is NODEFAULT else repr(field.default),
    }
