"""Checks of a contestant's output, one for each kind of work: is it right, and since when.

    check = new_check(work, workload, ticks)
    check.check(TopicReader(...).read())

`schema` has the fields that a check needs of a record; records also have `at`, `partition` and
`offset` (bench/topic_reader.py), by which later records replace earlier ones.
"""

from typing import ClassVar, NamedTuple, Protocol, cast

import polars as pl

from bench import expected
from bench.progress import curve_of_windows, last_of_each
from bench.workloads import Workload

#: Allowed relative difference of sums of floats.
TOLERANCE = 1e-9


class Verdict(NamedTuple):
    """Result of a check: `wrong` counts missing, unexpected and unequal results.

    `end` (ms, None while anything is wrong) is the time at which the last needed result was
    appended. `curve` (bench/progress.py) reaches `total`; None if the output has no curve.
    """

    results: int
    missing: int
    wrong: int
    end: int | None
    curve: pl.DataFrame | None
    total: float


class OutputCheck(Protocol):
    """Check of one kind of work."""

    schema: ClassVar[dict[str, pl.DataType]]

    def check(self, records: pl.DataFrame) -> Verdict:
        """Compare all records of a run so far."""


def new_check(work: str, workload: Workload, ticks: pl.DataFrame) -> OutputCheck:
    """Return the check of some work over these ticks."""
    if work == "windows":
        return WindowCheck(workload, ticks)
    return FilterCheck(ticks) if work == "filter" else TopCheck(ticks)


class WindowCheck:
    """Check of windows: the last record of each window has to be right in each field."""

    #: Volume may be written as a float.
    schema: ClassVar[dict[str, pl.DataType]] = {
        **dict.fromkeys(("symbol",), pl.String()),
        **dict.fromkeys(("size", "advance", "start", "end", "count"), pl.Int64()),
        **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64()),
    }

    def __init__(self, workload: Workload, ticks: pl.DataFrame) -> None:
        self._kind = (pl.col("size") == workload.size) & (pl.col("advance") == workload.advance)
        self._closes, self._overlap = workload.emit == "close", workload.overlap
        wanted = self.schema | {"required": pl.Boolean(), "read": pl.Int64()}
        self._truth = (
            expected.windows(ticks, workload)
            .select(pl.col(name).cast(kind) for name, kind in wanted.items())
            .with_row_index("window")
        )
        self._required = self._truth.filter("required")

    def check(self, records: pl.DataFrame) -> Verdict:
        """Compare; optional windows have to be right if they are published."""
        joined = records.filter(self._kind).join(
            self._truth, on=["symbol", "start"], how="left", maintain_order="left", suffix="_true"
        )
        exact = pl.all_horizontal(
            pl.col(name) == pl.col(f"{name}_true") for name in ("end", "count")
        )
        near = pl.all_horizontal(
            (pl.col(name) - pl.col(f"{name}_true")).abs()
            <= TOLERANCE * pl.col(f"{name}_true").abs()
            for name in ("open", "high", "low", "close", "volume")
        )
        records = joined.with_columns(right=(exact & near).fill_null(value=False)).with_row_index(
            "row"
        )
        each = records.group_by("window", "required").agg(
            pl.col("right").last(),
            at=_since_right(pl.col("right")),
        )
        required = each.filter("required")
        missing = len(self._required) - len(required)
        unknown = int(records["window"].is_null().sum())
        known = each.filter(pl.col("window").is_not_null())
        wrong = missing + unknown + int((~known["right"]).sum())
        end = None if wrong else _last(required["at"])
        return Verdict(len(self._required), missing, wrong, end, *self._progress(records))

    def _progress(self, records: pl.DataFrame) -> tuple[pl.DataFrame, float]:
        records = records.filter("required")
        if not self._closes:
            total = float(self._required["count"].sum()) / self._overlap
            return curve_of_windows(records, self._overlap), total
        # A closed window shows that its symbol has been read to its end plus the grace.
        reached = records.select(
            "at", window="symbol", count=pl.col("read").cum_max().over("symbol")
        )
        last = self._required.group_by("symbol").agg(pl.col("read").max())
        return curve_of_windows(reached, 1), float(last["read"].sum())


def _last(times: pl.Series) -> int | None:
    """Return the latest of times (ms)."""
    return cast("int | None", times.max())


def _since_right(right: pl.Expr) -> pl.Expr:
    """Return, for each group, `at` of the first record from which on all are right."""
    last_wrong = pl.col("row").filter(~right).max().fill_null(-1)
    return pl.col("at").filter(right & (pl.col("row").cast(pl.Int64) > last_wrong)).min()


class FilterCheck:
    """Check of the filter: each large tick once, unchanged."""

    schema: ClassVar[dict[str, pl.DataType]] = {
        "symbol": pl.String(),
        "price": pl.Float64(),
        "size": pl.Int64(),
        "time": pl.Int64(),
    }

    def __init__(self, ticks: pl.DataFrame) -> None:
        self._truth = expected.large(ticks).select(list(self.schema))
        self._ticks = len(ticks)

    def check(self, records: pl.DataFrame) -> Verdict:
        """Compare; a tick that occurs twice counts as one wrong result."""
        found = records.join(self._truth, on=list(self.schema), how="semi", maintain_order="left")
        once = found.unique(list(self.schema), keep="first", maintain_order=True)
        missing = len(self._truth) - len(once)
        wrong = missing + len(records) - len(once)
        share = self._ticks / max(1, len(self._truth))
        curve = once.select("at", ticks=pl.int_range(1, pl.len() + 1) * share)
        return Verdict(
            len(self._truth),
            missing,
            wrong,
            None if wrong else _last(once["at"]),
            last_of_each(curve),
            self._ticks,
        )


class TopCheck:
    """Check of the ranking: the last one of the last day has the same symbols in the same order."""

    schema: ClassVar[dict[str, pl.DataType]] = {
        "day": pl.String(),
        "rank": pl.List(pl.Struct({"symbol": pl.String(), "gain": pl.Float64()})),
    }

    def __init__(self, ticks: pl.DataFrame) -> None:
        self._truth = expected.top(ticks).rows()
        self._ticks = len(ticks)

    def check(self, records: pl.DataFrame) -> Verdict:
        """Compare the rankings of the last day in the output."""
        last = records.filter(pl.col("day") == pl.col("day").max()).with_row_index("row")
        right = pl.Series(
            [self._is_right(rank) for rank in last["rank"].to_list()], dtype=pl.Boolean
        )
        if last.is_empty() or not right[-1]:
            return Verdict(1, int(last.is_empty()), 1, None, None, self._ticks)
        since = last.with_columns(right=right).select(_since_right(pl.col("right")))
        return Verdict(1, 0, 0, since.item(), None, self._ticks)

    def _is_right(self, rank: list[dict]) -> bool:
        if len(rank) != len(self._truth):
            return False
        return all(
            place["symbol"] == symbol and abs(place["gain"] - gain) <= TOLERANCE * max(1, abs(gain))
            for place, (symbol, gain) in zip(rank, self._truth, strict=True)
        )
