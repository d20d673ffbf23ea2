"""Of the market: ticks, and what becomes of them."""

from typing import Annotated

from msgspec import Meta, Struct

from app.records.fields import LARGEST, EventTime, Name


class Tick(Struct, frozen=True, gc=False):
    """One trade: a price, and the size it was traded in (0 where that is not known)."""

    symbol: Name
    price: Annotated[float, Meta(gt=0, le=LARGEST)]
    time: EventTime
    size: Annotated[int, Meta(ge=0, le=LARGEST)] = 0


class Candle(Struct, frozen=True, gc=False):
    """One window of a symbol. Of two with the same window, the higher `revision` holds."""

    symbol: str
    size: int
    advance: int
    start: int
    end: int
    open: float
    high: float
    low: float
    close: float
    volume: int
    vwap: float | None
    count: int
    mean: float
    revision: int
    final: bool
    late: int
    partition: int
    first_offset: int
    last_offset: int


class LateTick(Struct, frozen=True, gc=False):
    """A tick that came after its table's grace; `partition`, `offset` are its coordinates."""

    symbol: str
    price: float
    time: int
    size: int
    reason: str
    stream_time: int
    grace: int
    partition: int
    offset: int
    table: str


class DailyGain(Struct, frozen=True, gc=False):
    """One symbol's day so far; `gain` is a fraction.

    `partition`, `offset`, `stream_time` are its source's. Records from before there was a
    `volume` have none.
    """

    symbol: Name
    day: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    open: float
    last: float
    low: float
    high: float
    gain: float
    count: int
    time: EventTime
    final: bool
    partition: int
    offset: int
    stream_time: int
    volume: int = 0


class Gainer(Struct, frozen=True, gc=False):
    """One place in a ranking."""

    symbol: str
    gain: float
    open: float
    last: float
    time: int
    volume: int = 0


class BestGains(Struct, frozen=True, gc=False):
    """Of one partition's symbols those that may be among the ten of a day, in any ranking.

    The latest record of a partition and a day holds: who is not in it any more is withdrawn.
    """

    day: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    rows: list[Gainer]
    time: EventTime
    partition: int
    stream_time: int


class Ranking(Struct, frozen=True):
    """Ten symbols of a day; `revision` is the offset in `daily-gains` last applied."""

    day: str
    rank: list[Gainer]
    time: int
    revision: int


class TopGainers(Ranking, frozen=True):
    """The ten that rose most on a day, the best first."""


class TopLosers(Ranking, frozen=True):
    """The ten that rose least on a day, or fell most, the worst first."""


class MostActive(Ranking, frozen=True):
    """The ten of the largest volume on a day, the largest first."""


class Surge(Struct, frozen=True, gc=False):
    """A minute in which a price moved much; `change` is a fraction: (last - open) / open."""

    symbol: Name
    start: int
    end: EventTime
    open: float
    high: float
    low: float
    last: float
    change: float
    volume: int
    count: int
    revision: int
    final: bool
    late: int
    partition: int
    first_offset: int
    last_offset: int
