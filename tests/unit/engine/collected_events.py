"""Tables whose windows collect their records, so that tests can compare every field of a result."""

from bisect import insort
from collections import defaultdict
from functools import cache
from itertools import count, pairwise
from typing import Any, NamedTuple

import msgspec
from candle_truth import Truth
from partition_driver import PartitionDriver

from app.market.records import LateTick, Tick
from app.market.topics import CANDLES, TICKS, TICKS_LATE
from app.worker import TickApp
from eventfold.engine.rows import LATE, META, OPEN
from eventfold.engine.window_table import WindowTable
from eventfold.records import DeadLetter
from eventfold.topics import DEAD_LETTERS
from eventfold.windows import EmitStrategy, WindowResult, every_change, on_close, parse_window

#: A trade of this size raises when it is folded.
UNFOLDABLE_SIZE = 13

EMIT_STRATEGIES = (None, every_change(), on_close())


class CollectedEvents(msgspec.Struct):
    """Time, offset and size of each record, in this order."""

    events: list[tuple[int, int, int]]


class CollectEvents:
    """Aggregate that collects all records, so that no mistake stays hidden."""

    state = CollectedEvents
    version = 1

    def zero(self) -> CollectedEvents:
        """Return the state of no records."""
        return CollectedEvents([])

    def add(self, state: CollectedEvents, record: Tick, time: int, offset: int) -> None:
        """Fold a trade, or raise before anything has changed."""
        if record.size == UNFOLDABLE_SIZE:
            raise ArithmeticError("thirteen")
        insort(state.events, (time, offset, record.size))

    def merge(self, left: CollectedEvents, right: CollectedEvents) -> CollectedEvents:
        """Return a new state that holds the records of both."""
        return CollectedEvents(sorted(left.events + right.events))


class WindowRecord(msgspec.Struct, frozen=True):
    """All fields of a result."""

    symbol: str
    start: int
    end: int
    events: list[tuple[int, int, int]]
    count: int
    first_offset: int
    last_offset: int
    late: int
    final: bool
    revision: int


def window_record(result: WindowResult) -> WindowRecord:
    """Make the record of a window."""
    return WindowRecord(
        result.key,
        result.start,
        result.end,
        list(result.state.events),
        result.count,
        result.first_offset,
        result.last_offset,
        result.late,
        result.final,
        result.revision,
    )


class Definition(NamedTuple):
    """Definition of a table: window, grace, retention (ms), emit strategy."""

    window: str
    grace: int
    retention: int
    emit: EmitStrategy | None = None


_names = count()


@cache
def declare_table(application: TickApp, definition: Definition) -> WindowTable:
    """Declare the table of a definition, one of each: it keeps no state."""
    table = WindowTable(
        application,
        name=f"collected-events-{next(_names)}",
        source=TICKS,
        windows=parse_window(definition.window),
        aggregate=CollectEvents(),
        record=window_record,
        grace=definition.grace,
        retention=definition.retention,
        emit=definition.emit,
        help="collected events",
    )
    table.publish(CANDLES, table.record)
    table.late(TICKS_LATE)
    return table


def published(driver: PartitionDriver) -> list[WindowRecord]:
    """Return the committed results, in order."""
    return driver.written(CANDLES, WindowRecord)


def group_results(results: list[WindowRecord], *names: str) -> dict[Any, list[WindowRecord]]:
    """Group results by symbol and the named fields; check that revisions rise, and one is final."""
    found = defaultdict(list)
    for result in results:
        found[result.symbol, *(getattr(result, name) for name in names)].append(result)
    for key, versions in found.items():
        assert not any(result.final for result in versions[:-1]), key
        for before, after in pairwise(versions):
            assert before.revision < after.revision, key
    return found


def answers(
    driver: PartitionDriver, symbol: str, begin: int = 0, end: int = 1 << 62
) -> list[WindowRecord]:
    """Query the windows of a symbol that start in [begin, end)."""
    (window,) = driver.table.windows
    return [
        window_record(result) for result in driver.state.read(symbol.encode(), window, begin, end)
    ]


def rows(driver: PartitionDriver, begin: int = 0, end: int = LATE) -> list[bytes]:
    """Return the rows in the store that have begin <= start < end."""
    return list(driver.state.store.keys_between(begin, end))


def open_rows(driver: PartitionDriver) -> list[bytes]:
    """Return the rows of open windows."""
    return rows(driver, OPEN)


def assert_rows_are_the_changelog(driver: PartitionDriver) -> None:
    """Check that the store holds the rows of the compacted changelog, and nothing else."""
    compacted = dict(entry for entry in driver.changelog if entry is not None)
    compacted.pop(META, None)
    kept = {row for row, value in compacted.items() if value is not None}
    assert set(rows(driver, 0, 2 * LATE)) == kept


def assert_late_and_dead_letters(driver: PartitionDriver, facts: Truth) -> None:
    """Check that late ticks and dead letters are written once each, with their coordinates."""
    table = driver.table
    assert driver.written(TICKS_LATE, LateTick) == [
        LateTick(
            *msgspec.structs.astuple(event.tick),
            reason="late",
            stream_time=event.before,
            grace=table.grace,
            partition=0,
            offset=event.offset,
            table=table.name,
        )
        for event in facts.late
    ]
    assert driver.sources(TICKS_LATE) == [b"ticks-0-%d" % event.offset for event in facts.late]
    dead = [letter.offset for letter in driver.written(DEAD_LETTERS, DeadLetter)]
    assert sorted(dead) == facts.bad
