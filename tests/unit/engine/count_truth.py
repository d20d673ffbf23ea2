"""Expected count windows, from all ticks again for each question."""

from collections.abc import Iterable
from typing import NamedTuple

from candle_truth import Event
from trails import Seen


class Numbered(NamedTuple):
    """The ticks of a symbol from where it began, or began anew; whether it goes on."""

    events: list[Event]
    goes_on: bool


def lives(kept: Iterable[Event], retention: int) -> list[Numbered]:
    """Part each symbol's ticks where stream time went on by more than the retention."""
    found: dict[str, list[list[Event]]] = {}
    reached: dict[str, int] = {}
    stream_time = -1
    for event in kept:
        symbol = event.tick.symbol
        stream_time = max(event.before, event.tick.time)
        if symbol not in reached or stream_time - reached[symbol] > retention:
            found.setdefault(symbol, []).append([])
        reached[symbol] = stream_time
        found[symbol][-1].append(event)
    return [
        Numbered(events, events is parts[-1] and stream_time - reached[symbol] <= retention)
        for symbol, parts in found.items()
        for events in parts
    ]


def windows(life: Numbered, records: int, every: int) -> list[Seen]:
    """Return the windows that hold a tick, the full ones final."""
    return [
        window(life.events[begin : begin + records], records)
        for begin in range(0, len(life.events), every)
    ]


def window(events: list[Event], records: int) -> Seen:
    """Return the window of these ticks."""
    times = [event.tick.time for event in events]
    final = len(events) == records
    return Seen(
        events[0].tick.symbol,
        min(times),
        max(times) + 1,
        sorted((event.tick.time, event.offset, event.tick.size) for event in events),
        len(events),
        events[0].offset,
        events[-1].offset,
        0,
        final,
        2 * events[-1].offset + final,
    )
