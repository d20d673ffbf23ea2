"""Of the market: ticks, and what becomes of them."""

from typing import Annotated

from msgspec import Meta, Struct

from eventfold.records.fields import EventTime, Integer, Name, Size


class Tick(Struct, frozen=True, gc=False):
    """One trade: a price, and the size it was traded in (0 where that is not known).

    A price may be 0 or negative, as those of oil and power were.
    """

    symbol: Name
    price: float
    time: EventTime
    size: Size = 0


class Candle(Struct, frozen=True, gc=False):
    """One window of a symbol. Of two with the same window, the higher `revision` holds.

    `volume` is an integer where all sizes are. `vwap` is null without volume; it and `mean` are
    where the sum behind them is more than a float holds.
    """

    symbol: Name
    size: Integer
    advance: Integer
    start: Integer
    end: Integer
    open: float
    high: float
    low: float
    close: float
    volume: Integer | float
    vwap: float | None
    count: Integer
    mean: float | None
    revision: Integer
    final: bool
    late: Integer
    partition: Integer
    first_offset: Integer
    last_offset: Integer


class LateTick(Struct, frozen=True, gc=False):
    """A tick that came after its table's grace; `partition`, `offset` are its coordinates."""

    symbol: str
    price: float
    time: Integer
    size: Integer | float
    reason: str
    stream_time: Integer
    grace: Integer
    partition: Integer
    offset: Integer
    table: str


class DailyGain(Struct, frozen=True, gc=False):
    """One symbol's day so far; `gain` is a fraction, null where its base is not above 0.

    `partition`, `offset`, `stream_time` are its source's. Records from before there was a
    `volume` have none.
    """

    symbol: Name
    day: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    open: float
    last: float
    low: float
    high: float
    gain: float | None
    count: Integer
    time: EventTime
    final: bool
    partition: Integer
    offset: Integer
    stream_time: Integer
    volume: Integer | float = 0


class Gainer(Struct, frozen=True, gc=False):
    """One place in a ranking; without a gain (null) only in that of volumes."""

    symbol: str
    gain: float | None
    open: float
    last: float
    time: Integer
    volume: Integer | float = 0


class BestGains(Struct, frozen=True, gc=False):
    """Of one partition's symbols those that may be among the ten of a day, in any ranking.

    The latest record of a partition and a day holds: who is not in it any more is withdrawn.
    """

    day: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    rows: list[Gainer]
    time: EventTime
    partition: Integer
    stream_time: Integer


class Ranking(Struct, frozen=True):
    """Ten symbols of a day; `revision` is the offset in `daily-gains` last applied."""

    day: str
    rank: list[Gainer]
    time: Integer
    revision: Integer


class TopGainers(Ranking, frozen=True):
    """The ten that rose most on a day, the best first."""


class TopLosers(Ranking, frozen=True):
    """The ten that rose least on a day, or fell most, the worst first."""


class MostActive(Ranking, frozen=True):
    """The ten of the largest volume on a day, the largest first."""


class Surge(Struct, frozen=True, gc=False):
    """A minute in which a price moved much; `change` is a fraction: (last - open) / open.

    It is null where `open` is not above 0: then there is nothing to be a fraction of.
    """

    symbol: Name
    start: Integer
    end: EventTime
    open: float
    high: float
    low: float
    last: float
    change: float | None
    volume: Integer | float
    count: Integer
    revision: Integer
    final: bool
    late: Integer
    partition: Integer
    first_offset: Integer
    last_offset: Integer
