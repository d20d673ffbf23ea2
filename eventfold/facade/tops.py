"""Rankings: the keys of each window with the greatest values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import defstruct

from eventfold.engine.agents import fold_by_agent
from eventfold.engine.output_topics import Output, output_topic
from eventfold.engine.top_n_table import TopNResult, TopNTable
from eventfold.engine.window_table import WindowTable
from eventfold.facade.aggregates import demand_number
from eventfold.facade.names import demand_name, shown
from eventfold.facade.result_records import class_name
from eventfold.records.fields import Integer
from eventfold.topics import Topic
from eventfold.windows import WindowResult
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventfold.engine.agents import AgentHost

#: Greatest k: a ranking is one record.
MOST = 1_000


def top(
    app: AgentHost,
    table: WindowTable,
    *,
    by: str,
    k: int = 10,
    smallest: bool = False,
    to: Output | None = None,
    name: str | None = None,
    help: str = "",
) -> TopNTable:
    """Declare a ranking: the `k` keys of each window whose results have the greatest `by`.

        busiest = app.top(pages, by="visits", k=10, to="busiest-pages")

    `by` is a field of the results of `table`, and `smallest` ranks by the least. Equal ones are
    ordered by key; results without a value are left out. The results of all partitions are sent to
    one partition of an internal topic first. A record of `to` (a topic with the key `start`, or a
    name) has `start`, `end` (ms), `rank` (a list of results), `time` and `revision`; of two for
    one window the higher revision is valid. `name` is that of the table, `top-PAGES` by default.

    Raises DefinitionError.
    """
    if not isinstance(table, WindowTable):
        raise DefinitionError(f"top: it ranks a window table, not {shown(table)}")
    own = demand_name(app, name or f"top-{table.name}")
    where = f"top {own}"
    _check(table, by, k, where)
    row, ranking = _types(table, own)
    rows = Topic(
        f"{own}-rows",
        row,
        key="key",
        purpose=f"results of {table.name}, from all partitions into one",
        partitions=1,
        identity=("start",),
        processing=("stream_time",),
        internal=True,
    )
    table.publish(rows, _row_maker(row, table.record))
    made = TopNTable(
        app,
        name=own,
        source=rows,
        group=lambda each: each.start,
        period=table.windows[0].longest,
        period_name=str,
        row=lambda each: each.row,
        row_type=table.record_type,
        record=_ranker(ranking, table, by, k, smallest=smallest),
        origin=lambda each: (each.partition, each.stream_time),
        inputs=range(table.source.partition_count()),
        retention=table.retention,
        help=help or f"The {k} {'least' if smallest else 'greatest'} {by} of {table.name}",
    )
    if to is not None:
        made.publish(_output(to, ranking, where))
    fold_by_agent(app, made)
    return made


def _check(table: WindowTable, by: str, k: int, where: str) -> None:
    if table.record_type is None:
        raise DefinitionError(f"{where}: {table.name} makes records of its own: use a TopNTable")
    follows = table.strategy.follows_data or not table.windows[0].advance
    if len(table.windows) > 1 or follows:
        windows = ", ".join(map(str, table.windows))
        raise DefinitionError(
            f"{where}: it ranks one tumbling, hopping or calendar window, and {table.name} has "
            f"{windows}"
        )
    demand_number(by, table.record_type, f"{where}: by={by!r}:")
    if type(k) is not int or not 1 <= k <= MOST:
        raise DefinitionError(f"{where}: k is a whole number from 1 to {MOST:,}, not {k!r}")


def _types(table: WindowTable, own: str) -> tuple[type[Any], type[Any]]:
    """Return the types of the rows that are gathered, and of the rankings."""
    kind = table.record_type
    row = defstruct(
        f"{class_name(own)}Row",
        [
            ("key", str),
            ("start", Integer),
            ("time", Integer),
            ("partition", Integer),
            ("stream_time", Integer),
            ("row", kind),
        ],
        frozen=True,
        gc=False,
    )
    ranking = defstruct(
        class_name(own),
        [
            ("start", Integer),
            ("end", Integer),
            ("rank", list[kind]),  # type: ignore[valid-type]
            ("time", Integer),
            ("revision", Integer),
        ],
        namespace={"__doc__": f"Ranking of the results of {table.name} in a window."},
        frozen=True,
    )
    return row, ranking


def _row_maker(
    row: type[Any], record: Callable[[WindowResult], Any]
) -> Callable[[WindowResult], Any]:
    def make(result: WindowResult) -> Any:
        made = record(result)
        return row(result.key, result.start, made.time, result.partition, result.stream_time, made)

    return make


def _ranker(
    ranking: type[Any], table: WindowTable, by: str, k: int, *, smallest: bool
) -> Callable[[TopNResult], Any]:
    sign, key_of = (1 if smallest else -1), table.source.key_fields

    def order(row: Any) -> tuple[Any, ...]:
        return (sign * getattr(row, by), *(getattr(row, each) for each in key_of))

    def rank(result: TopNResult) -> Any:
        # A retracted session has no records.
        rows = [row for row in result.rows if getattr(row, by) is not None and row.count]
        end = result.rows[0].end
        return ranking(result.start, end, sorted(rows, key=order)[:k], result.time, result.revision)

    return rank


def _output(to: Output, ranking: type[Any], where: str) -> Topic:
    topic = output_topic(to, ranking, "start", where)
    return topic if topic is to else replace(topic, partitions=1, compacted=True)
