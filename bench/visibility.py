"""Times at which ticks became visible in the results, for a reader of the output topic.

A result has the number of ticks in its window (`count`), and the ticks of a symbol are in order: a
result of count c reflects the first c ticks of its symbol and window. So the measure is the same
for all contestants.
"""

import time
from array import array

import msgspec
import polars as pl
from confluent_kafka import Consumer, TopicPartition

#: Size of the windows (ms).
WINDOW = 300_000

#: Columns that identify a window, since there is one window definition.
KEY = ["symbol", "start"]


class _Result(msgspec.Struct):
    """Fields used of a result."""

    symbol: str
    start: int
    count: int


class VisibilityReader:
    """`read_committed` reader of results from the topic's present end; records arrival times."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = _consumer(bootstrap)
        partitions = partitions_of(self._consumer, topic)
        for each in partitions:
            each.offset = self._consumer.get_watermark_offsets(each, timeout=10)[1]
        self._consumer.assign(partitions)
        self._decode = msgspec.json.Decoder(_Result).decode
        self._names: list[str] = []
        self._starts, self._counts = array("q"), array("q")
        self._seen = array("d")
        #: Highest count of each window.
        self.counts: dict[tuple[str, int], int] = {}

    def read(self, timeout: float) -> None:
        """Read available results; wait at most `timeout` (s) for the first."""
        first = self._consumer.poll(timeout)
        if first is None:
            return
        # Don't wait for a full batch, which would delay the arrival time.
        messages = [first, *self._consumer.consume(10_000, timeout=0)]
        now = time.time()
        for message in messages:
            if message.error():
                raise RuntimeError(str(message.error()))
            result = self._decode(message.value() or b"")
            self._names.append(result.symbol)
            self._starts.append(result.start)
            self._counts.append(result.count)
            self._seen.append(now)
            window = result.symbol, result.start
            self.counts[window] = max(result.count, self.counts.get(window, 0))

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def latencies(self, ticks: pl.DataFrame) -> pl.DataFrame:
        """Return `ticks` with `seen`, the time (s since the epoch) of their first result, or null.

        `ticks` are in order and have `symbol` and `time` (ms).
        """
        results = pl.DataFrame(
            {
                "symbol": self._names,
                "start": pl.Series(self._starts, dtype=pl.Int64),
                "count": pl.Series(self._counts, dtype=pl.Int64),
                "seen": pl.Series(self._seen, dtype=pl.Float64),
            }
        )
        results = results.group_by(*KEY, "count").agg(pl.col("seen").min()).sort("count")
        # A result of a higher count reflects what a lower one does; mostly it comes later.
        soonest = pl.col("seen").reverse().cum_min().reverse()
        results = results.with_columns(soonest.over(KEY))
        start = pl.col("time") // WINDOW * WINDOW
        numbered = ticks.with_columns(start=start).with_columns(
            count=pl.int_range(1, pl.len() + 1).over(KEY)
        )
        joined = numbered.sort("count").join_asof(
            results, on="count", by=KEY, strategy="forward", check_sortedness=False
        )
        return joined.sort("due")


def appended(bootstrap: str, topic: str, ticks: pl.DataFrame) -> pl.DataFrame:
    """Return `ticks` with `appended`, the LogAppendTime (s) of each in its topic.

    `topic` holds these ticks and a few of other symbols. Raises RuntimeError if one is missing.
    """
    consumer = _consumer(bootstrap)
    partitions = partitions_of(consumer, topic)
    bounds = [consumer.get_watermark_offsets(each, timeout=10) for each in partitions]
    for each, (first, _) in zip(partitions, bounds, strict=True):
        each.offset = first
    consumer.assign(partitions)
    left = sum(end - first for first, end in bounds)
    names: list[str] = []
    at = array("q")
    while left:
        messages = consumer.consume(min(left, 20_000), timeout=10)
        if not messages:
            raise RuntimeError(f"{left:,} records of {topic} could not be read again")
        left -= len(messages)
        names += [(message.key() or b"").decode() for message in messages]
        at.extend([message.timestamp()[1] for message in messages])
    consumer.close()
    found = pl.DataFrame({"symbol": names, "appended": pl.Series(at, dtype=pl.Int64) / 1000})
    found = found.with_columns(nth=pl.int_range(pl.len()).over("symbol"))
    numbered = ticks.with_columns(nth=pl.int_range(pl.len()).over("symbol"))
    joined = numbered.join(found, on=["symbol", "nth"], how="left", maintain_order="left")
    if joined["appended"].null_count():
        raise RuntimeError(f"{joined['appended'].null_count():,} ticks are not in {topic}")
    return joined.drop("nth")


def partitions_of(consumer: Consumer, topic: str) -> list[TopicPartition]:
    """Return the partitions of a topic."""
    numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            # Longest wait of the broker for new records.
            "fetch.wait.max.ms": 100,
        }
    )
