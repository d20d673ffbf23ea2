"""Targets of sinks, by what the user writes: a URL, a directory, a file, an object."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib import import_module
from pathlib import Path

from yarl import URL

from eventfold.connectors.sink import Sink, SinkRecord
from eventfold.extras import demand
from eventfold.security.urls import masked
from eventfold.topics import BoundTopic

#: How targets are written, for messages.
FORMS = (
    "postgresql://USER@HOST/DATABASE, sqlite:///FILE, parquet:DIRECTORY, csv:FILE, https://... or "
    "python:MODULE.NAME"
)


class TargetError(ValueError):
    """A target, or an option of it, makes no sense; the message begins with the option's name."""


def check_target(target: str, table: str | None = None, *, headers: bool = False) -> None:
    """Check how a target is written, and that what it needs is installed.

    Raises TargetError, MissingExtraError.
    """
    kind = kind_of(target)
    if kind not in {*_DATABASES, *_WEBHOOKS, *_OTHERS} or not _rest(target):
        raise TargetError(f"to: {kind!r} is no target; there are {FORMS}")
    if table and kind not in _DATABASES:
        raise TargetError(f"table: {kind} has no tables")
    if headers and kind not in _WEBHOOKS:
        raise TargetError(f"headers: {kind} sends none")
    for module, extra in _NEEDED.get(kind, ()):
        demand(module, extra, f"a sink into {kind}")


def sink_into(
    target: str,
    topic: BoundTopic,
    table: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Sink:
    """Return the sink of a topic into a target that `check_target` has checked.

    Raises TargetError for an object that can't be imported.
    """
    kind = kind_of(target)
    if kind in _DATABASES:
        return _sql(target, topic, table)
    if kind in _WEBHOOKS:
        return _webhook(target, topic, headers or {})
    return _OTHERS[kind](target, topic)


def kind_of(target: str) -> str:
    """Return the kind of a target: what stands before its first colon."""
    return target.partition(":")[0].partition("+")[0]


def group_of(app_id: str, topic: BoundTopic, target: str) -> str:
    """Return the consumer group of the sinks of a topic into a target, whatever its password is."""
    return f"{app_id}-sink-{topic.name}-{sha256(masked(target).encode()).hexdigest()[:8]}"


def _sql(target: str, topic: BoundTopic, table: str | None) -> Sink:
    from eventfold.connectors.sql import SqlSink  # noqa: PLC0415  # of an extra

    return SqlSink(target, topic, table or re.sub(r"\W", "_", topic.name))


def _parquet(target: str, topic: BoundTopic) -> Sink:
    from eventfold.connectors.parquet import ParquetSink  # noqa: PLC0415  # of an extra

    return ParquetSink(Path(_rest(target)), topic)


def _csv(target: str, topic: BoundTopic) -> Sink:
    from eventfold.connectors.columns import Rows  # noqa: PLC0415  # other commands need none
    from eventfold.connectors.csv import CsvSink  # noqa: PLC0415  # the same

    rows = Rows(topic)
    names = [each.name for each in rows.columns]

    def to_row(record: SinkRecord) -> list[str]:
        cells = rows.read(record)
        return ["" if cells[name] is None else str(cells[name]) for name in names]

    return CsvSink(Path(_rest(target)), names, to_row)


def _webhook(target: str, topic: BoundTopic, headers: Mapping[str, str]) -> Sink:
    from eventfold.connectors.webhook import WebhookSink  # noqa: PLC0415  # the same

    try:
        host = URL(target).host
    except ValueError:  # its text would have the password
        host = None
    if not host:
        raise TargetError(f"to: {masked(target)} is no URL: https://HOST:PORT/PATH")
    content_type = "application/octet-stream" if topic.read else "application/json"
    return WebhookSink(target, headers, content_type)


def _python(target: str, topic: BoundTopic) -> Sink:
    """Return the sink that an object makes of the topic: a subclass of Sink, or a function."""
    name = _rest(target)
    module, _, attribute = name.rpartition(".")
    try:
        make: Callable[[BoundTopic], Sink] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise TargetError(f"to: {name} can't be imported: {error}") from error
    return make(topic)


def _rest(target: str) -> str:
    return target.partition(":")[2]


_DATABASES = ("postgresql", "sqlite")
_WEBHOOKS = ("http", "https")
_OTHERS = {"parquet": _parquet, "csv": _csv, "python": _python}

#: Modules that a kind needs, each with its extra.
_NEEDED = {
    "postgresql": [("sqlalchemy", "sql"), ("asyncpg", "postgres")],
    "sqlite": [("sqlalchemy", "sql"), ("aiosqlite", "sql")],
    "parquet": [("polars", "parquet")],
}
