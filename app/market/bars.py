"""Bars of files as ticks: four of each in a possible order, or the close."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

from app.market.records import Tick
from eventfold.connectors.reading.preset import WrongPresetError
from eventfold.records.fields import EventTime, Name, Size
from eventfold.times import EPOCH, milliseconds
from eventfold.topics import DAY

#: Most symbols whose last bar is remembered.
_MOST_SYMBOLS = 100_000
_MINUTE = 60_000


class Close(Struct, frozen=True, gc=False, kw_only=True):
    """The last price of a bar; `time` is the bar's begin, `end` its last moment if the file has it.

    `period` is its length in minutes, or D, W or M, as Stooq writes it.
    """

    symbol: Name
    time: EventTime
    close: float
    volume: Size = 0
    end: EventTime | None = None
    period: str = ""


class Bar(Close, frozen=True, gc=False, kw_only=True):
    """Prices of a period: first, highest, lowest and last."""

    open: float
    high: float
    low: float


class BarTicks:
    """Ticks of the bars of one file.

    A bar that rises has its low before its high, one that falls its high before its low: open, the
    two, and close at its last millisecond. Each has a quarter of the volume; whole volumes stay
    whole, and their sum is the bar's. A bar is `length` ms long if the file does not say; days
    begin and end in `zone`.
    """

    def __init__(self, zone: tzinfo, length: int) -> None:
        self._zone, self._length = zone, length
        self._bars: dict[str, tuple[int, int]] = {}

    def of_bar(self, bar: Bar) -> list[Tick]:
        """Return the four ticks of a bar. Raises WrongPresetError if bars overlap."""
        last = self._last(bar)
        third = (last + 1 - bar.time) // 3
        between = [bar.low, bar.high] if bar.close >= bar.open else [bar.high, bar.low]
        prices = [bar.open, *between, bar.close]
        times = [bar.time, bar.time + third, bar.time + 2 * third, last]
        return [
            Tick(bar.symbol, price, time, size)
            for price, time, size in zip(prices, times, _quarters(bar.volume), strict=True)
        ]

    def of_close(self, bar: Close) -> list[Tick]:
        """Return the close as a tick. Raises WrongPresetError if bars overlap."""
        return [Tick(bar.symbol, bar.close, self._last(bar), bar.volume)]

    def _last(self, bar: Close) -> int:
        """Return the last millisecond of a bar."""
        last = self._end(bar) if bar.end is None else bar.end
        begun, ended = self._bars.get(bar.symbol, (0, 0))
        if begun < bar.time <= ended:
            raise WrongPresetError(
                f"the bar begins before the one of {bar.symbol} before it ends: "
                f"how long are they? --bar-length 1m"
            )
        if last < bar.time:
            raise ValueError("the bar ends before it begins")
        if len(self._bars) >= _MOST_SYMBOLS:
            self._bars.clear()
        self._bars[bar.symbol] = bar.time, last
        return last

    def _end(self, bar: Close) -> int:
        length = int(bar.period) * _MINUTE if bar.period.isdecimal() else self._length
        if length % DAY or self._zone is UTC:
            return bar.time + length - 1
        # Days on which clocks are put forward or back are shorter or longer.
        wall = (EPOCH + timedelta(milliseconds=bar.time)).astimezone(self._zone)
        next_day = wall.replace(tzinfo=None) + timedelta(milliseconds=length)
        return milliseconds(datetime.replace(next_day, tzinfo=self._zone)) - 1


def ticks_of_bars(
    length: int, *, closes_only: bool = False
) -> Callable[[tzinfo], Callable[[Bar], list[Tick]]]:
    """Return what makes, for each file, ticks of its bars of `length` (ms)."""

    def begin(zone: tzinfo) -> Callable[[Bar], list[Tick]]:
        ticks = BarTicks(zone, length)
        return ticks.of_close if closes_only else ticks.of_bar

    return begin


def _quarters(volume: float) -> list[int] | list[float]:
    if isinstance(volume, int):
        quarter, rest = divmod(volume, 4)
        return [quarter + (number < rest) for number in range(4)]
    return [volume / 4] * 4
