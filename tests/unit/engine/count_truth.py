"""Expected count windows, computed again from all ticks each time."""

from collections.abc import Iterable
from typing import NamedTuple

from candle_truth import Event
from collected_events import WindowRecord


class KeyRun(NamedTuple):
    """The ticks of a symbol between two expiries; whether it has not expired yet."""

    events: list[Event]
    is_current: bool


def key_runs(kept: Iterable[Event], retention: int) -> list[KeyRun]:
    """Split each symbol's ticks where stream time advanced by more than the retention."""
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
        KeyRun(events, events is parts[-1] and stream_time - reached[symbol] <= retention)
        for symbol, parts in found.items()
        for events in parts
    ]


def windows(run: KeyRun, records: int, every: int) -> list[WindowRecord]:
    """Return the windows that hold a tick; the full ones are final."""
    return [
        window(run.events[begin : begin + records], records)
        for begin in range(0, len(run.events), every)
    ]


def window(events: list[Event], records: int) -> WindowRecord:
    """Return the window of these ticks."""
    times = [event.tick.time for event in events]
    final = len(events) == records
    return WindowRecord(
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
