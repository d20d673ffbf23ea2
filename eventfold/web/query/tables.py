"""`/api/tables`: the list of tables, and the rows of a key."""

from typing import Any

import msgspec
from aiohttp import web

from eventfold.connectors.columns import columns_of
from eventfold.engine.table import StateTable
from eventfold.engine.window_table import WindowTable
from eventfold.web.application import APP, state_tables, table_named
from eventfold.web.parameters import Values
from eventfold.web.query.answers import answer_key
from eventfold.web.query.local import collect
from eventfold.web.routes import json_response


class TableInfo(msgspec.Struct, frozen=True):
    """A table; `partitions` (open) and `ready` are those of the worker that answers.

    `columns` are the types of its records' fields, if they are known: int, float, str, bool, or
    json for objects and lists. `topics` are those that it publishes.
    """

    name: str
    help: str
    source: str
    windows: list[str]
    partitions: list[int]
    ready: bool
    columns: dict[str, str]
    topics: list[str]


async def tables(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with a TableInfo for every table of the application."""
    return json_response([_info(table) for table in state_tables(request.app[APP]).values()])


async def rows(request: web.Request, values: Values) -> web.StreamResponse:
    """Answer with the rows of a key. Raises ApiError: 404, or 503 while its partition moves."""
    name, key = values["name"], values["key"]
    table = table_named(request.app[APP], name)

    async def read() -> list[Any] | None:
        return await collect(table.each_row(key)) or None

    return await answer_key(request, table, key, read, f"key {key!r} in table {name}")


def _info(table: StateTable) -> TableInfo:
    return TableInfo(
        name=table.name,
        help=table.help,
        source=table.source.name,
        windows=[str(w) for w in table.windows] if isinstance(table, WindowTable) else [],
        partitions=sorted(table.partitions),
        ready=table.ready,
        columns=_columns(table),
        topics=[each.base_name for each in table.topics if each is not table.late_topic],
    )


def _columns(table: StateTable) -> dict[str, str]:
    kind = table.record_type if isinstance(table, WindowTable) else None
    if kind is None:
        published = (topic.value for topic, record in table.publications if record == table.record)
        kind = next(published, None)
    try:
        found = list(columns_of(kind))
    except TypeError:  # the type is unknown, or no record
        return {}
    return {each.name: "json" if each.is_json else each.kind.__name__ for each in found}
