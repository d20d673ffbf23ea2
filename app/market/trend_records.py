"""Records of price trends: moving averages of closes, and their crossings."""

from typing import Literal

from msgspec import Struct, field

from eventfold.records.fields import EventTime, Integer, Name


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
