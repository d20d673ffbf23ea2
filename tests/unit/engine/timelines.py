"""Time lines as docs/windows.md draws them: parse one, and run it through a partition.

    windows:  5m
    grace:    1m
    in:       12:01=3  12:06:10=1  12:02=9
    out:      12:00 - 12:05  sum 3  1 event   final
              12:05 - 12:10  sum 1  1 event   open
    late:     12:02=9

Optional are `emit`, `retention`, `emitted` (all published results, in order), `late` (late
events) and `outside` (events that no window holds). Times are UTC, on 2026-01-31
where no date is given.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import msgspec
from partition_driver import Drive, PartitionDriver
from raw_records import raw_tick

from app.market.records import LateTick, Tick
from app.market.topics import CANDLES, TICKS, TICKS_LATE
from app.worker import TickApp
from eventfold.aggregates import Sum
from eventfold.engine.window_table import WindowTable
from eventfold.windows import EmitStrategy, WindowResult, every_change, on_close, parse_window

DAY = "2026-01-31"

EMIT_STRATEGIES: dict[str | None, EmitStrategy | None] = {
    None: None,
    **{str(each): each for each in (every_change(), on_close())},
}

_FIELD = re.compile(r"([a-z]+): +")
_WINDOW = re.compile(
    r"(?P<start>\S+) - (?P<end>\S+) +sum (?P<sum>\d+) +(?P<count>\d+) events?"
    r"(?:, (?P<late>\d+) late)? +(?P<state>open|final)"
)


class Event(NamedTuple):
    """An event of the only key: its time (ms) and its number."""

    time: int
    number: int


class Line(msgspec.Struct, frozen=True):
    """One window of a time line. Times in ms."""

    start: int
    end: int
    sum: int
    count: int
    late: int
    final: bool


class Timeline(NamedTuple):
    """Input of a table, and its expected output."""

    windows: str
    grace: str
    retention: str
    emit: EmitStrategy | None
    events: list[Event]
    out: list[Line]
    published: list[Line] | None
    late_events: list[Event]
    outside: list[Event]


class Outcome(NamedTuple):
    """Outcome of the events: the answer of a query, the published results, the late events."""

    out: list[Line]
    published: list[Line]
    late_events: list[Event]


def read(block: str) -> Timeline:
    """Parse a time line. Raises ValueError or KeyError for an invalid line."""
    fields: dict[str, list[str]] = {}
    name = ""
    for line in filter(None, (line.partition("#")[0].rstrip() for line in block.splitlines())):
        field = _FIELD.match(line)
        if field:
            name = field[1]
            fields[name] = []
        fields[name].append(line[field.end() :] if field else line.strip())
    (windows,), (grace,) = fields.pop("windows"), fields.pop("grace")
    (retention,) = fields.pop("retention", ["90d"])
    (emit,) = fields.pop("emit", [None])
    published = fields.pop("emitted", None)
    timeline = Timeline(
        windows,
        grace,
        retention,
        EMIT_STRATEGIES[emit],
        _events(fields.pop("in")),
        _lines(fields.pop("out")),
        _lines(published) if published else None,
        _events(fields.pop("late", [])),
        _events(fields.pop("outside", [])),
    )
    if fields:
        raise ValueError(f"a time line has no {', '.join(fields)}")
    return timeline


def _events(lines: Iterable[str]) -> list[Event]:
    pairs = [word.split("=") for line in lines for word in line.split()]
    return [Event(_ms(time), int(number)) for time, number in pairs]


def _lines(lines: Iterable[str]) -> list[Line]:
    return [_line(line) for line in lines]


def _line(line: str) -> Line:
    found = _WINDOW.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} is not like '12:00 - 12:05  sum 3  1 event, 1 late  final'")
    numbers = (int(found[name] or 0) for name in ("sum", "count", "late"))
    return Line(_ms(found["start"]), _ms(found["end"]), *numbers, found["state"] == "final")


def _ms(text: str) -> int:
    written = text if "T" in text else f"{DAY}T{text}"
    return round(datetime.fromisoformat(written).replace(tzinfo=UTC).timestamp() * 1000)


def run(timeline: Timeline, application: TickApp, drive: Drive, batch: int) -> Outcome:
    """Fold the events in batches of this size, with a checkpoint after each."""
    raw = [
        raw_tick(offset, Tick("A", 1.0, time, number))
        for offset, (time, number) in enumerate(timeline.events)
    ]
    table = _table(application, timeline.windows, timeline.grace, timeline.retention, timeline.emit)
    with drive(table, raw) as driver:
        while driver.folded < len(raw):
            driver.fold(batch)
            driver.checkpoint()
        driver.settle()
        return Outcome(
            [line(result) for result in _answers(driver)],
            driver.written(CANDLES, Line),
            [Event(late.time, late.size) for late in driver.written(TICKS_LATE, LateTick)],
        )


def outside(timeline: Timeline) -> list[Event]:
    """Return the events that no window holds."""
    holds: Callable[[int], bool] = getattr(
        parse_window(timeline.windows), "holds", lambda _time: True
    )
    return [event for event in timeline.events if not holds(event.time)]


def line(result: WindowResult) -> Line:
    """Convert a window to a line of a time line."""
    total: Any = Sum("size").value(result.state)
    return Line(result.start, result.end, total, result.count, result.late, result.final)


def show(lines: Iterable[Line]) -> str:
    """Format windows as a time line does, so that a failing test shows the text for the page."""
    return "\n".join(
        f"{_text(each.start)} - {_text(each.end)}  sum {each.sum}  "
        f"{each.count} event{'s' * (each.count != 1)}{f', {each.late} late' * bool(each.late)}  "
        f"{'final' if each.final else 'open'}"
        for each in lines
    )


def _text(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None)
    day, time = moment.isoformat(timespec="milliseconds").split("T")
    time = time.removesuffix(".000").removesuffix(":00")
    return time if day == DAY else f"{day}T{time}"


def _answers(driver: PartitionDriver) -> list[WindowResult]:
    (window,) = driver.table.windows
    return driver.state.read(b"A", window, 0, 1 << 62)


_names = count()


@cache
def _table(
    application: TickApp, windows: str, grace: str, retention: str, emit: EmitStrategy | None
) -> WindowTable:
    table = WindowTable(
        application,
        name=f"timeline-{next(_names)}",
        source=TICKS,
        windows=windows,
        aggregate=Sum("size"),
        record=line,
        grace=grace,
        retention=retention,
        emit=emit,
        help="a time line",
    )
    table.publish(CANDLES, table.record)
    table.late(TICKS_LATE)
    return table
