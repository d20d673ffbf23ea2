"""Progress of a contestant over time, and its rate, from the records of a topic.

A *curve* is a frame of `at` (ms since the epoch, by the broker's clock) and `ticks`, the number of
ticks reflected in the output at that time; one row for each `at`, in order.
"""

from typing import NamedTuple

import polars as pl

#: A pause (ms) longer than this ends a burst of output.
PAUSE = 100

#: Output without a pause for longer than this (ms) is no burst.
LONGEST_BURST = 500

#: Fraction of the ticks that is warm-up.
WARM_UP = 1 / 3


class Interval(NamedTuple):
    """Measured interval (ms) from `begin`, with `ticks` reflected, to `end`, with `total`."""

    begin: int
    ticks: float
    end: int
    total: float

    @property
    def rate(self) -> float:
        """Ticks/s."""
        return (self.total - self.ticks) / (self.end - self.begin) * 1000


def curve_of_windows(records: pl.DataFrame, overlap: int) -> pl.DataFrame:
    """Compute the curve from records of windows: `at`, `window` (any id), `count`, as appended.

    A later record of a window replaces earlier ones; each tick is in `overlap` windows.
    """
    before = pl.col("count").shift(1).over("window").fill_null(0)
    ticks = (pl.col("count") - before).cum_sum() / overlap
    return last_of_each(records.select("at", ticks=ticks))


def last_of_each(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the last row of each `at`, in order."""
    return rows.group_by("at").agg(pl.col("ticks").last()).sort("at")


def measured(curve: pl.DataFrame, end: int, total: float) -> Interval | None:
    """Return the interval after the warm-up of a curve that reaches `total` at `end`.

    It begins at the end of the burst of output in which a third was reached, since times within a
    burst are not exact. None if nothing is left because all the output came at once.
    """
    after = curve.filter(pl.col("ticks").cum_max() >= total * WARM_UP)
    if after.is_empty():
        return None
    at, ticks = after["at"].to_list(), after["ticks"].to_list()
    last = 0
    while last + 1 < len(at) and at[last + 1] - at[last] <= PAUSE:
        last += 1
        if at[last] - at[0] > LONGEST_BURST:
            last = 0
            break
    if at[last] >= end:
        return None
    return Interval(at[last], ticks[last], end, total)
