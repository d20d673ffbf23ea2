"""Output topics that are given by their name alone."""

import re
from typing import Any, get_args, get_type_hints

from msgspec import inspect

from eventfold.records.keys import KeyFields, demand_key
from eventfold.records.shape import fields_of, members, name_of
from eventfold.topics import Topic
from eventfold.windows.errors import DefinitionError

#: An output: a topic, or the name of one for records of a type that follows from the definition.
Output = Topic | str


def output_topic(
    to: Any,
    value: Any,
    key: KeyFields,
    where: str,
    *,
    purpose: str = "",
    source: Topic | None = None,
    processing: tuple[str, ...] = (),
) -> Topic:
    """Return the topic `to`, or make one of its name, for records of type `value`.

    It has as many partitions as `source`, and its event time if the records are the same. Raises
    DefinitionError, which begins with `where`, if it is neither, or if the records lack the key.
    """
    if isinstance(to, Topic):
        return to
    if not isinstance(to, str) or not re.fullmatch(r"[A-Za-z0-9._-]+", to):
        raise DefinitionError(
            f"{where}: an output is a Topic or a name of letters, digits, -, _ and ., not {to!r}"
        )
    if value is None:
        raise DefinitionError(f"{where}: the records of {to!r} are unknown: use a Topic")
    demand_records(value, where)
    demand_key(value, key, f"topic {to!r}")
    return Topic(
        to,
        value,
        key=key,
        purpose=purpose,
        partitions=None if source is None else source.partitions,
        time=source.time if source is not None and value is source.value else "time",
        processing=processing,
    )


def demand_source(topic: Topic) -> None:
    """Raise DefinitionError unless the records of a topic have its key and its event time (ms)."""
    demand_key(topic.value, topic.key, topic.base_name)
    for kind in members(topic.value):
        time = topic.time
        if isinstance(time, str) and not isinstance(fields_of(kind).get(time), inspect.IntType):
            raise DefinitionError(
                f"{name_of(kind)} has no whole number {time!r}, the time (ms) of the events of "
                f"{topic.base_name}; or name a Timestamp"
            )


def returned_type(function: Any, where: str) -> Any:
    """Return the record type that a function is annotated to return, without None.

    Raises DefinitionError if there is none.
    """
    try:
        hint = get_type_hints(function).get("return")
    except (TypeError, NameError) as error:
        raise DefinitionError(f"{where}: its annotations can't be read: {error}") from None
    members = [each for each in get_args(hint) or (hint,) if each not in (None, type(None))]
    if len(members) != 1 or members[0] is Any:
        raise DefinitionError(
            f"{where}: annotate what {getattr(function, '__name__', 'the function')} returns "
            "(-> Alert | None), or send it to a Topic instead of a name"
        )
    return members[0]


def demand_records(value: Any, where: str) -> None:
    """Raise DefinitionError unless a type is one of records, or a union of such."""
    for each in members(value):
        try:
            fields_of(each)
        except TypeError as error:
            raise DefinitionError(f"{where}: {error}") from None
