"""Client: results of tables as data frames, and as they change."""

import os
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, overload
from urllib.parse import quote

import httpx2
import msgspec
import polars as pl

from eventfold.client.asking import ClientError, UnknownError, Workers
from eventfold.client.frames import Form, formed, frame
from eventfold.client.watching import Watch
from eventfold.decoding import decode_json
from eventfold.windows.durations import parse_duration, parse_time
from eventfold.windows.errors import DefinitionError

#: Address of a worker on this machine.
DEFAULT_URL = "http://127.0.0.1:6066"

#: Most windows of a page.
PAGE = 5_000

#: A time: ms since the epoch, a datetime or a date (UTC without a zone), ISO 8601, or how long ago
#: it is, as `"1h"` or a timedelta.
Moment = int | str | date | timedelta

#: A key: a text, a number, or several where it has several fields.
Key = str | float | tuple[str | float, ...]


class Table(msgspec.Struct, frozen=True):
    """A table of an application: its window definitions, and the topics that it publishes."""

    name: str
    help: str
    windows: list[str]
    #: Types of the columns, where they are known: int, float, str, bool or json.
    columns: dict[str, str] = {}
    topics: list[str] = []


class _Result(msgspec.Struct):
    start: int
    record: dict[str, Any]


class _Page(msgspec.Struct):
    windows: list[dict[str, Any]]
    next: str | None


