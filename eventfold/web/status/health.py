"""`/healthz`, `/readyz`: liveness and readiness probes of an orchestrator."""

from http import HTTPStatus

import msgspec
from aiohttp import web
from faust.types import AppT

from eventfold.engine.progress import Progress
from eventfold.engine.table import StateTable
from eventfold.web.application import APP, state_tables
from eventfold.web.errors import RETRY_AFTER
from eventfold.web.parameters import Values
from eventfold.web.query.peers import distribution
from eventfold.web.routes import json_response


class Alive(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether the worker makes progress; `troubles` are the reasons why not."""

    alive: bool
    troubles: list[str] = []


class Restoring(msgspec.Struct, frozen=True):
    """A restore under way; `seconds_left` is null until something was read."""

    partition: int
    rows: int
    rows_per_second: int
    percent: float
    seconds_left: float | None


class TableReadiness(msgspec.Struct, frozen=True):
    """A table here: open partitions, those awaited, and those followed for others."""

    ready: bool
    open: list[int]
    missing: list[int]
    restoring: list[Restoring]
    standby: list[int]


class Readiness(msgspec.Struct, frozen=True):
    """Whether this worker can answer and process; `missing` describes what it waits for."""

    ready: bool
    missing: list[str]
    tables: dict[str, TableReadiness]


async def alive(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer 200, or 503 if something makes no progress and a restart would help."""
    progress = getattr(request.app[APP], "progress", None)
    troubles = sorted(progress.troubles()) if progress else []
    if not troubles:
        return json_response(Alive(alive=True))
    return json_response(Alive(alive=False, troubles=troubles), HTTPStatus.SERVICE_UNAVAILABLE)


async def ready(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer 200 if everything assigned to this worker is restored and runs, else 503."""
    state = readiness(request.app[APP])
    if state.ready:
        return json_response(state)
    response = json_response(state, HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def readiness(app: AppT) -> Readiness:
    """Return the readiness of this worker, with what it still waits for."""
    assigned = {(tp.topic, tp.partition) for tp in app.assignor.assigned_actives()}
    tables = {name: _table(table, assigned) for name, table in state_tables(app).items()}
    missing = [_describe_missing(name, table) for name, table in tables.items() if not table.ready]
    if not distribution(app):
        missing.insert(0, "no partition has been assigned yet")
    elif app.rebalancing:
        missing.insert(0, "the partitions are being reassigned")
    return Readiness(ready=not missing, missing=missing, tables=tables)


def _table(table: StateTable, assigned: set[tuple[str, int]]) -> TableReadiness:
    wanted = {partition for topic, partition in assigned if topic == table.source.name}
    missing = sorted(wanted.difference(table.partitions))
    return TableReadiness(
        ready=table.ready and not missing,
        open=sorted(table.partitions),
        missing=missing,
        restoring=[_restoring(progress) for progress in table.restoring],
        standby=table.standby,
    )


def _restoring(progress: Progress) -> Restoring:
    left = progress.seconds_left
    return Restoring(
        partition=progress.partition,
        rows=progress.rows,
        rows_per_second=round(progress.rows_per_second),
        percent=round(progress.percent, 1),
        seconds_left=None if left is None else round(left, 1),
    )


def _describe_missing(name: str, table: TableReadiness) -> str:
    if not table.missing:
        return f"table {name} is not ready yet"
    words = f"table {name}: partition {', '.join(map(str, table.missing))} is not restored yet"
    under_way = [f"{each.partition}: {each.percent:.0f} %" for each in table.restoring]
    return f"{words} ({', '.join(under_way)})" if under_way else words
