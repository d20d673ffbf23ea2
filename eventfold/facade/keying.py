"""Grouping by another key: the records are sent to an internal topic first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventfold.engine.repartition import repartition
from eventfold.records.keys import KeyFields, demand_key, key_fields
from eventfold.records.shape import name_of
from eventfold.topics import Topic
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.engine.agents import AgentHost


def by_key(app: AgentHost, source: Topic, key: KeyFields, table: str) -> Topic:
    """Return a topic of the records of `source` by `key`: `source` itself if that is its key.

    Raises DefinitionError if the records lack the fields.
    """
    demand_key(source.value, key, f"table {table}")
    if key in (source.key, source.key_fields):
        return source
    if not isinstance(source.time, str):
        raise DefinitionError(
            f"table {table}: records are sent on to be grouped by {key!r}, so their event time has "
            f"to be a field of {name_of(source.value)}: name it by time= of topic "
            f"{source.base_name!r}"
        )
    to = Topic(
        f"{table}-by-{'-'.join(key_fields(key))}",
        source.value,
        key=key,
        partitions=source.partitions,
        time=source.time,
        retention=source.retention,
        read=source.read,
        write=source.write,
        internal=True,
    )
    repartition(app, source=source, to=to)
    return to
