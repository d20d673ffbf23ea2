"""Records of the market: ticks, and the gains, rankings and surges made from them."""

from math import isfinite
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, ValidationError, convert, field

from eventfold.decoding import json_decoder
from eventfold.records.fields import HIGHEST, EventTime, Integer, Name
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
    """A minute in which a price moved much: `change` is (last - open) / open, or null."""

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


class _SentTick(Struct):
    """Tick in any of the forms in which it may be sent."""

    symbol: Name
    price: float | str
    time: EventTime
    size: int | float | str | None = 0


_decode = json_decoder(_SentTick)


def read_fields(value: bytes) -> dict[str, object]:
    """Parse the fields of a tick in any form. Raises `msgspec.DecodeError`, naming the field."""
    sent = _decode(value)
    size = 0 if sent.size is None else _number("size", sent.size)
    if size > HIGHEST:
        size = _real("size", size)
    price = _real("price", _number("price", sent.price))
    return {"symbol": sent.symbol, "price": price, "time": sent.time, "size": size}


def _number(field: str, sent: float | str) -> float:
    """Parse a number that may be JSON's notation as text. Raises `msgspec.ValidationError`."""
    if not isinstance(sent, str):
        return sent
    try:
        number = convert(sent, int | float, strict=False)
    except ValidationError:
        raise ValidationError(f"{sent[:40]!r} is no number - at `$.{field}`") from None
    # Text may also spell `nan` or `inf`, which are not JSON numbers.
    if isinstance(number, float) and not isfinite(number):
        raise ValidationError(f"{sent[:40]!r} is no finite number - at `$.{field}`")
    return number


def _real(field: str, number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValidationError(f"Number out of range - at `$.{field}`") from None


class TrendSignal(Struct, frozen=True, gc=False):
    """The average of 38 closes crossed that of 100, in the window [start, end).

    "buy": it rose above, "sell": it fell below. `before38`, `before100` are the averages after the
    previous window that had ticks. `partition` and the offsets are those of the window's first and
    last tick.
    """

    symbol: Name
    signal: Literal["buy", "sell"]
    start: Integer
    end: EventTime
    close: float
    ema38: float
    ema100: float
    before38: float
    before100: float
    #: Number of windows with ticks so far, this one included.
    windows: Integer
    explanation: str
    partition: Integer
    first_offset: Integer
    last_offset: Integer


class Trend(Struct, gc=False):
    """Trend of a symbol: its averages after its last window, which ended at `end`."""

    symbol: str
    end: Integer = 0
    close: float = 0.0
    windows: Integer = 0
    ema38: float = 0.0
    ema100: float = 0.0
    #: The last three signals, the newest last.
    signals: list[TrendSignal] = field(default_factory=list)
