"""Exponential moving averages of closes, and breakouts: the faster average crosses the slower.

The two queries of the DEBS 2022 Grand Challenge (Frischbier et al., *Detecting trading trends in
financial tick data*): EMA_n = close * alpha + EMA_(n-1) * (1 - alpha), alpha = 2 / (1 + j) and
EMA_0 = 0, for j = 38 and j = 100. Buy if EMA38 is above EMA100 and was not before, sell if it is
below and was not before. A window without ticks has no close: the averages stay as they are, so
they don't cross.
"""

from math import isfinite
from typing import Literal

from app.market.records import Trend, TrendSignal
from eventfold.operators.processor import Context
from eventfold.records.candles import Candle

#: Numbers of closes of the two averages (j).
SHORT, LONG = 38, 100

#: Number of signals kept per symbol.
KEPT = 3


def alpha(closes: int) -> float:
    """Return the weight of the newest close in an average of `closes`."""
    return 2 / (1 + closes)


def ema(before: float, close: float, closes: int) -> float:
    """Return the average after another close.

    It moves towards the close by a fraction of the distance, so that rounding can't carry it past
    the close: at a constant price the two averages never cross again. (If the close and the average
    are weighted separately, they cross at one price in eight, after some 1,700 windows.)
    """
    weight = alpha(closes)
    after = before + weight * (close - before)
    # The distance of two prices may overflow a float, their weighted sum can't.
    return after if isfinite(after) else before * (1 - weight) + close * weight


def crossing(before: Trend, ema38: float, ema100: float) -> Literal["buy", "sell"] | None:
    """Return the signal if the averages cross with these new values; None if they don't."""
    if ema38 > ema100 and before.ema38 <= before.ema100:
        return "buy"
    if ema38 < ema100 and before.ema38 >= before.ema100:
        return "sell"
    return None


class Trends:
    """Processor that computes the trend of a symbol from its closes, which arrive in order."""

    def on_record(self, state: Trend | None, record: Candle, context: Context) -> Trend:
        """Update the averages with a close, and send a signal if they cross.

        Raises ValueError if the close is not after the last one: averages depend on the order.
        """
        before = state or Trend(record.symbol)
        if record.end <= before.end:
            raise ValueError(f"a close of {record.end} after that of {before.end}")
        after = Trend(
            record.symbol,
            record.end,
            record.close,
            before.windows + 1,
            ema(before.ema38, record.close, SHORT),
            ema(before.ema100, record.close, LONG),
            before.signals,
        )
        what = crossing(before, after.ema38, after.ema100)
        if what is not None:
            signal = _signal(what, record, before, after)
            after.signals = [*before.signals, signal][-KEPT:]
            context.send(signal)
        return after

    def on_time(self, state: Trend, context: Context) -> Trend:
        """Return the state as it is: no timer is set."""
        del context
        return state

    def on_shared(self, record: Candle, context: Context) -> None:
        """Ignore the record: there is no broadcast state."""


def _signal(
    what: Literal["buy", "sell"], close: Candle, before: Trend, after: Trend
) -> TrendSignal:
    moved, was = ("rose above", "not above") if what == "buy" else ("fell below", "not below")
    return TrendSignal(
        symbol=close.symbol,
        signal=what,
        start=close.start,
        end=close.end,
        close=close.close,
        ema38=after.ema38,
        ema100=after.ema100,
        before38=before.ema38,
        before100=before.ema100,
        windows=after.windows,
        explanation=f"with a close of {close.close:.6g}, EMA{SHORT} ({after.ema38:.6g}) {moved} "
        f"EMA{LONG} ({after.ema100:.6g}); before it was {was} it ({before.ema38:.6g} and "
        f"{before.ema100:.6g})",
        partition=close.partition,
        first_offset=close.first_offset,
        last_offset=close.last_offset,
    )
