"""Expected sessions, computed again from all ticks each time."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from candle_truth import Event
from collected_events import WindowRecord


class Kept(NamedTuple):
    """An accepted tick, and whether its session (alone or merged) had ended when it arrived."""

    event: Event
    late: bool


def with_lateness(kept: Sequence[Event], gap: int) -> list[Kept]:
    """Compute for each tick whether stream time had passed its session's end when it arrived."""
    found = []
    for number, event in enumerate(kept):
        known = [Kept(other, late=False) for other in kept[: number + 1]]
        mine = next(part for part in clusters(known, gap) if event in [k.event for k in part])
        end = max(k.event.tick.time for k in mine) + gap
        found.append(Kept(event, event.before >= end))
    return found


def clusters(kept: Iterable[Kept], gap: int) -> list[list[Kept]]:
    """Split ticks by symbol, and where `gap` or more lies between two."""
    by_time = sorted(kept, key=lambda k: (k.event.tick.symbol, k.event.tick.time, k.event.offset))
    found: list[list[Kept]] = []
    for _, group in groupby(by_time, key=lambda k: k.event.tick.symbol):
        before = None
        for each in group:
            if before is None or each.event.tick.time - before >= gap:
                found.append([])
            found[-1].append(each)
            before = each.event.tick.time
    return found


def sessions(
    kept: Iterable[Kept], gap: int, final_until: int
) -> dict[tuple[str, int], WindowRecord]:
    """Compute the session of each (symbol, start); those that end by `final_until` are final."""
    found = {}
    for part in clusters(kept, gap):
        ticks = [k.event.tick for k in part]
        offsets = [k.event.offset for k in part]
        end = ticks[-1].time + gap
        final = end <= final_until
        found[ticks[0].symbol, ticks[0].time] = WindowRecord(
            ticks[0].symbol,
            ticks[0].time,
            end,
            [(k.event.tick.time, k.event.offset, k.event.tick.size) for k in part],
            len(part),
            min(offsets),
            max(offsets),
            sum(k.late for k in part),
            final,
            2 * max(offsets) + final,
        )
    return found
