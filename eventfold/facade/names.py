"""Names, topics and functions of a definition, checked as the definition is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from eventfold.engine.output_topics import (
    Output,
    demand_records,
    demand_source,
    output_topic,
    returned_type,
)
from eventfold.engine.table import StateTable
from eventfold.records.keys import KeyFields
from eventfold.topics import Topic
from eventfold.windows.errors import DefinitionError

if TYPE_CHECKING:
    from eventfold.engine.agents import AgentHost

#: A source of a stream: a topic, or a table or operator that writes one topic.
Source = Topic | StateTable

#: Longest name of a table, which is a part of topic names (249 characters at most).
MOST = 100


def demand_name(app: AgentHost, name: Any) -> str:
    """Return the name of a table. Raises DefinitionError if it can't be one, or is taken."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise DefinitionError(
            f"{name!r} can't be the name of a table: use letters, digits, -, _ and ."
        )
    if len(name) > MOST:
        raise DefinitionError(f"the name {name[:20]!r}... is longer than {MOST} characters")
    if name in app.tables:
        raise DefinitionError(f"there is a table {name!r} already: choose another name")
    return name


def topic_of(source: Any, where: str) -> Topic:
    """Return the topic of a source. Raises DefinitionError if it is none, or has several."""
    if isinstance(source, Topic):
        demand_records(source.value, where)
        try:
            demand_source(source)
        except DefinitionError as error:
            raise DefinitionError(f"{where}: {error}") from None
        return source
    if not isinstance(source, StateTable):
        raise DefinitionError(
            f"{where}: the source is a Topic or a table, not {shown(source)}: "
            'Topic("visits", Visit, key="page")'
        )
    topics = [each for each in source.topics if each is not source.late_topic]
    if len(topics) != 1:
        names = ", ".join(each.base_name for each in topics) or "none"
        raise DefinitionError(
            f"{where}: the source {source.name} writes {len(topics)} topics ({names}): "
            f"{'name one of them' if topics else 'publish it first'}"
        )
    return topic_of(topics[0], where)


def demand_function(function: Any, where: str) -> None:
    """Raise DefinitionError unless something can be called."""
    if not callable(function):
        raise DefinitionError(f"{where}: {shown(function)} is no function")


def name_of_function(function: Any) -> str:
    """Return the name of an operator whose function has no other: `_` becomes `-`."""
    return getattr(function, "__name__", type(function).__name__).strip("_").replace("_", "-")


def help_of(function: Any, source: Topic) -> str:
    """Return the description of an operator: the first line of its function's docstring."""
    text = (getattr(function, "__doc__", None) or "").strip()
    return (
        text.splitlines()[0].rstrip(".")
        if text
        else f"{name_of_function(function)} of {source.base_name}"
    )


def made_topic(
    to: Output, function: Callable[..., Any], source: Topic, key: KeyFields | None, where: str
) -> Topic:
    """Return the topic `to` of the records that a function makes; its key is the source's."""
    if isinstance(to, Topic):
        return output_topic(to, None, source.key, where)
    return output_topic(
        to, returned_type(function, where), source.key if key is None else key, where
    )


def outputs_of(given: Any, source: Topic, where: str) -> list[Topic]:
    """Return the topics of a list of outputs; a name is one of the source's records and key."""
    if isinstance(given, str | Topic) or not isinstance(given, Iterable):
        raise DefinitionError(f"{where}: outputs are a list of topics, not {shown(given)}")
    return [output_topic(each, source.value, source.key, where, source=source) for each in given]


def choice(given: Any, known: Iterable[str], what: str, where: str) -> None:
    """Raise DefinitionError unless `given` is one of the known words."""
    words = list(known)
    if given in words:
        return
    nearest = get_close_matches(str(given), words, n=1)
    hint = f": did you mean {nearest[0]!r}?" if nearest else f": it is one of {', '.join(words)}"
    raise DefinitionError(f"{where}: there is no {what} {given!r}{hint}")


def shown(value: Any) -> str:
    """Return a value for a message."""
    if isinstance(value, Topic):
        return f"the topic {value.base_name}"
    return f"the class {value.__name__}" if isinstance(value, type) else repr(value)
