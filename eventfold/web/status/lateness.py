"""`/api/lateness`: lateness distribution of each table, and the records that a grace would keep."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
from aiohttp import web
from faust.types import AppT

from eventfold.decoding import json_decoder
from eventfold.engine.window_table import WindowTable
from eventfold.web.application import APP, state_tables
from eventfold.web.parameters import Values
from eventfold.web.query.coverage import Coverage
from eventfold.web.query.peers import FORWARDED, ask, remote_workers
from eventfold.web.routes import json_response
from eventfold.windows import Count, grace_for, kept_with

#: Fractions of all records (0 to 1) for which the answer has the grace needed.
FRACTIONS = (0.99, 0.999, 0.9999, 1.0)

#: Ms behind stream time (upper bound) → records.
Histogram = dict[int, int]

#: Histograms of one worker: table → partition → histogram. By partition, since one that moves may
#: be open at two workers for a moment and must count once.
Part = dict[str, dict[int, Histogram]]

_decode_part = json_decoder(Part)


class KeptBy(msgspec.Struct, frozen=True):
    """The least grace (ms) that keeps this fraction (0 to 1) of the records."""

    kept: float
    grace: int


class TableLateness(msgspec.Struct, frozen=True):
    """How late the records of a table came, over all its partitions and all they remember.

    `lateness` is ms behind stream time → records, the ms rounded up by less than a sixteenth:
    `kept` (fraction, 0 to 1, with the present `grace` in ms) is no more than was really kept.
    """

    table: str
    records: int
    grace: int
    kept: float
    lateness: dict[int, int]
    graces: list[KeptBy]


async def lateness(request: web.Request, _: Values) -> web.StreamResponse:
    """Answer with the lateness of each table. Raises ApiError (503) while a partition moves."""
    app = request.app[APP]
    tables = _tables(app)
    local = {table.name: _histograms(table) for table in tables}
    if FORWARDED in request.headers:
        return json_response(local)
    coverages = [Coverage(app, table, ()) for table in tables]
    owners = (url for each in coverages for url in each.owned.values())
    replies = await ask(app, remote_workers(app, owners), request.rel_url)
    remote = (_decode_part(reply.body) for reply in replies if reply.body is not None)
    found = merge([local, *remote])
    for coverage in coverages:
        coverage.searched.update(found[coverage.table.name])
        coverage.require_all()
    return json_response([summary(t.name, t.grace, found[t.name].values()) for t in tables])


def merge(parts: Iterable[Part]) -> Part:
    """Merge the parts of all workers; for a partition in several parts the first one counts."""
    merged: Part = {}
    for part in parts:
        for table, histograms in part.items():
            merged[table] = histograms | merged.get(table, {})
    return merged


def summary(table: str, grace: int, histograms: Iterable[Mapping[int, int]]) -> TableLateness:
    """Sum a table's histograms; compute what `grace` (ms) keeps, and the grace of FRACTIONS."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        total.update(histogram)
    return TableLateness(
        table=table,
        records=total.total(),
        grace=grace,
        kept=kept_with(total, grace),
        lateness=dict(sorted(total.items())),
        graces=[KeptBy(fraction, grace_for(total, fraction)) for fraction in FRACTIONS],
    )


def _tables(app: AppT) -> list[WindowTable]:
    # Count windows follow the order of arrival, so no record is late and no lateness is measured.
    return [
        table
        for table in state_tables(app).values()
        if isinstance(table, WindowTable)
        and not any(isinstance(window, Count) for window in table.windows)
    ]


def _histograms(table: WindowTable) -> dict[int, Histogram]:
    return {state.partition: dict(state.meta.lateness) for state in table.open_states()}
