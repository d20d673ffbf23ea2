"""Daily prices of five stocks over 13 years, replayed as ticks: the file has the right results.

The data is `bokeh_sampledata.stocks`: AAPL, FB, GOOG, IBM, MSFT, 2000-03-01 to 2013-03-01.
"""

import csv
import json
import os
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
import truth
from bokeh_sampledata import stocks
from workers import DAY, Market, until

PRICES = ("open", "high", "low", "close")

#: Hours (UTC) at which the four prices of a day are replayed, in this order.
HOURS = (14, 16, 18, 21)

#: Day and symbol → the four prices.
Days = dict[tuple[str, str], tuple[float, ...]]


@pytest.fixture(scope="module")
def days() -> Days:
    """Return the file's own four columns of every day."""
    return {
        (day, symbol): tuple(float(series[name][number]) for name in PRICES)
        for symbol in ("AAPL", "FB", "GOOG", "IBM", "MSFT")
        for series in [getattr(stocks, symbol)]
        for number, day in enumerate(series["date"])
    }


@pytest.fixture(scope="module")
def replayed(market: Market, days: Days, tmp_path_factory: pytest.TempPathFactory) -> Market:
    """Replay the file through the product's own producer and worker; return the market after it."""
    path = tmp_path_factory.mktemp("prices") / "ticks.csv"
    _write(days, path)
    with market.worker(TICKSTREAM_WINDOWS="1h,1d"):
        faust = Path(sys.executable).with_name("faust")
        command = [faust, "-A", "app", "produce", "--source", f"file:{path}", "--speed", "0"]
        environment = os.environ | {"BROKER_URL": market.bootstrap}
        subprocess.run(command, env=environment, check=True, capture_output=True)
        until(lambda: _rankings(market).keys() == {day for day, _ in days}, 90)
        until(lambda: _rankings(market) == _expected_rankings(days), 60)
    return market


def _write(days: Days, path: Path) -> None:
    ticks = sorted(
        (f"{day}T{hour:02}:00:00Z", number, symbol, price)
        for (day, symbol), prices in days.items()
        for number, (hour, price) in enumerate(zip(HOURS, prices, strict=True))
    )
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["symbol", "price", "time"])
        rows.writerows((symbol, price, time) for time, _, symbol, price in ticks)


def test_day_windows_equal_the_prices_of_the_file(replayed: Market, days: Days) -> None:
    """Open, high, low, close of every day of every stock equal the file's, to the last digit."""
    found = truth.published(replayed.bootstrap)
    windows = found.filter(found["size"] == DAY).select("start", "symbol", *PRICES, "count")
    measured = {
        (_day(start), symbol): tuple(prices)
        for start, symbol, *prices, count in windows.iter_rows()
        if count == len(PRICES)
    }
    assert len(days) > 12_000
    assert measured == days


def test_gainers_of_each_day_are_in_the_right_order(replayed: Market, days: Days) -> None:
    """The top-gainers of each of 3,270 days name the stocks traded then, the best one first."""
    assert _rankings(replayed) == _expected_rankings(days)


def _rankings(market: Market) -> dict[str, list[str]]:
    latest: dict[str, dict] = {}
    for message in truth.read(market.bootstrap, "top-gainers"):
        found = json.loads(message.value())
        if found["revision"] >= latest.get(found["day"], found)["revision"]:
            latest[found["day"]] = found
    return {day: [place["symbol"] for place in each["rank"]] for day, each in latest.items()}


def _expected_rankings(days: Days) -> dict[str, list[str]]:
    gains = defaultdict(list)
    for (day, symbol), (first, _, _, last) in days.items():
        gains[day].append((-(last - first) / first, symbol))
    return {day: [symbol for _, symbol in sorted(each)] for day, each in gains.items()}


def _day(start: int) -> str:
    return datetime.fromtimestamp(start / 1000, UTC).date().isoformat()
