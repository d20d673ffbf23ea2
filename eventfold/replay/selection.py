"""Selection of the tables that are replayed, the order of their sources, and how far to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventfold.engine.window_table import WindowTable
from eventfold.windows import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eventfold.engine.table import StateTable
    from eventfold.harness.worker import Application
    from eventfold.topics import BoundTopic


class ReplayError(Exception):
    """Error of a replay that is impossible; the message is one line for the user."""


@dataclass(frozen=True)
class Interval:
    """Interval of event time that is compared: [begin, end), in ms."""

    begin: int
    end: int

    @property
    def length(self) -> int:
        """The duration of the interval (ms)."""
        return self.end - self.begin

    def contains(self, start: int, end: int) -> bool:
        """Return whether the window [start, end) is completely inside."""
        return self.begin <= start and end <= self.end

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether the window [start, end) overlaps the interval."""
        return start < self.end and end > self.begin


class Selection:
    """Tables that are replayed, and the topics between them.

    `sources` are the topics they are folded from, each before those that are derived from it.
    A topic that only stateless operators and keyed tables write is a log: it is read as it is in
    Kafka, since results depend on its order. With `rederive` the replay writes and reads its own.
    """

    def __init__(self, tables: Sequence[StateTable], *, rederive: bool = False) -> None:
        self.tables = tables
        # A dict, since it is read for every result that is compared.
        self._writers: dict[str, list[StateTable]] = {}
        for table in tables:
            for name in {topic.name for topic in table.topics}:
                self._writers.setdefault(name, []).append(table)
        by_name = {table.source.name: table.source for table in tables}
        written = {name for name in by_name if self.writers(name)}
        #: Those that only stateless operators and keyed tables write: logs with an order.
        self.logged = {name for name in written if _all_send(self.writers(name))}
        #: Topics that tables write and others are folded from: the replay writes its own.
        self.internal = written if rederive else written - self.logged
        self.sources = [by_name[name] for name in self._in_order(by_name)]

    @property
    def external(self) -> list[BoundTopic]:
        """The topics whose history is read from Kafka."""
        return [source for source in self.sources if source.name not in self.internal]

    def tables_of(self, source: str) -> list[StateTable]:
        """Return the tables folded from a topic."""
        return [table for table in self.tables if table.source.name == source]

    def writers(self, topic: str) -> list[StateTable]:
        """Return the tables that write a topic."""
        return self._writers.get(topic, [])

    def upstream(self, table: StateTable) -> Iterator[StateTable]:
        """Yield the table and all tables upstream of it; some of them more than once."""
        yield table
        for writer in self.writers(table.source.name):
            yield from self.upstream(writer)

    def lookback(self, source: str) -> int:
        """Return the longest gap (ms) of a session that is made of a topic; 0 without sessions."""
        return max((_lookback(table) for table in self.downstream(source)), default=0)

    def settling(self, source: str, interval: Interval) -> int:
        """Return how much stream time (ms) after the interval its last windows are final."""
        return max((self._settling(table, interval) for table in self.tables_of(source)), default=0)

    def _settling(self, table: StateTable, interval: Interval) -> int:
        then = max(
            (self.settling(name, interval) for name in self._internal_outputs(table)), default=0
        )
        return _grace(table, interval) + then

    def downstream(self, source: str) -> Iterator[StateTable]:
        """Yield the tables folded from a topic and from the internal topics that these write."""
        for table in self.tables_of(source):
            yield table
            for topic in self._internal_outputs(table):
                yield from self.downstream(topic)

    def _internal_outputs(self, table: StateTable) -> list[str]:
        return [topic.name for topic in table.topics if topic.name in self.internal]

    def _in_order(self, by_name: Iterable[str]) -> list[str]:
        ordered: list[str] = []
        left = list(by_name)
        while left:
            ready = [name for name in left if not (self._before(name) & set(left))]
            if not ready:
                raise ReplayError(f"{', '.join(left)} are made of each other: that has no order")
            ordered += ready
            left = [name for name in left if name not in ready]
        return ordered

    def _before(self, source: str) -> set[str]:
        return {table.source.name for table in self.writers(source)}


def select(app: Application, topics: Iterable[str], *, rederive: bool = False) -> Selection:
    """Return the selection of the tables for `topics`; all tables if there is none.

    For a topic that tables write, these are its writers and the tables upstream of them. For
    another topic, these are the tables folded from it and those downstream of them.

    Raises ReplayError if there is no table, or if no table reads or writes one of the topics.
    """
    tables = app.tasks.tables
    if not tables:
        raise ReplayError("no table is folded from batches here: there is nothing to replay")
    every = Selection(tables, rederive=True)
    wanted: set[str] = set()
    for topic in topics:
        wanted |= {table.name for table in _tables_for(every, topic)}
    chosen = [table for table in tables if not wanted or table.name in wanted]
    return Selection(chosen, rederive=rederive)


def _tables_for(every: Selection, topic: str) -> Iterator[StateTable]:
    writers, readers = every.writers(topic), every.tables_of(topic)
    if not writers and not readers:
        known = {table.source.name for table in every.tables}
        known |= {topic.name for table in every.tables for topic in table.topics}
        raise ReplayError(
            f"no table reads or writes {topic!r} here; there are {', '.join(sorted(known))}"
        )
    for writer in writers:
        yield from every.upstream(writer)
    if not writers:
        yield from every.downstream(topic)


def _all_send(tables: Iterable[StateTable]) -> bool:
    return all(table.sends for table in tables)


def _grace(table: StateTable, interval: Interval) -> int:
    """Return the grace (ms) of a table; 0 if none of its windows fits into the interval."""
    if not isinstance(table, WindowTable):
        return 0
    fits = any(window.size <= interval.length for window in table.windows)
    return table.grace if fits else 0


def _lookback(table: StateTable) -> int:
    if not isinstance(table, WindowTable):
        return 0
    return max((window.gap for window in table.windows if isinstance(window, Session)), default=0)
