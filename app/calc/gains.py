"""How much a price rose, and who rose most."""

import heapq
from collections.abc import Iterable
from datetime import UTC, date, datetime

from app.records import Gainer

EPOCH = date(1970, 1, 1)
DAY = 86_400_000


def gain(base: float, last: float) -> float:
    """Give (last - base) / base, a fraction: 0.05 is a rise of 5 %. `base` is positive."""
    return (last - base) / base


def top(gainers: Iterable[Gainer], places: int = 10) -> list[Gainer]:
    """Give the best `places`, by gain descending, ties by symbol ascending."""
    return heapq.nsmallest(places, gainers, key=lambda each: (-each.gain, each.symbol))


def day_of(time: int) -> str:
    """Give the UTC day of an instant (ms) as YYYY-MM-DD.

    Rankings go by dates: of a day elsewhere, the date is taken as if it were UTC's.
    """
    return datetime.fromtimestamp(time / 1000, UTC).date().isoformat()


def start_of(day: str) -> int:
    """Give the first instant (ms) of a UTC day. Raises ValueError, naming it, for no YYYY-MM-DD."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        found = None
    # ISO 8601 has other spellings of a day, which we don't write.
    if found is None or found.isoformat() != day:
        raise ValueError(f"{day!r} is not a day such as 2024-01-31")
    return (found - EPOCH).days * DAY
