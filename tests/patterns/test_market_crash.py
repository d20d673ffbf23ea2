"""Trends, losers and the most active are exact on a real broker although the worker is killed.

The truth is polars over the records of `ticks` (tests/truth.py, tests/trend_truth.py).
"""

import json
from functools import cache
from typing import Any

import polars as pl
import pytest
import trend_truth
import truth
from crash_run import RECORDS, CrashRun, crash_run
from market_walks import walks
from trend_truth import Followed
from workers import DAY, MINUTE, Market, until

PIPELINES = "gainers,trends"
#: TICKSTREAM_DAY_GRACE (ms).
DAY_GRACE = 240 * MINUTE

#: Sort field of each ranking, and whether it is descending.
RANKINGS = {
    "top-gainers": ("gain", True),
    "top-losers": ("gain", False),
    "most-active": ("volume", True),
}


@cache
def ticks(bootstrap: str) -> pl.DataFrame:
    """Read the ticks, once all are there."""
    return truth.ticks(bootstrap)


@cache
def followed(bootstrap: str) -> dict[str, list[Followed]]:
    """Compute the averages of each symbol after each close."""
    return trend_truth.followed(ticks(bootstrap))


@cache
def right_rankings(bootstrap: str, topic: str) -> dict[str, list[dict[str, Any]]]:
    """Compute the first ten of each day, from all ticks at once."""
    field, descending = RANKINGS[topic]
    days = truth.candles(ticks(bootstrap), DAY, DAY, DAY_GRACE).with_columns(
        gain=(pl.col("close") - pl.col("open")) / pl.col("open"),
        day=pl.from_epoch("start", time_unit="ms").dt.strftime("%Y-%m-%d"),
    )
    in_order = days.sort([field, "symbol"], descending=[descending, False])
    places = in_order.select("day", "symbol", "gain", "open", "volume", last="close")
    return {
        day: rows.head(10).drop("day").to_dicts()
        for (day,), rows in places.group_by("day", maintain_order=True)
    }


def rankings(bootstrap: str, topic: str) -> dict[str, list[dict[str, Any]]]:
    """Return the last ranking of each day, without the time of each place."""
    last = {}
    for message in truth.read(bootstrap, topic):
        found = json.loads(message.value())
        last[found["day"]] = [
            {name: value for name, value in place.items() if name != "time"}
            for place in found["rank"]
        ]
    return last


def signals(bootstrap: str) -> list[Followed]:
    """Return the expected crossings."""
    return [each for history in followed(bootstrap).values() for each in history if each.signal]


@pytest.fixture(scope="module")
def run(market: Market) -> CrashRun:
    """Run both pipelines over the walks, with a kill in the middle."""

    def settled() -> bool:
        # Results published by the clock are up to a second later, at each of two stages.
        published = sum(1 for _ in truth.read(market.bootstrap, "trend-signals"))
        return published >= len(signals(market.bootstrap)) and all(
            rankings(market.bootstrap, topic) == right_rankings(market.bootstrap, topic)
            for topic in RANKINGS
        )

    return crash_run(
        market,
        PIPELINES,
        walks(RECORDS, seed=7),
        outputs=["closes", "trend-signals", *RANKINGS],
        settled=settled,
    )


def test_the_worker_was_killed_with_work_in_flight(run: CrashRun) -> None:
    """Otherwise the run would prove nothing."""
    assert run.in_flight > 0


def test_final_windows_are_published_once_and_in_order(run: CrashRun, market: Market) -> None:
    """All of them are there, with the closes of an independent computation."""
    found = pl.DataFrame(run.values("closes"), infer_schema_length=None)
    right = trend_truth.final_closes(ticks(market.bootstrap))
    assert truth.differences(right, found).is_empty()
    assert len(found) == len(right) > RECORDS // 10
    in_order = found.select("symbol", "start").group_by("symbol", maintain_order=True).all()
    assert all(starts.is_sorted() for starts in in_order["start"])


def test_signals_equal_those_computed_with_decimals(run: CrashRun, market: Market) -> None:
    """Each is there once, in the window of its crossing, with the averages; no other is."""
    right = {
        (each.close["symbol"], each.close["start"]): each for each in signals(market.bootstrap)
    }
    found = {(each["symbol"], each["start"]): each for each in run.values("trend-signals")}
    assert found.keys() == right.keys()
    assert len(run.values("trend-signals")) == len(right) > 36
    for window, signal in found.items():
        expected = right[window]
        exact = signal["signal"], signal["windows"], signal["close"], signal["last_offset"]
        close = expected.close
        assert exact == (expected.signal, expected.windows, close["close"], close["last_offset"])
        assert signal["ema38"] == pytest.approx(float(expected.short), rel=1e-12)
        assert signal["ema100"] == pytest.approx(float(expected.long), rel=1e-12)
    for output in run.outputs["trend-signals"]:
        assert output.source.startswith("closes-")


@pytest.mark.parametrize("topic", RANKINGS)
def test_rankings_equal_those_of_all_ticks(run: CrashRun, market: Market, topic: str) -> None:
    """Those of each day agree in order; no ranking is seen twice."""
    assert rankings(market.bootstrap, topic) == right_rankings(market.bootstrap, topic)
    revisions = [(each["day"], each["revision"]) for each in run.values(topic)]
    assert len(set(revisions)) == len(revisions)


@pytest.mark.usefixtures("run")
def test_restarted_worker_returns_trends_and_rankings(market: Market) -> None:
    """It restores averages, the last three signals and rankings from the committed state."""
    with market.worker(TICKSTREAM_PIPELINES=PIPELINES) as worker:
        for symbol, history in followed(market.bootstrap).items():
            status, trend = until(lambda symbol=symbol: worker.get(f"/api/trends/{symbol}"))
            assert status == 200
            last = history[-1]
            assert (trend["end"], trend["windows"]) == (last.close["end"], last.windows)
            assert trend["ema38"] == pytest.approx(float(last.short), rel=1e-12)
            assert trend["ema100"] == pytest.approx(float(last.long), rel=1e-12)
            published = [(each.close["start"], each.signal) for each in history if each.signal]
            assert [(s["start"], s["signal"]) for s in trend["signals"]] == published[-3:]
        assert worker.get("/api/trends/NOBODY")[0] == 404
        for topic in RANKINGS:
            day, right = max(right_rankings(market.bootstrap, topic).items())
            for query in ("", f"?day={day}"):
                status, found = worker.get(f"/api/{topic}{query}")
                assert (status, found["day"]) == (200, day)
                assert [p["symbol"] for p in found["rank"]] == [p["symbol"] for p in right]
