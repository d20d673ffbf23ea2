"""Expected candles, from all ticks again for each question."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec
from raw_records import Raw

from app.market.records import Tick
from eventfold.records.candles import Candle
from eventfold.windows import Window


class Event(NamedTuple):
    """A tick, and stream time when it arrived."""

    offset: int
    tick: Tick
    before: int


class Truth(NamedTuple):
    """Ticks in order of arrival, judged: kept, late, unreadable."""

    kept: list[Event]
    late: list[Event]
    bad: list[int]
    stream_time: int


def truth(raw: Iterable[Raw], grace: int, unfoldable: Collection[int] = ()) -> Truth:
    """Judge records one by one; the values at the offsets in `unfoldable` raise when folded."""
    kept, late, bad = [], [], []
    stream_time = -1
    for record in raw:
        try:
            tick = msgspec.json.decode(record.value or b"", type=Tick)
        except msgspec.MsgspecError:
            bad.append(record.offset)
            continue
        event = Event(record.offset, tick, stream_time)
        if tick.time + grace < stream_time:
            late.append(event)
        elif record.offset in unfoldable:
            bad.append(record.offset)
        else:
            kept.append(event)
            stream_time = max(stream_time, tick.time)
    return Truth(kept, late, bad, stream_time)


def candles(
    kept: Iterable[Event], window: Window, final_until: int
) -> dict[tuple[str, int], Candle]:
    """Compute the candle of each (symbol, start); those that end by `final_until` are final."""
    inside: dict[tuple[str, int], list[Event]] = {}
    for event in kept:
        newest = event.tick.time - (event.tick.time - window.offset) % window.advance
        for start in range(newest, event.tick.time - window.size, -window.advance):
            inside.setdefault((event.tick.symbol, start), []).append(event)
    return {
        (symbol, start): _candle(
            window, start, events, symbol=symbol, final=start + window.size <= final_until
        )
        for (symbol, start), events in inside.items()
    }


def _candle(window: Window, start: int, events: list[Event], *, symbol: str, final: bool) -> Candle:
    end = start + window.size
    by_time = [event.tick for event in sorted(events, key=lambda e: (e.tick.time, e.offset))]
    prices = [tick.price for tick in by_time]
    volume = sum(tick.size for tick in by_time)
    last_offset = max(event.offset for event in events)
    return Candle(
        symbol=symbol,
        size=window.size,
        advance=window.advance,
        start=start,
        end=end,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        vwap=sum(tick.price * tick.size for tick in by_time) / volume if volume else None,
        count=len(events),
        mean=sum(prices) / len(prices),
        revision=2 * last_offset + final,
        final=final,
        late=sum(event.before >= end for event in events),
        partition=0,
        first_offset=min(event.offset for event in events),
        last_offset=last_offset,
    )
