"""Gains of prices, and the rankings by gain and by volume."""

import heapq
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from math import isfinite

from app.market.records import DailyGain, Gainer

EPOCH = date(1970, 1, 1)
DAY = 86_400_000


def gain(base: float, last: float) -> float | None:
    """Return (last - base) / base, as a fraction; None if `base` is not above 0, or too small."""
    if base <= 0:
        return None
    found = (last - base) / base
    return found if isfinite(found) else None


def gainer(day: DailyGain) -> Gainer:
    """Return the row that rankings keep of a symbol's day."""
    return Gainer(day.symbol, day.gain, day.open, day.last, day.time, day.volume)


def top(gainers: Iterable[Gainer], places: int = 10) -> list[Gainer]:
    """Return the best `places`, by gain descending, ties by symbol ascending."""
    return heapq.nsmallest(places, _gaining(gainers), key=lambda each: (-_gain(each), each.symbol))


def bottom(gainers: Iterable[Gainer], places: int = 10) -> list[Gainer]:
    """Return the worst `places`, by gain ascending, ties by symbol ascending."""
    return heapq.nsmallest(places, _gaining(gainers), key=lambda each: (_gain(each), each.symbol))


def _gaining(gainers: Iterable[Gainer]) -> Iterable[Gainer]:
    """Return the gainers that have a gain."""
    return (each for each in gainers if each.gain is not None)


def _gain(gainer: Gainer) -> float:
    return gainer.gain or 0.0


def most_active(gainers: Iterable[Gainer], places: int = 10) -> list[Gainer]:
    """Return the `places` with the largest volume, descending, ties by symbol ascending."""
    return heapq.nsmallest(places, gainers, key=lambda each: (-each.volume, each.symbol))


def contenders(gainers: Sequence[Gainer], places: int = 10) -> list[Gainer]:
    """Return the symbols of a partition that may be in the first `places` of any ranking."""
    # A symbol that is not among the first of a part is not among the first of the whole.
    found = (*top(gainers, places), *bottom(gainers, places), *most_active(gainers, places))
    return list({each.symbol: each for each in found}.values())


def day_of(time: int) -> str:
    """Return the UTC day of an instant (ms) as YYYY-MM-DD.

    Rankings are keyed by date: the date of a day in another zone is treated as a UTC day.
    """
    return datetime.fromtimestamp(time / 1000, UTC).date().isoformat()


def start_of(day: str) -> int:
    """Return the first instant (ms) of a UTC day (YYYY-MM-DD). Raises ValueError."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        found = None
    # `fromisoformat` accepts other spellings of ISO 8601, which are not our keys.
    if found is None or found.isoformat() != day:
        raise ValueError(f"{day!r} is not a day such as 2024-01-31")
    return (found - EPOCH).days * DAY
