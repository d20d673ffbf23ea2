"""Expected results, recomputed from all ticks for each question.

It shares nothing with the engine but the records: the ticks in their topic are accepted or late one
by one, and each window is folded from those that were accepted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from app.market.records import (
    DailyGain,
    Gainer,
    LateTick,
    MostActive,
    Ranking,
    Tick,
    TopGainers,
    TopLosers,
)
from eventfold.records.candles import Candle
from eventfold.testing import TopicRecord

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

#: The windows of candles (size, advance), and the grace (ms) of each table.
WINDOWS = [(1, 1), (5, 5), (15, 15), (5, 1), (15, 1)]
GRACE = {"candles": 5 * MINUTE, "days": 4 * HOUR}


class Event(NamedTuple):
    """A tick with its coordinates, and the stream time of its partition before it."""

    partition: int
    offset: int
    tick: Tick
    before: int


class Truth(NamedTuple):
    """All ticks judged: readable ones, coordinates of the others, stream time by partition."""

    events: list[Event]
    bad: list[tuple[int, int]]
    stream_time: dict[int, int]

    def kept(self, grace: int) -> list[Event]:
        """Return the ticks within a grace (ms)."""
        return [event for event in self.events if event.tick.time + grace >= event.before]

    def late(self, grace: int) -> list[Event]:
        """Return the ticks that are later than a grace (ms)."""
        return [event for event in self.events if event.tick.time + grace < event.before]


def judge(records: Iterable[TopicRecord]) -> Truth:
    """Read a topic of ticks, each partition in order."""
    events, bad = [], []
    clock: dict[int, int] = defaultdict(lambda: -1)
    for record in sorted(records, key=lambda record: (record.partition, record.offset)):
        place = record.partition, record.offset
        try:
            tick = msgspec.json.decode(record.value or b"", type=Tick)
        except msgspec.MsgspecError:
            bad.append(place)
            continue
        events.append(Event(*place, tick, clock[record.partition]))
        clock[record.partition] = max(clock[record.partition], tick.time)
    return Truth(events, bad, clock)


def candles(truth: Truth) -> dict[tuple[str, int, int, int], Candle]:
    """Compute the last candle of each (symbol, size, advance, start), days among them."""
    found = {}
    for size, advance in WINDOWS:
        found |= windows_of(truth, size * MINUTE, advance * MINUTE, GRACE["candles"])
    return found | windows_of(truth, DAY, DAY, GRACE["days"])


def windows_of(
    truth: Truth, size: int, advance: int, grace: int
) -> dict[tuple[str, int, int, int], Candle]:
    """Compute the windows of a definition, by (symbol, size, advance, start)."""
    inside = defaultdict(list)
    for event in truth.kept(grace):
        newest = event.tick.time // advance * advance
        for start in range(newest, event.tick.time - size, -advance):
            inside[event.tick.symbol, size, advance, start].append(event)
    return {
        window: _candle(window, events, truth.stream_time[events[0].partition] - grace)
        for window, events in inside.items()
    }


def _candle(window: tuple[str, int, int, int], events: list[Event], watermark: int) -> Candle:
    symbol, size, advance, start = window
    end = start + size
    ticks = [event.tick for event in sorted(events, key=lambda e: (e.tick.time, e.offset))]
    prices = [tick.price for tick in ticks]
    volume = sum(tick.size for tick in ticks)
    last_offset = max(event.offset for event in events)
    return Candle(
        symbol=symbol,
        size=size,
        advance=advance,
        start=start,
        end=end,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        vwap=sum(tick.price * tick.size for tick in ticks) / volume if volume else None,
        count=len(events),
        mean=sum(prices) / len(prices),
        revision=2 * last_offset + (end <= watermark),
        final=end <= watermark,
        late=sum(event.before >= end for event in events),
        partition=events[0].partition,
        first_offset=min(event.offset for event in events),
        last_offset=last_offset,
    )


def late_ticks(truth: Truth) -> list[LateTick]:
    """Return the late ticks of each table, with the coordinates."""
    return [
        LateTick(
            symbol=event.tick.symbol,
            price=event.tick.price,
            time=event.tick.time,
            size=event.tick.size,
            reason="late",
            stream_time=event.before,
            grace=grace,
            partition=event.partition,
            offset=event.offset,
            table=table,
        )
        for table, grace in GRACE.items()
        for event in truth.late(grace)
    ]


def gains(truth: Truth) -> dict[tuple[str, str], dict[str, Any]]:
    """Compute the last daily gain of each (day, symbol), without the stream time at publication."""
    found = {}
    for (symbol, _, _, start), day in windows_of(truth, DAY, DAY, GRACE["days"]).items():
        inside = [e.tick for e in truth.kept(GRACE["days"]) if e.tick.symbol == symbol]
        name = day_name(start)
        found[name, symbol] = {
            "symbol": symbol,
            "day": name,
            "open": day.open,
            "last": day.close,
            "low": day.low,
            "high": day.high,
            "gain": (day.close - day.open) / day.open if day.open > 0 else None,
            "count": day.count,
            "time": max(tick.time for tick in inside if start <= tick.time < start + DAY),
            "final": day.final,
            "partition": day.partition,
            "offset": day.last_offset,
            "volume": day.volume,
        }
    return found


#: Sort key of each ranking, besides the symbol; None for a symbol that is not ranked.
ORDERS: dict[type[Ranking], Callable[[DailyGain], float | None]] = {
    TopGainers: lambda gain: None if gain.gain is None else -gain.gain,
    TopLosers: lambda gain: gain.gain,
    MostActive: lambda gain: -gain.volume,
}


def rankings(
    records: Iterable[TopicRecord], kind: type[Ranking] = TopGainers
) -> dict[str, Ranking]:
    """Compute the last ranking of each day, from all records of daily-gains."""
    order = ORDERS[kind]
    last: dict[str, dict[str, tuple[DailyGain, int]]] = defaultdict(dict)
    for record in sorted(records, key=lambda record: record.offset):
        gain = msgspec.json.decode(record.value or b"", type=DailyGain)
        last[gain.day][gain.symbol] = gain, record.offset
    found = {}
    for day, rows in last.items():
        ranked = (gain for gain, _ in rows.values() if order(gain) is not None)
        best = sorted(ranked, key=lambda gain: (order(gain), gain.symbol))
        found[day] = kind(
            day,
            [Gainer(g.symbol, g.gain, g.open, g.last, g.time, g.volume) for g in best[:10]],
            max(gain.time for gain, _ in rows.values()),
            max(offset for _, offset in rows.values()),
        )
    return found


def day_name(start: int) -> str:
    """Return the name of the UTC day that begins at an instant (ms)."""
    return datetime.fromtimestamp(start / 1000, UTC).strftime("%Y-%m-%d")
