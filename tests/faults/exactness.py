"""Invariants of every output after any fault: nothing is lost, nothing is counted twice."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import polars as pl
import truth
from steady_load import Tick, wait_caught_up
from workers import DAY, MINUTE, Market, until

#: Size, advance, grace (ms) of the windows of `steady_load.SETTINGS`.
WINDOWS = [
    (MINUTE, MINUTE, 5 * MINUTE),
    (5 * MINUTE, MINUTE, 5 * MINUTE),
    (DAY, DAY, 240 * MINUTE),
]

#: Seconds until all results are published: a stage waits as long for an idle input.
SETTLED = 120

Ranking = list[tuple[str, float]]


def assert_exact(market: Market, sent: Sequence[Tick]) -> None:
    """Once all is folded, check outputs against an independent computation; each occurs once.

    - `ticks` holds each tick that was sent, once (otherwise the test itself would be wrong);
    - every window in `candles` is right in each field, and there are no others;
    - a window has one final result if its partition's stream time has passed it, else none;
    - no (window, revision) occurs twice for a `read_committed` reader;
    - `top-gainers` ends with the ten best of each day.
    """
    wait_caught_up(market)
    ticks = truth.ticks(market.bootstrap)
    found = Counter(ticks.select("symbol", "time", "price", "volume").iter_rows())
    assert (found - Counter(sent), Counter(sent) - found) == (Counter(), Counter())

    expected = pl.concat(_windows(ticks, *window) for window in WINDOWS)
    best = _ten_best(expected)
    until(lambda: not len(truth.differences(expected, truth.published(market.bootstrap))), SETTLED)
    until(lambda: rankings(market.bootstrap) == best, SETTLED)
    results, finals = _results(market.bootstrap)
    assert [each for each, times in results.items() if times > 1] == []
    final = expected.filter("final").select(truth.WINDOW)
    assert finals == Counter(final.iter_rows())
    assert len(final)


def _windows(ticks: pl.DataFrame, size: int, advance: int, grace: int) -> pl.DataFrame:
    stream_time = ticks.group_by("partition").agg(stream_time=pl.col("time").max())
    windows = truth.candles(ticks, size, advance, grace).join(stream_time, on="partition")
    return windows.with_columns(final=pl.col("end") + grace <= pl.col("stream_time"))


def _results(bootstrap: str) -> tuple[Counter, Counter]:
    """Count each (window, revision), and the finals of each window."""
    results: Counter = Counter()
    finals: Counter = Counter()
    for message in truth.read(bootstrap, "candles"):
        candle = json.loads(message.value())
        window = tuple(candle[name] for name in truth.WINDOW)
        results[window, candle["revision"]] += 1
        if candle["final"]:
            finals[window] += 1
    return results, finals


def _ten_best(windows: pl.DataFrame) -> dict[str, Ranking]:
    days = windows.filter(pl.col("size") == DAY)
    gains = days.with_columns(gain=(pl.col("close") - pl.col("open")) / pl.col("open"))
    best = gains.sort(["gain", "symbol"], descending=[True, False]).group_by(
        "start", maintain_order=True
    )
    ranks: dict[str, Ranking] = defaultdict(list)
    for start, symbol, gain in best.head(10).select("start", "symbol", "gain").iter_rows():
        ranks[time.strftime("%Y-%m-%d", time.gmtime(start / 1000))].append((symbol, gain))
    return ranks


def rankings(bootstrap: str) -> dict[str, Ranking]:
    """Return each day's ranking of the highest revision."""
    latest: dict[str, dict] = {}
    for message in truth.read(bootstrap, "top-gainers"):
        found = json.loads(message.value())
        if found["revision"] >= latest.get(found["day"], found)["revision"]:
            latest[found["day"]] = found
    return {
        day: [(place["symbol"], place["gain"]) for place in found["rank"]]
        for day, found in latest.items()
    }
