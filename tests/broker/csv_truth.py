"""Actual and expected content of a CSV file, with the standard library alone."""

import csv
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from app.market.walks import CLEAN, Market
from eventfold.connectors import Record

Rows = Counter[tuple[str, str]]

START = 1_700_000_000_000


def rows_of(path: Path) -> Rows:
    """Read a CSV file: check its header, return its rows of two."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["time", "price"]
    return Counter((time, price) for time, price in rows)


def row(time: int, price: str) -> tuple[str, str]:
    """Return the row of a price at `time` (ms)."""
    return datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"), price


def truth(records: Iterable[Record]) -> Rows:
    """Compute the expected rows of ticks, independently of the product."""
    ticks = (json.loads(value) for _, value, _ in records)
    return Counter(row(tick["time"], repr(tick["price"])) for tick in ticks)


def ticks(number: int, seed: int = 1) -> list[Record]:
    """Return ticks whose rows are almost unique: many prices, many seconds."""
    return list(islice(Market(step=50, seed=seed, flaws=CLEAN).records(START), number))


def size_of(path: Path) -> int:
    """Return the size of a file, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def committed_size(path: Path) -> int:
    """Return how many bytes of the file are committed, according to its side-car."""
    side_car = path.with_name(f"{path.name}.offsets")
    return int(json.loads(side_car.read_text())["bytes"]) if side_car.exists() else 0
