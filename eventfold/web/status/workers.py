"""`/api/workers`, `/api/topology`: the state of each worker, and the graph of what runs."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from aiohttp import web
from faust.types import AppT
from prometheus_client.metrics import MetricWrapperBase

from eventfold.decoding import json_decoder
from eventfold.engine import metrics
from eventfold.engine.table import StateTable
from eventfold.topology import topology as topology_of
from eventfold.web.application import APP, state_tables
from eventfold.web.live.stream import HUB
from eventfold.web.parameters import Values
from eventfold.web.query.peers import FORWARDED, Reply, ask, own_url, remote_workers
from eventfold.web.routes import json_response
from eventfold.web.status.health import TableReadiness, readiness

#: Topic or table → partition → value.
ByPartition = dict[str, dict[int, int]]


class Counts(msgspec.Struct, frozen=True):
    """Records a table has counted since its worker started; two samples give a rate."""

    folded: int = 0
    late: int = 0
    published: int = 0


class WorkerState(msgspec.Struct, frozen=True):
    """A worker as it sees itself; of one that doesn't `answer`, nothing but the `reason`.

    `partitions` are those of each source topic that are open there, `lag` the records of each that
    were not fetched yet (as far as it is known), `position` the next offset to fold, `standby_lag`
    the offsets of a changelog that a standby has not read yet, `dead_letters` are counted by
    source topic, `readers` are those of `/api/events`, `member` is its id in the consumer group.
    """

    worker: str
    answers: bool
    reason: str | None = None
    ready: bool = False
    waits_for: list[str] = []
    tables: dict[str, TableReadiness] = {}
    partitions: dict[str, list[int]] = {}
    lag: ByPartition = {}
    position: ByPartition = {}
    standby_lag: ByPartition = {}
    counts: dict[str, Counts] = {}
    dead_letters: dict[str, int] = {}
    readers: int = 0
    member: str = ""


_decode = json_decoder(WorkerState)


async def workers(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with this worker and every other that has partitions, in order of address."""
    app = request.app[APP]
    own = _state(app, request.app[HUB].readers)
    if FORWARDED in request.headers:
        return json_response(own)
    replies = await ask(app, remote_workers(app), request.rel_url)
    states = [own, *map(_state_in, replies)]
    return json_response(sorted(states, key=lambda each: each.worker))


async def topology(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the graph of topics, agents and tables."""
    # Faust's type has no attribute for our tasks.
    app: Any = request.app[APP]
    return json_response(topology_of(app))


def _state_in(reply: Reply) -> WorkerState:
    if reply.body is not None:
        return _decode(reply.body)
    reason = reply.failure or "it does not answer this request"
    return WorkerState(reply.worker, answers=False, reason=reason)


def _state(app: AppT, readers: int) -> WorkerState:
    state, tables = readiness(app), state_tables(app)
    return WorkerState(
        worker=own_url(app),
        answers=True,
        ready=state.ready,
        waits_for=state.missing,
        tables=state.tables,
        partitions=_partitions(tables.values()),
        lag=_by_partition(metrics.lag),
        position=_by_partition(metrics.position),
        standby_lag=_by_partition(metrics.standby_lag),
        counts=_counts(tables),
        dead_letters=_sums(metrics.dead_letters, "topic"),
        readers=readers,
        member=_member(app),
    )


def _member(app: AppT) -> str:
    progress = getattr(app, "progress", None)
    return progress.member_id if progress else ""


def _partitions(tables: Iterable[StateTable]) -> dict[str, list[int]]:
    found: dict[str, set[int]] = {}
    for table in tables:
        found.setdefault(table.source.name, set()).update(table.partitions)
    return {topic: sorted(partitions) for topic, partitions in found.items() if partitions}


def _counts(tables: Iterable[str]) -> dict[str, Counts]:
    folded, late, published = (
        _sums(metric, "table") for metric in (metrics.records, metrics.late, metrics.published)
    )
    return {
        name: Counts(folded.get(name, 0), late.get(name, 0), published.get(name, 0))
        for name in tables
    }


def _by_partition(gauge: MetricWrapperBase) -> ByPartition:
    found: ByPartition = {}
    for labels, value in _samples(gauge):
        name = labels.get("topic") or labels.get("table", "")
        found.setdefault(name, {})[int(labels["partition"])] = value
    return found


def _sums(counter: MetricWrapperBase, label: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for labels, value in _samples(counter):
        found[labels[label]] = found.get(labels[label], 0) + value
    return found


def _samples(metric: MetricWrapperBase) -> Iterator[tuple[dict[str, str], int]]:
    for family in metric.collect():
        for sample in family.samples:
            yield sample.labels, int(sample.value)
