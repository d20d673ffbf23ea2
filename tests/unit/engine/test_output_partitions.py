"""Partition of a result, by native code and by the pure-Python fallback."""

from functools import cache
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner
from partition_driver import Drive
from plans import MINUTE
from raw_records import NOON, raw_tick

from app.market.records import LateTick, Tick
from app.market.topics import CANDLES
from app.worker import TickApp
from eventfold.aggregates import Ohlc
from eventfold.engine.window_table import WindowTable
from eventfold.records.candles import candle
from eventfold.settings import Settings
from eventfold.topics import Topic
from eventfold.windows import parse_windows

pytestmark = pytest.mark.usefixtures("implementation")

SYMBOLS = [f"S{number}" for number in range(12)]


@cache
def table_of(application: TickApp, name: str, source: Topic, output: Topic) -> WindowTable:
    """Declare a table of candles over a source, which are written to an output."""
    table = WindowTable(
        application,
        name=name,
        source=source,
        windows=parse_windows("1m,2m/1m"),
        aggregate=Ohlc(),
        record=candle,
        grace=0,
        retention=10 * MINUTE,
        help="candles",
    )
    table.publish(output)
    table.late(late_topic(output))
    return table


def late_topic(output: Topic) -> Topic:
    """Return the topic of late records beside an output."""
    return Topic(
        f"{output.base_name}-late",
        LateTick,
        key="symbol",
        purpose="late",
        partitions=output.partitions,
    )


def key_partitions(driver: Any, topic: Topic) -> set[tuple[bytes, int]]:
    """Return key and partition of all records written."""
    return {(out.record[0], out.partition) for out in driver.outputs[topic.base_name]}


def default_partitions(count: int) -> set[tuple[bytes, int]]:
    """Return each symbol's partition of `count` by Kafka's default partitioner."""
    place = DefaultPartitioner()
    return {(name.encode(), place(name.encode(), list(range(count)), [])) for name in SYMBOLS}


@pytest.mark.parametrize(
    ("source", "output", "count"),
    [
        (3, None, CANDLES.of(Settings()).partition_count()),
        (None, 4, 4),
        (3, 4, 4),
        (3, 3, 3),
        (None, 1, 1),
    ],
)
def test_output_that_is_not_co_partitioned_is_partitioned_by_key(
    application: TickApp,
    drive: Drive,
    source: int | None,
    output: int | None,
    count: int,
) -> None:
    """If source or output sets a number of partitions of its own, even the same number.

    Another producer of the source may place keys otherwise than our partitioner.
    """
    ticks = Topic("some-ticks", Tick, key="symbol", purpose="ticks", partitions=source)
    bars = Topic(
        f"candles-of-{source}-{output}", dict, key="symbol", purpose="candles", partitions=output
    )
    table = table_of(application, f"places-{source}-{output}", ticks, bars)
    raw = [raw_tick(n, Tick(name, 1.0, NOON)) for n, name in enumerate(SYMBOLS)]
    with drive(table, raw, partition=2) as driver:
        driver.settle()
        assert key_partitions(driver, bars) == default_partitions(count)


def test_co_partitioned_output_stays_in_the_partition_of_its_source(
    application: TickApp, drive: Drive
) -> None:
    """Late records as well as results."""
    ticks = Topic("own-ticks", Tick, key="symbol", purpose="ticks")
    bars = Topic("own-candles", dict, key="symbol", purpose="candles")
    table = table_of(application, "places", ticks, bars)
    late = Tick("S0", 1.0, NOON - 1)
    raw = [raw_tick(n, Tick(name, 1.0, NOON)) for n, name in enumerate(SYMBOLS)]
    with drive(table, [*raw, raw_tick(len(raw), late)], partition=2) as driver:
        driver.settle()
        assert key_partitions(driver, bars) == {(name.encode(), 2) for name in SYMBOLS}
        assert key_partitions(driver, late_topic(bars)) == {(b"S0", 2)}
