"""Expected windows of the comparison equal those of `truth`, which folds each window by itself."""

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
def test_expected_windows_equal_those_of_the_second_computation(size: int, advance: int) -> None:
    """Rolling folds over panes give the same as folds of each window's ticks."""
    some_ticks = ticks(600, 50)
    found = expected.windows(some_ticks, Workload("w", "w", size=size, advance=advance))
    judged = some_ticks.rename({"size": "volume"}).with_columns(
        partition=0, offset=pl.int_range(pl.len()), before=pl.col("time").shift(1)
    )
    other = truth.candles(judged, size, advance, 5 * MINUTE)
    order = ["symbol", "start"]
    left = found.select(FIELDS).sort(order)
    right = other.select(FIELDS).sort(order)
    assert left.equals(right.select(pl.col(name).cast(left.schema[name]) for name in FIELDS))


def test_only_windows_that_are_certainly_closed_are_required_on_close() -> None:
    """Nothing closes the last windows, and a poll each second may miss some before them."""
    rows = [("A", 1.0, 1, START + at * SECOND) for at in range(1001)]
    some_ticks = pl.DataFrame(rows, schema=["symbol", "price", "size", "time"], orient="row")
    workload = Workload("w", "w", size=100 * SECOND, advance=SECOND, grace=10 * SECOND)
    required = expected.windows(some_ticks, workload).filter("required")
    assert required["end"].max() == START + (1000 - 200 - 10) * SECOND
    assert required["start"].min() == START - 99 * SECOND


def test_the_ranking_is_of_the_last_day() -> None:
    """At most ten symbols, the best first, ties by name."""
    midnight = START - START % 86_400_000 + 86_400_000
    rows = [("A", 1.0, 1, midnight - 1), ("A", 2.0, 1, midnight), ("C", 4.0, 1, midnight + 1)]
    rows += [("B", 5.0, 1, midnight + 2), ("A", 3.0, 1, midnight + 3), ("B", 5.0, 1, midnight + 4)]
    some_ticks = pl.DataFrame(rows, schema=["symbol", "price", "size", "time"], orient="row")
    assert expected.top(some_ticks).rows() == [("A", 0.5), ("B", 0.0), ("C", 0.0)]
