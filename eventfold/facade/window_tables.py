"""Window tables by keyword: aggregates become the fields of a generated record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from eventfold.aggregates import Aggregate
from eventfold.engine.agents import fold_by_agent
from eventfold.engine.window_table import WindowTable
from eventfold.engine.windowing_strategy import Windows
from eventfold.facade.keying import by_key
from eventfold.facade.names import Source, demand_name, topic_of
from eventfold.facade.result_records import results_of
from eventfold.facade.sinks import MOST_RECORDS, Target, sink
from eventfold.records.keys import KeyFields
from eventfold.windows import EmitStrategy, WindowResult
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.engine.agents import AgentHost
    from eventfold.facade.sinks import SinkHost


class AppWindowTable(WindowTable):
    """Window table of an `App`."""

    abstract = True

    def sink(
        self,
        to: Target,
        *,
        table: str | None = None,
        headers: Mapping[str, str] | None = None,
        batch: int = MOST_RECORDS,
        group: str | None = None,
    ) -> None:
        """Write what this table publishes to a target, in each worker: see `App.sink`.

        pages.publish("page-times")
        pages.sink("sqlite:///results.db")
        """
        host = cast("SinkHost", self.app)
        sink(host, self, to, table=table, headers=headers, batch=batch, group=group)


def window_table(
    app: AgentHost,
    name: str,
    source: Source,
    windows: Windows | Iterable[Windows],
    /,
    *aggregates: Aggregate[Any, Any],
    grace: int | str = 0,
    retention: int | str = "1d",
    key: KeyFields | None = None,
    emit: EmitStrategy | None = None,
    record: Callable[[WindowResult], Any] | None = None,
    uses_previous_window: bool = False,
    help: str = "",
    agent: bool = True,
    **fields: Aggregate[Any, Any],
) -> AppWindowTable:
    """Declare a table of windows by key, and the agent that folds its source into it.

        pages = app.window_table(
            "pages", visits, ef.hopping("5m", "1m"), grace="1m", retention="1d",
            visits=ef.count(), longest=ef.max("seconds"),
        )
        pages.publish("page-times")

    Each keyword is an aggregate, and a field of the result record. An aggregate of several values
    (`ohlc()`) may stand alone: its values are fields of their own then. A result has the fields of
    the key, `start`, `end` (ms, exclusive), `size`, `advance` (ms), the aggregates, and `count`,
    `late`, `revision`, `final`, `time`. `time` (ms) is the event time for a stream that is made of
    the results: stream time, but at most the last millisecond of the window. With
    `record`, which makes the records of one aggregate's results, no record is generated.

    `source` is a topic, or a table that writes one. `key` groups by other fields of its records
    than its own key: they are sent to an internal topic first. Other arguments are those of
    `WindowTable`. Without `agent`, the application folds the batches of the source itself.

    Raises DefinitionError for a definition that can't be right.
    """
    demand_name(app, name)
    where = f"table {name}"
    topic = topic_of(source, where)
    if key is not None:
        topic = by_key(app, topic, key, name)
    purpose = help or f"Windows of {topic.base_name} by {' and '.join(topic.key_fields)}"
    if record is None:
        aggregate, kind, record = results_of(name, topic, aggregates, fields, purpose)
    elif len(aggregates) == 1 and not fields:
        aggregate, kind = aggregates[0], None
    else:
        raise DefinitionError(f"{where}: record= makes the results of exactly one aggregate")
    table = AppWindowTable(
        app,
        name=name,
        source=topic,
        windows=windows,
        aggregate=aggregate,
        record=record,
        grace=grace,
        retention=retention,
        help=purpose,
        emit=emit,
        uses_previous_window=uses_previous_window,
        record_type=kind,
    )
    if agent:
        fold_by_agent(app, table)
    return table
