"""Judges of the comparison: which output is right, since when, and how much is wrong."""

from typing import Any

import polars as pl

from bench import expected
from bench.output_checks import new_check
from bench.topic_reader import PLACE
from bench.workloads import Workload

START = 1_763_000_100_000  # where a window of 5 min begins
TICKS = pl.DataFrame(
    [
        ("A", 2.0, 10, START),
        ("B", 7.0, 450, START + 1),
        ("A", 4.0, 20, START + 2),
        ("A", 3.0, 400, START + 3),
    ],
    schema=["symbol", "price", "size", "time"],
    orient="row",
)
A = {"symbol": "A", "open": 2, "high": 4, "low": 2, "close": 3, "volume": 430, "count": 3}
A2 = A | {"close": 4, "volume": 30, "count": 2}
B = {"symbol": "B", "open": 7, "high": 7, "low": 7, "close": 7, "volume": 450, "count": 1}
SPAN = {"size": 300_000, "advance": 300_000, "start": START, "end": START + 300_000}


def verdict(work: str, *outputs: tuple[int, dict[str, Any]]):
    """OutputCheck what was appended at these times (ms)."""
    check = new_check(work, Workload("w", "w", work=work), TICKS)
    rows = [{"at": at, "partition": 0, "offset": n} | row for n, (at, row) in enumerate(outputs)]
    return check.check(pl.DataFrame(rows, schema=PLACE | check.schema))


def windows(*outputs: tuple[int, dict[str, Any]]):
    """OutputCheck records of windows."""
    return verdict("windows", *((at, SPAN | row) for at, row in outputs))


def test_end_is_when_the_last_window_became_right() -> None:
    """A window that is published again unchanged does not move it."""
    found = windows((1, A2), (2, B), (3, A), (9, A))
    assert (found.wrong, found.end, found.results, found.total) == (0, 3, 2, 4)
    assert found.curve is not None
    assert found.curve.rows() == [(1, 2), (2, 3), (3, 4), (9, 4)]


def test_window_that_turns_wrong_again_moves_the_end() -> None:
    """Everything after the end has to be right."""
    assert windows((1, B), (2, A), (3, A2), (4, A)).end == 4


def test_missing_wrong_and_unexpected_windows_are_counted() -> None:
    """With a missing window there is no end."""
    assert windows((1, A))[:4] == (2, 1, 1, None)
    assert windows((1, A2), (2, B)).wrong == 1
    assert windows((1, A), (2, B), (3, B | {"symbol": "C"})).wrong == 1
    assert windows().wrong == 2


def test_windows_of_another_size_are_ignored() -> None:
    """A contestant may publish more than what is compared."""
    assert windows((1, A), (2, B), (3, B | {"size": 60_000, "advance": 60_000})).wrong == 0


def test_filter_output_has_to_have_each_large_tick_once() -> None:
    """One too many is as wrong as one too few."""
    b, a = TICKS.row(1, named=True), TICKS.row(3, named=True)
    right = verdict("filter", (1, b), (5, a))
    assert (right.wrong, right.end, right.results) == (0, 5, 2)
    assert right.curve is not None
    assert right.curve.rows() == [(1, 2), (5, 4)]
    assert verdict("filter", (1, b), (2, b), (3, a)).wrong == 1
    assert verdict("filter", (1, b)).wrong == 1
    assert verdict("filter", (1, b), (2, a | {"price": 9.0})).wrong == 2


def test_only_the_last_ranking_is_checked() -> None:
    """The end is when it became right."""
    best = [{"symbol": "A", "gain": 0.5}, {"symbol": "B", "gain": 0.0}]
    other = [{"symbol": "A", "gain": 1.0}, {"symbol": "B", "gain": 0.0}]
    day = "2025-11-13"
    found = verdict("top", *((at, {"day": day, "rank": r}) for at, r in [(1, other), (2, best)]))
    assert (found.wrong, found.end) == (0, 2)
    assert verdict("top", (1, {"day": day, "rank": best}), (2, {"day": day, "rank": other})).wrong
    assert verdict("top").wrong


def test_progress_is_measured_by_closed_windows() -> None:
    """Each is published once, when its symbol has been read to its end plus the grace."""
    rows = [("A", 1.0, 1, START + at * 1000) for at in range(200)]
    ticks = pl.DataFrame(rows, schema=TICKS.schema, orient="row")
    workload = Workload("w", "w", size=100_000, advance=1_000, grace=10_000)
    check = new_check("windows", workload, ticks)
    truth = expected.windows(ticks, workload).filter("required").sort("start")
    outputs = truth.with_columns(
        at=pl.col("start") - truth["start"][0], partition=0, offset=pl.int_range(pl.len())
    )
    found = check.check(outputs.select([*PLACE, *check.schema]))
    assert found.wrong == 0
    assert found.curve is not None
    # The first one ends a second after the first tick, and 10 s later it is closed.
    assert found.curve.rows()[0] == (0, 12)
    assert found.curve.rows()[-1] == (found.end, found.total)
    assert found.total == found.curve.rows()[0][1] + len(outputs) - 1
