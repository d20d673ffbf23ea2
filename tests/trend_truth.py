"""Expected trends of a topic of ticks, computed independently of the product.

The closes are polars over all ticks (tests/truth.py), their averages decimal numbers of 50 digits.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

import polars as pl
import truth

FIVE = 300_000
#: TICKSTREAM_TREND_GRACE (ms).
GRACE = 30_000

#: No two averages are so near to each other that rounding could decide which one is above.
APART = Decimal("1e-9")


class Followed(NamedTuple):
    """A symbol's averages after a close, how many closes there were, and whether they crossed."""

    close: Mapping[str, Any]
    windows: int
    short: Decimal
    long: Decimal
    signal: str | None


def final_closes(ticks: pl.DataFrame) -> pl.DataFrame:
    """Compute the final 5 minutes of `truth.ticks`, by symbol in the order of time."""
    reached = ticks.group_by("partition").agg(reached=pl.col("time").max() - GRACE)
    windows = truth.candles(ticks, FIVE, FIVE, GRACE).join(reached, on="partition")
    return windows.filter(pl.col("end") <= pl.col("reached")).sort("symbol", "start")


def followed(ticks: pl.DataFrame) -> dict[str, list[Followed]]:
    """Compute the averages of each symbol after each close."""
    return {
        symbol: list(follow(closes.iter_rows(named=True)))
        for (symbol,), closes in final_closes(ticks).group_by("symbol", maintain_order=True)
    }


def follow(closes: Iterable[Mapping[str, Any]]) -> Iterator[Followed]:
    """Yield the averages of a symbol after each of its closes, which are in order."""
    with localcontext(prec=50):
        short = long = Decimal(0)
        for windows, close in enumerate(closes, 1):
            was, price = short - long, Decimal(close["close"])
            short += (price - short) * 2 / 39
            long += (price - long) * 2 / 101
            above = short > long
            # At prices of 0 they are exactly equal.
            assert short == long == 0 or abs(short - long) > APART
            crossed = was <= 0 if above else was >= 0 and short < long
            signal = ("buy" if above else "sell") if crossed else None
            yield Followed(close, windows, short, long, signal)
