"""The application that a web server belongs to, and its tables."""

from typing import Any

from aiohttp import web
from faust.types import AppT

from eventfold.engine.table import StateTable
from eventfold.web.errors import unknown

APP: web.AppKey[AppT] = web.AppKey("APP", AppT)


def state_tables(app: AppT) -> dict[str, StateTable]:
    """Return the application's StateTables by name, without Faust's own tables."""
    tables: dict[str, Any] = dict(app.tables)
    return {name: table for name, table in tables.items() if isinstance(table, StateTable)}


def table_named(app: AppT, name: str) -> StateTable:
    """Return the table `name`. Raises ApiError (404) if there is none."""
    known = state_tables(app)
    if name not in known:
        raise unknown(f"unknown table {name!r}; there are {', '.join(known) or 'none'}")
    return known[name]


def served(
    request: web.Request, name: str, missing: str, pipeline: str, kind: type[Any] = StateTable
) -> Any:
    """Return the table `name` of type `kind`. Raises ApiError (404) with `missing`, `pipeline`."""
    table = state_tables(request.app[APP]).get(name)
    if not isinstance(table, kind):
        raise unknown(f"{missing}: the pipeline {pipeline!r} does not run")
    return table
