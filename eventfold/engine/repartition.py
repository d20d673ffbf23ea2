"""Repartitioning: send records to a topic with another key, so that a table can group by it.

    by_visitor = repartition(app, source=VIEWS, to=VIEWS_BY_VISITOR)

A stateless operator and its agent. The records sent and the position in the source are committed in
one transaction, so each record is in the new topic exactly once. It keeps its event time; its
header `source` has its origin (`topic-partition-offset`). A reader that sees only records, such as
a table, needs both in the record: see `Origin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, get_args

import msgspec

from eventfold.engine.stateless import StatelessOperator
from eventfold.engine.table import Host
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from eventfold.engine.batch import Batch
    from eventfold.operators.processor import Sender
    from eventfold.topics import Topic


class Origin(NamedTuple):
    """Source position and times (ms) of a record that is sent.

    A table that gathers from several partitions (`TopNTable`) needs the partition and its stream
    time, to know how far the slowest partition has come.
    """

    partition: int
    offset: int
    time: int
    #: Highest event time of the partition, including this record's.
    stream_time: int


class AgentHost(Host, Protocol):
    """Application that can declare agents."""

    def agent(self, channel: Any, *, name: str) -> Callable[[Any], Any]:
        """Declare an agent."""

    def batches(self, topic: Topic) -> Any:
        """Return the channel of a topic's batches."""


def repartition(
    app: AgentHost,
    *,
    source: Topic,
    to: Topic,
    record: Callable[[Any, Origin], Any | None] | None = None,
    name: str | None = None,
    help: str = "",
) -> StatelessOperator:
    """Declare the stateless operator and the agent that send `source` to `to`, by the key of `to`.

    `record` returns the record to send for a record of `source` and its `Origin`, or None to drop
    it; without it records are sent as they are. A record becomes a dead letter if `record` raises,
    or returns a record with another event time. `name` is the operator's name, which has a
    changelog; the name of `to` if None.

    Raises DefinitionError if the records of `to` lack its key or its time.
    """
    _check_fields(to)
    time = to.time

    def send(value: Any, sender: Sender) -> None:
        made = value
        if record is not None:
            origin = Origin(sender.partition, sender.offset, sender.time, sender.stream_time)
            made = record(value, origin)
        if made is None:
            return
        if isinstance(time, str) and getattr(made, time) != sender.time:
            raise ValueError(f"its event time {sender.time} became {getattr(made, time)}")
        sender.send(made, to=to)

    step = StatelessOperator(
        app,
        name=name or to.base_name,
        source=source,
        make=send,
        outputs=[to],
        help=help or f"{source.base_name} by {to.key}",
    )

    @app.agent(app.batches(source), name=f"repartition {step.name}")
    async def send_on(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await step.fold(batch)

    return step


def _check_fields(to: Topic) -> None:
    for kind in get_args(to.value) or (to.value,):
        fields = {each.name for each in msgspec.structs.fields(kind)}
        wanted = [to.key, *([to.time] if isinstance(to.time, str) else [])]
        missing = [name for name in wanted if name not in fields]
        if missing:
            raise DefinitionError(
                f"repartition to {to.base_name}: {kind.__name__} has no field {missing[0]!r}"
            )
