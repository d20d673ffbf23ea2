"""Expected content of the topics, computed with polars from only the ticks in their log order.

Besides the last state of each window (tests/truth.py) it has the whole history of each: its state
after each of its ticks. So results that were corrected later are checked, too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property

import polars as pl
import trend_truth
import truth
from workers import DAY, MINUTE

#: By table: the windows (size, advance) and the grace, in ms.
TABLES = {
    "candles": (
        [
            (MINUTE, MINUTE),
            (5 * MINUTE, 5 * MINUTE),
            (15 * MINUTE, 15 * MINUTE),
            (5 * MINUTE, MINUTE),
            (15 * MINUTE, MINUTE),
        ],
        5 * MINUTE,
    ),
    "days": ([(DAY, DAY)], 240 * MINUTE),
}

#: The minute up to each second with a tick, its grace (ms), and the least change that is published.
SLIDING, RESOLUTION, SURGE_GRACE, SURGE = MINUTE, 1_000, 10_000, 0.004

#: Fields of a surge that are compared.
SURGE_FIELDS = ["symbol", "start", "open", "high", "low", "last", "volume", "count"]
SURGE_FIELDS += ["partition", "first_offset", "last_offset"]

#: Fields of a close that are compared.
CLOSE_FIELDS = ["symbol", "start", "close", "partition", "first_offset", "last_offset"]

#: A window after a tick is identified by its last one.
STATE = [*truth.WINDOW, "last_offset"]


class Truth:
    """Expected results of the ticks of a run."""

    def __init__(self, records: Iterable[truth.Raw]) -> None:
        records = list(records)
        self.records = len(records)
        self.ticks = truth.judge(records)
        readable = set(self.ticks.select("partition", "offset").iter_rows())
        #: Coordinates of unreadable records.
        self.dead = {(each[0], each[1]) for each in records} - readable
        self._stream_time = self.ticks.group_by("partition").agg(reached=pl.col("time").max())

    def late(self, table: str) -> set[tuple[int, int, int]]:
        """Return the late records of a table: partition, offset, stream time (ms) on arrival."""
        _, grace = TABLES[table]
        rejected = self.ticks.filter(pl.col("time") < pl.col("before") - grace)
        return set(rejected.select("partition", "offset", "before").iter_rows())

    @cached_property
    def windows(self) -> pl.DataFrame:
        """The last state of every window, with `final` and `revision`."""
        return pl.concat(
            self._with_final(truth.candles(self.ticks, *window, grace), grace)
            for windows, grace in TABLES.values()
            for window in windows
        )

    def _with_final(self, windows: pl.DataFrame, grace: int) -> pl.DataFrame:
        final = pl.col("end") <= pl.col("reached") - grace
        timed = windows.join(self._stream_time, on="partition").with_columns(final=final)
        return timed.with_columns(revision=2 * pl.col("last_offset") + final).drop("reached")

    @cached_property
    def days(self) -> pl.DataFrame:
        """The states of every day of every symbol, with `gain`, `day`, `time` of the close."""
        return self._histories_of("days").with_columns(
            gain=(pl.col("close") - pl.col("open")) / pl.col("open"),
            day=pl.from_epoch("start", time_unit="ms").dt.strftime("%Y-%m-%d"),
        )

    @cached_property
    def histories(self) -> pl.DataFrame:
        """The state of each window after each of its ticks."""
        return pl.concat(map(self._histories_of, TABLES))

    def _histories_of(self, table: str) -> pl.DataFrame:
        windows, grace = TABLES[table]
        before = pl.col("before")
        kept = self.ticks.filter(before.is_null() | (pl.col("time") >= before - grace))
        return pl.concat(_history(kept, *window) for window in windows)

    @cached_property
    def gains(self) -> pl.DataFrame:
        """The last state of each day of each symbol."""
        return self.days.sort("last_offset").group_by("symbol", "start").last()

    @cached_property
    def closes(self) -> set[tuple[object, ...]]:
        """The CLOSE_FIELDS of each 5 minutes that are final for trends."""
        return set(trend_truth.final_closes(self.ticks).select(CLOSE_FIELDS).iter_rows())

    @cached_property
    def signals(self) -> set[tuple[object, ...]]:
        """Signal, number of closes and CLOSE_FIELDS of each crossing of averages."""
        return {
            (each.signal, each.windows, *(each.close[name] for name in CLOSE_FIELDS))
            for history in trend_truth.followed(self.ticks).values()
            for each in history
            if each.signal
        }

    @cached_property
    def surges(self) -> set[tuple[object, ...]]:
        """The SURGE_FIELDS of each final minute in which a price moved enough."""
        before = pl.col("before")
        kept = self.ticks.filter(before.is_null() | (pl.col("time") >= before - SURGE_GRACE))
        timed = kept.join(self._stream_time, on="partition").sort("time", "offset")
        return {
            surge
            for symbol in timed.partition_by("symbol")
            for surge in _surges(symbol.rows(named=True))
        }


def _surges(ticks: list[dict]) -> Iterator[tuple[object, ...]]:
    """Yield the surges of one symbol, whose ticks are in order of time."""
    times = [tick["time"] for tick in ticks]
    for second in sorted({time // RESOLUTION * RESOLUTION for time in times}):
        end = second + RESOLUTION
        inside = ticks[bisect_left(times, end - SLIDING) : bisect_left(times, end)]
        prices = [tick["price"] for tick in inside]
        change = (prices[-1] - prices[0]) / prices[0]
        if abs(change) >= SURGE and end <= inside[0]["reached"] - SURGE_GRACE:
            offsets = [tick["offset"] for tick in inside]
            yield (
                inside[0]["symbol"],
                end - SLIDING,
                prices[0],
                max(prices),
                min(prices),
                prices[-1],
                sum(tick["volume"] for tick in inside),
                len(inside),
                inside[0]["partition"],
                min(offsets),
                max(offsets),
            )


def _history(kept: pl.DataFrame, size: int, advance: int) -> pl.DataFrame:
    newest = pl.col("time") // advance * advance
    copies = [kept.with_columns(start=newest - k * advance) for k in range(size // advance)]
    window = ["symbol", "start"]
    ordered = pl.concat(copies).sort(*window, "offset")
    time, price, volume = pl.col("time"), pl.col("price"), pl.col("volume")
    earliest, latest = time.cum_min().shift(1), time.cum_max().shift(1)
    states = {
        # Of two ticks at one time the one with the lower offset is the first.
        "open": pl.when(earliest.is_null() | (time < earliest)).then(price).forward_fill(),
        "high": price.cum_max(),
        "low": price.cum_min(),
        "close": pl.when(latest.is_null() | (time >= latest)).then(price).forward_fill(),
        "volume": volume.cum_sum(),
        "notional": (price * volume).cum_sum(),
        "count": pl.int_range(1, pl.len() + 1),
        "mean": price.cum_sum() / pl.int_range(1, pl.len() + 1),
        "late": (pl.col("before") >= pl.col("start") + size).fill_null(value=False).cum_sum(),
        "first_offset": pl.col("offset").first(),
        "last_time": time.cum_max(),
    }
    return (
        ordered.with_columns(state.over(window).alias(name) for name, state in states.items())
        .with_columns(
            vwap=pl.when(pl.col("volume") > 0).then(pl.col("notional") / pl.col("volume")),
            size=pl.lit(size),
            advance=pl.lit(advance),
            end=pl.col("start") + size,
        )
        .rename({"offset": "last_offset"})
        .drop("price", "before", "notional", "time")
    )
