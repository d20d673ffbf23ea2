"""Expected results of the contestants, computed independently of them with polars.

`ticks` are frames of `symbol`, `price`, `size`, `time` (ms), in order of their times.
"""

from typing import cast

import polars as pl

from bench.workloads import LARGE, Workload

#: Windows published on close are not required in this last fraction of the time, since some
#: contestants close by key, some by partition. Kafka Streams checks for closed windows at a tick, a
#: second or more after the last check: with 0.1, 64 of 22,222 were never published.
RUN_OUT = 0.2

PLACES = 10
DAY = 86_400_000


def windows(ticks: pl.DataFrame, workload: Workload) -> pl.DataFrame:
    """Compute all windows that have a tick.

    `required` is true if a window must be published; `read` is the least number of ticks of its
    symbol that have been read when it closes.

    Ticks are folded into panes of one advance each; a window is a number of panes from its start.
    Each symbol has a row for each pane, so that windows are rolling folds over rows.
    """
    size, advance, panes = workload.size, workload.advance, workload.overlap
    start = (pl.col("time") // advance * advance).alias("start")
    folded = ticks.group_by("symbol", start, maintain_order=True).agg(
        open=pl.col("price").first(),
        high=pl.col("price").max(),
        low=pl.col("price").min(),
        close=pl.col("price").last(),
        volume=pl.col("size").sum(),
        count=pl.len().cast(pl.Int64),
    )
    reach = (panes - 1) * advance
    starts = folded["start"]
    first, last = cast("int", starts.min()) - reach, cast("int", starts.max()) + reach
    grid = pl.DataFrame({"start": pl.int_range(first, last + advance, advance, eager=True)})
    dense = (
        folded.select(pl.col("symbol").unique())
        .join(grid, how="cross")
        .join(folded, on=["symbol", "start"], how="left")
        .sort("symbol", "start")
    )
    found = (
        dense.with_columns(
            open=pl.col("open").backward_fill().over("symbol"),
            high=_ahead(pl.col("high").rolling_max(panes, min_samples=1), panes),
            low=_ahead(pl.col("low").rolling_min(panes, min_samples=1), panes),
            close=_ahead(pl.col("close").forward_fill(), panes),
            volume=_ahead(pl.col("volume").fill_null(0).rolling_sum(panes), panes),
            count=_ahead(pl.col("count").fill_null(0).rolling_sum(panes), panes),
        )
        .filter(pl.col("count") > 0)
        .with_columns(
            end=pl.col("start") + size,
            size=pl.lit(size),
            advance=pl.lit(advance),
            required=pl.lit(value=True) if workload.emit == "updates" else _closed(ticks, workload),
            closed=pl.col("start") + size + workload.grace,
        )
    )
    read = ticks.select("symbol", "time", read=pl.int_range(1, pl.len() + 1).over("symbol"))
    return found.sort("closed").join_asof(
        read, left_on="closed", right_on="time", by="symbol", check_sortedness=False
    )


def _ahead(expression: pl.Expr, panes: int) -> pl.Expr:
    """Shift a fold over a row and its predecessors to one over the row and its successors."""
    return expression.shift(1 - panes).over("symbol")


def _closed(ticks: pl.DataFrame, workload: Workload) -> pl.Expr:
    first, last = ticks["time"][0], ticks["time"][-1]
    reached = last - int((last - first) * RUN_OUT) - workload.grace
    return pl.col("start") + workload.size <= reached


def large(ticks: pl.DataFrame) -> pl.DataFrame:
    """Return the ticks that pass the filter."""
    return ticks.filter(pl.col("size") >= LARGE)


def top(ticks: pl.DataFrame) -> pl.DataFrame:
    """Compute the ranking of the last UTC day: `symbol`, `gain`; best first, ties by symbol."""
    day = pl.col("time") // DAY
    return (
        ticks.filter(day == day.max())
        .group_by("symbol", maintain_order=True)
        .agg(first=pl.col("price").first(), last=pl.col("price").last())
        .select("symbol", gain=(pl.col("last") - pl.col("first")) / pl.col("first"))
        .sort(["gain", "symbol"], descending=[True, False])
        .head(PLACES)
    )
