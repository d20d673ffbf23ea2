"""Sinks that the workers of an application run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from eventfold.connectors.sink import Sink
from eventfold.connectors.targets import TargetError, check_target, group_of, sink_into
from eventfold.engine.agents import AgentHost
from eventfold.engine.table import StateTable
from eventfold.extras import MissingExtraError
from eventfold.facade.names import Source, shown
from eventfold.security.urls import masked
from eventfold.topics import BoundTopic, Topic
from eventfold.windows.errors import DefinitionError

#: Most records of a write in a worker, whose event loop folds as well.
MOST_RECORDS = 10_000

#: What a sink writes to: a target as text, a sink, or what makes a sink of a topic.
Target = str | Sink | Callable[[BoundTopic], Sink]


@dataclass(frozen=True)
class DeclaredSink:
    """Sink of a topic that each worker runs, as a member of the consumer group `group`."""

    topic: BoundTopic
    #: The target as text, without its password.
    target: str
    group: str
    batch: int
    make: Callable[[], Sink]


class SinkHost(AgentHost, Protocol):
    """Application that can declare sinks."""

    @property
    def declared_sinks(self) -> list[DeclaredSink]:
        """The sinks that its workers run."""


def sink(
    app: SinkHost,
    source: Source,
    to: Target,
    *,
    table: str | None = None,
    headers: Mapping[str, str] | None = None,
    batch: int = MOST_RECORDS,
    group: str | None = None,
) -> None:
    """Declare a sink: each worker writes records of `source` to a target, each once.

        app.sink(pages, "postgresql://me@db/site")

    `source` is a topic, or a table that publishes one. `to` is a target as `faust -A app sink`
    takes it, such as `sqlite:///results.db` or `parquet:/data/pages`; a `Sink` of your own; or a
    class or function that makes one of the topic (`BoundTopic`). `table` is the table in a
    database, the topic's name by default, `headers` those of a webhook, `batch` the most records
    of a write. `group` is the consumer group, by default that of the command with this target.

    The workers share the partitions. A sink that fails is started again with longer and longer
    waits, up to half a minute; folding goes on. Raises DefinitionError.
    """
    conf = app.tasks.conf
    topic = _topic_of(source).of(conf)
    where = f"sink of {topic.base_name}"
    text = _text_of(to, where)
    if not isinstance(to, str) and (table or headers):
        raise DefinitionError(f"{where}: table and headers are options of a target as text")
    try:
        if isinstance(to, str):
            check_target(text, table, headers=bool(headers))
    except (TargetError, MissingExtraError) as error:
        raise DefinitionError(f"{where}: {error}") from None

    def make() -> Sink:
        if isinstance(to, str):
            return sink_into(text, topic, table, headers)
        return to if isinstance(to, Sink) else to(topic)

    declared = DeclaredSink(
        topic, masked(text), group or group_of(conf.app_id, topic, text), batch, make
    )
    if declared.group in {each.group for each in app.declared_sinks}:
        raise DefinitionError(f"{where}: there is a sink into {declared.target} already")
    app.declared_sinks.append(declared)


def _topic_of(source: Any) -> Topic:
    if isinstance(source, Topic):
        return source
    if not isinstance(source, StateTable):
        raise DefinitionError(f"sink: the source is a topic or a table, not {shown(source)}")
    topics = [each for each in source.topics if each is not source.late_topic]
    if not topics:
        raise DefinitionError(f"{source.name} has no output: publish it first")
    if len(topics) > 1:
        names = ", ".join(each.base_name for each in topics)
        raise DefinitionError(f"{source.name} writes {names}: name one of these topics")
    return topics[0]


def _text_of(to: Any, where: str) -> str:
    """Return a target as text; an object as the command names it."""
    if isinstance(to, str):
        return to
    made = type(to) if isinstance(to, Sink) else to
    if not callable(made):
        raise DefinitionError(f"{where}: {shown(to)} is no target, no Sink and makes none")
    return f"python:{made.__module__}.{made.__qualname__}"
