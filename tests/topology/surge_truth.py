"""Expected surges, recomputed from all ticks for each second with a tick."""

from collections import defaultdict

from market_truth import MINUTE, Event, Truth

from app.market.records import Surge

SECOND = 1_000
#: TICKSTREAM_SURGE_GRACE (ms), TICKSTREAM_SURGE (fraction).
GRACE, MIN_CHANGE = 10 * SECOND, 0.004


def minutes(truth: Truth) -> dict[tuple[str, int], Surge]:
    """Compute each symbol's minute up to each second in which it traded, by (symbol, start)."""
    of_symbol: dict[str, list[Event]] = defaultdict(list)
    for event in truth.kept(GRACE):
        of_symbol[event.tick.symbol].append(event)
    found = {}
    for symbol, events in of_symbol.items():
        for end in {event.tick.time // SECOND * SECOND + SECOND for event in events}:
            start = end - MINUTE
            inside = [event for event in events if start <= event.tick.time < end]
            watermark = truth.stream_time[inside[0].partition] - GRACE
            found[symbol, start] = _minute(inside, start, end, final=end <= watermark)
    return found


def _minute(events: list[Event], start: int, end: int, *, final: bool) -> Surge:
    ticks = [event.tick for event in sorted(events, key=lambda e: (e.tick.time, e.offset))]
    prices = [tick.price for tick in ticks]
    last_offset = max(event.offset for event in events)
    return Surge(
        symbol=ticks[0].symbol,
        start=start,
        end=end,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        last=prices[-1],
        change=(prices[-1] - prices[0]) / prices[0] if prices[0] > 0 else None,
        volume=sum(tick.size for tick in ticks),
        count=len(ticks),
        revision=2 * last_offset + final,
        final=final,
        late=sum(event.before >= end for event in events),
        partition=events[0].partition,
        first_offset=min(event.offset for event in events),
        last_offset=last_offset,
    )


def surges(truth: Truth) -> list[Surge]:
    """Return the final minutes in which the price moved enough."""
    return [
        each
        for each in minutes(truth).values()
        if each.final and abs(each.change or 0) >= MIN_CHANGE
    ]


def latest(truth: Truth) -> list[Surge]:
    """Return the latest surge of each symbol, the newest first."""
    last: dict[str, Surge] = {}
    for each in sorted(surges(truth), key=lambda surge: surge.end):
        last[each.symbol] = each
    return sorted(last.values(), key=lambda surge: (-surge.end, surge.symbol))
