"""Repartitioning: records go to a topic with another key, so that what belongs together meets.

    by_visitor = repartition(app, source=VIEWS, to=VIEWS_BY_VISITOR)

A `Step` and its agent: what was sent and how far the source was read move in one transaction, so
each record is in the new topic once. It keeps its event time, and in the header `source` where it
came from (`topic-partition-offset`). A reader that has only records, such as a table, gets both
from the record: see `Origin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, get_args

import msgspec

from eventfold.engine.step import Step
from eventfold.engine.table import Host
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable

    from eventfold.engine.batch import Batch
    from eventfold.operators.processor import Sender
    from eventfold.topics import Topic


class Origin(NamedTuple):
    """Where a record came from; times in ms.

    What gathers from several partitions (a GroupTable) needs the partition and its stream time,
    to know how far the slowest has come.
    """

    partition: int
    offset: int
    time: int
    #: Highest event time of the partition, this record's included.
    stream_time: int


class AgentHost(Host, Protocol):
    """What is needed of the application: it has agents."""

    def agent(self, channel: Any, *, name: str) -> Callable[[Any], Any]:
        """Declare an agent."""

    def batches(self, topic: Topic) -> Any:
        """Give the channel of a topic's batches."""


def repartition(
    app: AgentHost,
    *,
    source: Topic,
    to: Topic,
    record: Callable[[Any, Origin], Any | None] | None = None,
    name: str | None = None,
    help: str = "",
) -> Step:
    """Declare the step and the agent that send the records of `source` to `to`, by its key.

    `record` makes of each the one that is sent, or None to leave it out; without it they are sent
    as they are. Its event time has to be that of the record it is made of: one that has another
    is a dead letter, as is one of which `record` raises. `name` is that of the step, of which
    there is a changelog; the topic's if None.

    Raises DefinitionError where the records of `to` lack its key or its time.
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

    step = Step(
        app,
        name=name or to.base_name,
        source=source,
        make=send,
        outputs=[to],
        help=help or f"{source.name} by {to.key}",
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
                f"repartition to {to.name}: {kind.__name__} has no field {missing[0]!r}"
            )
