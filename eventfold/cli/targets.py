"""Targets of the command `sink`, by what the user writes: a URL, a directory, an object."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from yarl import URL

from eventfold.cli.command import CommandError, OptionError
from eventfold.connectors.sink import Sink, SinkRecord
from eventfold.extras import demand
from eventfold.security.urls import masked
from eventfold.topics import BoundTopic

#: How targets are written, for messages.
FORMS = (
    "postgresql://USER@HOST/DATABASE, sqlite:///FILE, parquet:DIRECTORY, csv:FILE, https://... or "
    "python:MODULE.NAME"
)


def sink_into(target: str, topic: BoundTopic, table: str | None, headers: Path | None) -> Sink:
    """Return the sink of a topic into a target, which is written as `FORMS` says.

    Raises OptionError for another target, CommandError if its extra is not installed.
    """
    kind = target.partition(":")[0].partition("+")[0]
    if kind not in {*_DATABASES, *_WEBHOOKS, *_OTHERS} or not _rest(target):
        raise OptionError(f"--to: {kind!r} is no target; there are {FORMS}")
    if table and kind not in _DATABASES:
        raise OptionError(f"--table: {kind} has no tables")
    if headers and kind not in _WEBHOOKS:
        raise OptionError(f"--headers: {kind} sends none")
    if kind in _DATABASES:
        return _sql(target, topic, table)
    if kind in _WEBHOOKS:
        return _webhook(target, topic, headers)
    return _OTHERS[kind](target, topic)


def _sql(target: str, topic: BoundTopic, table: str | None) -> Sink:
    demand("sqlalchemy", "sql", "a sink into a database", CommandError)
    if target.startswith("postgresql"):
        demand("asyncpg", "postgres", "a sink into PostgreSQL", CommandError)
    else:
        demand("aiosqlite", "sql", "a sink into SQLite", CommandError)
    from eventfold.connectors.sql import SqlSink  # noqa: PLC0415  # of an extra

    return SqlSink(target, topic, table or re.sub(r"\W", "_", topic.name))


def _parquet(target: str, topic: BoundTopic) -> Sink:
    demand("polars", "parquet", "a sink into Parquet files", CommandError)
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


def _webhook(target: str, topic: BoundTopic, headers: Path | None) -> Sink:
    from eventfold.connectors.webhook import WebhookSink  # noqa: PLC0415  # the same

    try:
        host = URL(target).host
    except ValueError:  # its text would have the password
        host = None
    if not host:
        raise OptionError(f"--to: {masked(target)} is no URL: https://HOST:PORT/PATH")
    content_type = "application/octet-stream" if topic.read else "application/json"
    return WebhookSink(target, _headers(headers) if headers else {}, content_type)


def _headers(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise OptionError(f"--headers: {path}: {error.strerror}") from error
    pairs = [line.partition(":") for line in lines if line.strip()]
    if not all(colon and name.strip() for name, colon, _ in pairs):
        raise OptionError(f"--headers: {path}: a line is not NAME: VALUE")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _python(target: str, topic: BoundTopic) -> Sink:
    """Return the sink that an object makes of the topic: a subclass of Sink, or a function."""
    name = _rest(target)
    module, _, attribute = name.rpartition(".")
    try:
        make: Callable[[BoundTopic], Sink] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise OptionError(f"--to: {name} can't be imported: {error}") from error
    return make(topic)


def _rest(target: str) -> str:
    return target.partition(":")[2]


_DATABASES = ("postgresql", "sqlite")
_WEBHOOKS = ("http", "https")
_OTHERS = {"parquet": _parquet, "csv": _csv, "python": _python}
