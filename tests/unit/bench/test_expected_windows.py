"""The truth of the comparison agrees with the tests' own, which folds each window by itself."""

import random

import polars as pl
import pytest

from bench import expected
from bench.workloads import Workload
from tests import truth

SECOND, MINUTE = 1_000, 60_000
START = 1_763_000_000_000
FIELDS = ["symbol", "start", "end", "open", "high", "low", "close", "volume", "count"]


def ticks(count: int, step: int) -> pl.DataFrame:
    """Make some ticks of three symbols with gaps in between."""
    chance = random.Random(7)
    time, rows = START, []
    for _ in range(count):
        time += step * chance.choice([1, 1, 1, 200])
        price, size = round(chance.uniform(1, 9), 2), chance.randrange(500)
        rows.append((chance.choice("ABC"), price, size, time))
    return pl.DataFrame(rows, schema=["symbol", "price", "size", "time"], orient="row")


@pytest.mark.parametrize(
    ("size", "advance"),
    [(MINUTE, MINUTE), (5 * MINUTE, MINUTE), (15 * MINUTE, 10 * SECOND), (30 * SECOND, SECOND)],
)
def test_windows_are_those_of_the_other_truth(size: int, advance: int) -> None:
    """Rolling folds over panes, and folds of each window's ticks, are the same."""
    these = ticks(600, 50)
    found = expected.windows(these, Workload("w", "w", size=size, advance=advance))
    judged = these.rename({"size": "volume"}).with_columns(
        partition=0, offset=pl.int_range(pl.len()), before=pl.col("time").shift(1)
    )
    other = truth.candles(judged, size, advance, 5 * MINUTE)
    order = ["symbol", "start"]
    left = found.select(FIELDS).sort(order)
    right = other.select(FIELDS).sort(order)
    assert left.equals(right.select(pl.col(name).cast(left.schema[name]) for name in FIELDS))


def test_on_close_only_what_is_closed_for_sure_is_required() -> None:
    """Nothing closes the last windows, and who looks once a second may miss some before them."""
    rows = [("A", 1.0, 1, START + at * SECOND) for at in range(1001)]
    these = pl.DataFrame(rows, schema=["symbol", "price", "size", "time"], orient="row")
    workload = Workload("w", "w", size=100 * SECOND, advance=SECOND, grace=10 * SECOND)
    required = expected.windows(these, workload).filter("required")
    assert required["end"].max() == START + (1000 - 200 - 10) * SECOND
    assert required["start"].min() == START - 99 * SECOND


def test_the_ranking_is_of_the_last_day() -> None:
    """Ten at most, the best first, ties by name."""
    midnight = START - START % 86_400_000 + 86_400_000
    rows = [("A", 1.0, 1, midnight - 1), ("A", 2.0, 1, midnight), ("C", 4.0, 1, midnight + 1)]
    rows += [("B", 5.0, 1, midnight + 2), ("A", 3.0, 1, midnight + 3), ("B", 5.0, 1, midnight + 4)]
    these = pl.DataFrame(rows, schema=["symbol", "price", "size", "time"], orient="row")
    assert expected.top(these).rows() == [("A", 0.5), ("B", 0.0), ("C", 0.0)]
