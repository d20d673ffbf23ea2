"""Records of the market: ticks, and the gains, rankings and surges made from them."""

from typing import Annotated, Self

from msgspec import Meta, Struct, convert

from app.market.reading import read_fields
from eventfold.records.fields import EventTime, Integer, Name
from eventfold.records.trades import Trade


class Tick(Trade, frozen=True, gc=False):
    """One trade: its price, and its size (0 if unknown).

    A price may be 0 or negative, as those of oil and power have been.
    """

    @classmethod
    def read_sent(cls, value: bytes) -> Self:
        """Parse a tick with numbers as text or without a size. Raises `msgspec.DecodeError`.

        >>> Tick.read_sent(b'{"symbol":"BTC", "price":"-0.5", "size":null, "time":1769860800000}')
        Tick(symbol='BTC', price=-0.5, time=1769860800000, size=0)
        """
        return convert(read_fields(value), cls)


class LateTick(Struct, frozen=True, gc=False):
    """A tick that arrived after its table's grace; `partition`, `offset` are its coordinates."""

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
    """One symbol's day so far; `gain` is a fraction, null if its base is not above 0.

    `partition`, `offset`, `stream_time` are its source's. Records of older versions have no
    `volume`.
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
    """One place in a ranking; `gain` is null only in the ranking by volume."""

    symbol: str
    gain: float | None
    open: float
    last: float
    time: Integer
    volume: Integer | float = 0


class BestGains(Struct, frozen=True, gc=False):
    """Symbols of one partition that may be among the ten of a day, in any ranking.

    The latest record of a partition and a day is valid: a symbol missing from it is withdrawn.
    """

    day: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
    rows: list[Gainer]
    time: EventTime
    partition: Integer
    stream_time: Integer


class Ranking(Struct, frozen=True):
    """Ten symbols of a day; `revision` is the last offset applied from `daily-gains`."""

    day: str
    rank: list[Gainer]
    time: Integer
    revision: Integer


class TopGainers(Ranking, frozen=True):
    """The ten that rose most on a day, the best first."""


class TopLosers(Ranking, frozen=True):
    """The ten that rose least on a day, or fell most, the worst first."""


class MostActive(Ranking, frozen=True):
    """The ten with the largest volume on a day, the largest first."""


class Surge(Struct, frozen=True, gc=False):
    """A minute in which a price moved much; `change` is a fraction: (last - open) / open.

    It is null if `open` is not above 0.
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
