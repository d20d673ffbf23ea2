"""Expected windows of a topic, computed independently of the product: polars over all records.

It shares no code with `app/`: records are read with librdkafka, windows are joins and group-bys.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import polars as pl
import stamina
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

#: Characters of a symbol; a longer one is a dead letter.
LONGEST = 256

#: What identifies a window.
WINDOW = ["symbol", "size", "advance", "start"]

#: A record as it lies in a topic: partition, offset, Kafka's timestamp (ms), key, value.
Raw = tuple[int, int, int, bytes | None, bytes | None]


def read(
    bootstrap: str,
    topic: str,
    *,
    isolation: str = "read_committed",
    begin: Mapping[int, int] = MappingProxyType({}),
) -> Iterator[Message]:
    """Yield the records of a topic, at least up to its present end, each partition in order.

    A partition is read from its offset in `begin`, else from the start.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "truth",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": isolation,
        }
    )
    try:
        numbers = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        partitions = [TopicPartition(topic, number, begin.get(number, 0)) for number in numbers]
        at = ends(consumer, partitions)
        consumer.assign(partitions)
        left = set(at)
        while left:
            for message in consumer.consume(20_000, timeout=0.2):
                error, number = message.error(), message.partition()
                if error is None:
                    yield message
                    # What is written meanwhile may keep the end of the partition unreported.
                    if message.offset() >= at[number] - 1:
                        left.discard(number)
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard(number)
                else:
                    raise RuntimeError(str(error))
    finally:
        consumer.close()


@stamina.retry(on=KafkaException, timeout=20, attempts=None, wait_initial=0.05)
def ends(consumer: Consumer, partitions: list[TopicPartition]) -> dict[int, int]:
    """Return the present end of each partition of a topic, by number."""
    # A partition of a new topic may have no leader yet.
    return {each.partition: consumer.get_watermark_offsets(each)[1] for each in partitions}


def ticks(bootstrap: str, topic: str = "ticks") -> pl.DataFrame:
    """Return the readable ticks of a topic with their coordinates and `before`.

    `before` is the stream time of the tick's partition when it arrived (null for the first).
    """
    return judge(
        (each.partition(), each.offset(), each.timestamp()[1], each.key(), each.value())
        for each in read(bootstrap, topic)
    )


def judge(records: Iterable[Raw]) -> pl.DataFrame:
    """Return the readable ticks among the records of a topic, as `ticks` does."""
    rows = [row for record in records if (row := _tick(*record))]
    names = ["partition", "offset", "symbol", "price", "time", "volume"]
    frame = pl.DataFrame(rows, schema=names, orient="row").sort("partition", "offset")
    before = pl.col("time").cum_max().shift(1).over("partition").alias("before")
    return frame.with_columns(before)


def _tick(
    partition: int, offset: int, timestamp: int, key: bytes | None, raw: bytes | None
) -> tuple[Any, ...] | None:
    try:
        value = json.loads(raw)
        symbol, price, time = value["symbol"], value["price"], value["time"]
        if key != symbol.encode() or isinstance(price, str):
            return None
        if time < 10**11 or time > timestamp + 3_600_000 or len(symbol) > LONGEST:
            return None
        size = value.get("size", 0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return partition, offset, symbol, float(price), time, size


def candles(frame: pl.DataFrame, size: int, advance: int, grace: int) -> pl.DataFrame:
    """Compute the windows [start, start + size) at multiples of `advance` over ticks in time."""
    kept = frame.filter(pl.col("before").is_null() | (pl.col("time") >= pl.col("before") - grace))
    last_start = pl.col("time") // advance * advance
    copies = [
        kept.with_columns(start=last_start - number * advance) for number in range(size // advance)
    ]
    spread = pl.concat(copies).filter(pl.col("start") >= 0)
    by_time = spread.sort("time", "offset")
    return (
        by_time.group_by("symbol", "start", "partition", maintain_order=True)
        .agg(
            open=pl.col("price").first(),
            high=pl.col("price").max(),
            low=pl.col("price").min(),
            close=pl.col("price").last(),
            volume=pl.col("volume").sum(),
            notional=(pl.col("price") * pl.col("volume")).sum(),
            count=pl.len(),
            mean=pl.col("price").mean(),
            late=(pl.col("before") >= pl.col("start") + size).sum(),
            first_offset=pl.col("offset").min(),
            last_offset=pl.col("offset").max(),
        )
        .with_columns(
            vwap=pl.when(pl.col("volume") > 0).then(pl.col("notional") / pl.col("volume")),
            size=pl.lit(size),
            advance=pl.lit(advance),
            end=pl.col("start") + size,
        )
        .drop("notional")
    )


def published(bootstrap: str, topic: str = "candles") -> pl.DataFrame:
    """Return the candle of the highest revision of each window, as a reader of the topic has it."""
    latest: dict[tuple[Any, ...], dict[str, Any]] = {}
    for message in read(bootstrap, topic):
        candle = json.loads(message.value())
        window = tuple(candle[name] for name in WINDOW)
        before = latest.get(window)
        if before is None or candle["revision"] > before["revision"]:
            latest[window] = candle
    return pl.DataFrame(list(latest.values()), infer_schema_length=None)


def differences(truth: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Return the windows that are missing, unexpected, or differ in a field.

    Sums of floats (vwap, mean) may differ by 1e-9 relative, everything else not at all.
    """
    exact = ["partition", "end", "open", "high", "low", "close", "volume", "count", "late"]
    exact += ["first_offset", "last_offset"]
    both = truth.join(found, on=WINDOW, how="full", suffix="_found", coalesce=False)
    wrong = pl.any_horizontal(
        pl.col("count").is_null(),
        pl.col("count_found").is_null(),
        *(pl.col(name).ne_missing(pl.col(f"{name}_found")) for name in exact),
        *(_apart(name) for name in ("vwap", "mean")),
    )
    return both.filter(wrong)


def _apart(name: str) -> pl.Expr:
    truth, found = pl.col(name), pl.col(f"{name}_found")
    far = ((truth - found).abs() > 1e-9 * truth.abs()).fill_null(value=False)
    return far | (truth.is_null() != found.is_null())