class Client:
    """Client of the workers of an application.

        client = Client("http://127.0.0.1:6066")
        client.read("candles", "ACME", since="1h", window="5m")

    `url` is the address of any worker, or of several (a list, or separated by commas), of which one
    that answers is asked. Without it EVENTFOLD_URL is read, without `token` EVENTFOLD_WEB_TOKEN.
    `timeout` are the seconds to go on asking while partitions move.
    """

    def __init__(
        self,
        url: str | Iterable[str] | None = None,
        *,
        token: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        url = url or os.environ.get("EVENTFOLD_URL") or DEFAULT_URL
        self._workers = Workers(url, token or os.environ.get("EVENTFOLD_WEB_TOKEN"), timeout)

    def tables(self) -> dict[str, Table]:
        """Return the tables by their names. Raises ClientError."""
        with self._connected() as http:
            return self._tables(http)

    @overload
    def read(
        self,
        table: str,
        key: Key | None = ...,
        since: Moment | None = ...,
        until: Moment | None = ...,
        *,
        window: str | None = ...,
    ) -> pl.DataFrame: ...

    @overload
    def read(
        self,
        table: str,
        key: Key | None = ...,
        since: Moment | None = ...,
        until: Moment | None = ...,
        *,
        window: str | None = ...,
        as_: Form,
    ) -> Any: ...

    def read(
        self,
        table: str,
        key: Key | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        *,
        window: str | None = None,
        as_: Form = "polars",
    ) -> Any:
        """Return the windows of a key, or of all keys, that start in [since, until), as a frame.

            candles = client.read("candles", "ACME", since="1h", window="5m")

        Rows are in order of time for one key, of key and time for all; a row has the fields of
        the table's records, `start`, `end` and `time` are datetimes in UTC. `window` is by default
        the first of the table's definitions. `as_` is `polars`, `arrow` or `pandas`. A key without
        windows has no rows. Windows that change meanwhile are there once, as they are when their
        page is read.

        Raises ClientError for an unknown table or window, or if no worker answers.
        """
        with self._connected() as http:
            known = self._table(http, table)
            query = {
                "window": window or known.windows[0],
                "limit": PAGE,
                "from": _moment(since, "since"),
                "to": _moment(until, "until"),
            }
            query = {name: value for name, value in query.items() if value is not None}
            if key is None:
                rows = self._all(http, table, query)
            else:
                rows = self._of_key(http, table, key, query)
        return formed(frame(rows, known.columns), as_)

    def watch(
        self,
        name: str,
        keys: Key | Iterable[Key] | None = None,
        *,
        window: str | None = None,
    ) -> Watch:
        """Return the updates of a table, or of a topic, from now on: see `Watch`.

            for update in client.watch("candles", keys=["ACME"], window="5m"):
                ...

        `keys` and `window` choose a part of them. Raises ClientError if no worker answers.
        """
        known = self.tables().get(name)
        topics = known.topics if known and known.topics else [name]
        chosen = [None] if keys is None else [keys] if isinstance(keys, _KEYS) else list(keys)
        parts = ",".join(_watch(topic, key, window) for topic in topics for key in chosen)
        return Watch(self._workers, {"watch": parts})

    def _connected(self) -> httpx2.Client:
        return httpx2.Client(**self._workers.options)

    def _tables(self, http: httpx2.Client) -> dict[str, Table]:
        return {table.name: table for table in self._get(http, "api/tables", list[Table])}

    def _table(self, http: httpx2.Client, name: str) -> Table:
        tables = self._tables(http)
        found = tables.get(name)
        if found is not None and found.windows:
            return found
        names = ", ".join(name for name, each in tables.items() if each.windows) or "none"
        what = "unknown table" if found is None else "no windows in table"
        raise ClientError(f"{what} {name!r}; there are windows in {names}")

    def _all(self, http: httpx2.Client, table: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"api/windows/{quote(table, safe='')}"
        rows: list[dict[str, Any]] = []
        while True:
            page = self._get(http, path, _Page, query)
            rows += page.windows
            if page.next is None:
                return rows
            query = query | {"after": page.next}

    def _of_key(
        self, http: httpx2.Client, table: str, key: Key, query: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the windows of a key: the newest page first, each page before the last one."""
        path = f"api/results/{quote(table, safe='')}/{_key_segment(key)}"
        pages: list[list[dict[str, Any]]] = []
        while True:
            try:
                page = self._get(http, path, list[_Result], query)
            except UnknownError:
                page = []
            full = len(page) == PAGE
            oldest = page[0].start if full else None
            # The windows that start with the oldest one may be on the next page, too.
            kept = [each for each in page if each.start != oldest]
            if full and not kept:
                raise ClientError(f"{PAGE:,} windows of {key!r} or more start at {oldest}")
            pages.append([each.record for each in kept])
            if oldest is None:
                return [record for page in reversed(pages) for record in page]
            query = query | {"to": oldest + 1}

    def _get(
        self, http: httpx2.Client, path: str, kind: Any, query: dict[str, Any] | None = None
    ) -> Any:
        body = self._workers.get(http, path, query or {})
        try:
            return decode_json(body, kind)
        except msgspec.MsgspecError:
            raise ClientError(f"what answers at {self._workers.url} is no worker") from None


_KEYS = (str, int, float, tuple)


def _key_segment(key: Key) -> str:
    """Return a key as a part of a path, or of what is watched."""
    if not isinstance(key, str):
        # Only such keys need it, and it takes longer to load than this package.
        from eventfold.records.keys import key_text  # noqa: PLC0415

        key = key_text(key)
    return quote(key, safe="")


def _watch(topic: str, key: Key | None, window: str | None) -> str:
    parts = [topic, "" if key is None else _key_segment(key), window or ""]
    return ":".join(parts).rstrip(":")


def _moment(moment: Moment | None, name: str) -> int | None:
    """Return a time as ms since the epoch."""
    if moment is None or isinstance(moment, int):
        return moment
    if isinstance(moment, timedelta):
        return int((time.time() - moment.total_seconds()) * 1000)
    if isinstance(moment, str):
        return _parse(moment, name)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  # below
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _parse(text: str, name: str) -> int:
    try:
        return int(time.time() * 1000) - parse_duration(text)
    except DefinitionError:
        pass
    try:
        return parse_time(text)
    except ValueError:
        raise ClientError(
            f"{name}: {text!r} is neither a duration such as 1h nor a time such as "
            "2026-01-31T14:30:00Z"
        ) from None


def read(
    table: str,
    key: Key | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    *,
    window: str | None = None,
    as_: Form = "polars",
) -> Any:
    """Return what `Client().read` does: from the worker at EVENTFOLD_URL, or of this machine."""
    return Client().read(table, key, since, until, window=window, as_=as_)


def watch(
    name: str, keys: Key | Iterable[Key] | None = None, *, window: str | None = None
) -> Watch:
    """Return what `Client().watch` does: from the worker at EVENTFOLD_URL, or of this machine."""
    return Client().watch(name, keys, window=window)
