"""Results of both sides in an SQLite file: those of a day may not fit into memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from eventfold.replay.entries import Entry

Side = Literal["live", "replayed"]

_TABLE = """
create table result (
    topic text, key text, identity text, side text, number integer,
    revision integer, value blob, start integer, end integer, partition integer, sources text,
    primary key (topic, key, identity, side, number)
) without rowid
"""

_PUT = """
insert into result values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
on conflict do update set revision = excluded.revision, value = excluded.value,
    start = excluded.start, end = excluded.end, partition = excluded.partition,
    sources = excluded.sources
where excluded.revision >= result.revision
"""


class Found(NamedTuple):
    """Value of a result, with its span (ms), partition and source."""

    value: bytes
    start: int | None
    end: int | None
    partition: int | None
    #: Coordinates from its `source` header, joined by commas.
    sources: str


class Pair(NamedTuple):
    """Results of both sides with the same identity; in a log there may be several on each side."""

    topic: str
    key: str
    identity: str
    live: list[Found]
    replayed: list[Found]


class Results:
    """Store of the results of both sides."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        for statement in "pragma journal_mode = off", "pragma synchronous = off", _TABLE:
            self._database.execute(statement)
        self._number = 0

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def put(self, side: Side, entries: Iterable[Entry], *, log: bool) -> None:
        """Add entries: each one of a log, else the highest revision of each identity."""
        rows = [self._row(side, entry, log=log) for entry in entries]
        self._database.execute("begin")
        self._database.executemany(_PUT, rows)
        self._database.execute("commit")

    def _row(self, side: Side, entry: Entry, *, log: bool) -> tuple[object, ...]:
        self._number += log
        sources = ",".join("-".join(map(str, each)) for each in entry.sources)
        return (
            entry.topic,
            entry.key,
            entry.identity,
            side,
            self._number if log else 0,
            entry.revision,
            entry.value,
            entry.start,
            entry.end,
            entry.partition,
            sources,
        )

    def firsts(self, topic: str) -> dict[str, int]:
        """Return the start (ms) of each key's first window."""
        rows = self._database.execute(
            "select key, min(start) from result where topic = ? group by key", [topic]
        )
        return dict(rows)

    def pairs(self) -> Iterator[Pair]:
        """Yield the results in pairs, ordered by topic, key and identity."""
        rows = self._database.execute(
            "select topic, key, identity, side, value, start, end, partition, sources from result "
            "where value is not null order by topic, key, identity, side, number"
        )
        for (topic, key, identity), group in groupby(rows, key=lambda row: row[:3]):
            sides: dict[str, list[Found]] = {"live": [], "replayed": []}
            for _, _, _, side, *found in group:
                sides[side].append(Found(*found))
            yield Pair(topic, key, identity, sides["live"], sides["replayed"])
