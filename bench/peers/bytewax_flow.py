"""Bytewax as a contestant. Run by `environments.python_of("bytewax")`; imports nothing of ours.

Its environment (`BENCH_...`) and its task are described in `bench/contestants.py`. The pages
named here are those of the documentation, docs.bytewax.io.

It ends at the end of the input, which closes windows that no later tick has closed.
"""

import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import (
    KafkaSink,
    KafkaSinkMessage,
    KafkaSource,
    KafkaSourceMessage,
)
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

SIZE = int(os.environ.get("BENCH_SIZE_MS", "0"))
ADVANCE = int(os.environ.get("BENCH_ADVANCE_MS", "0"))
COMMIT = int(os.environ["BENCH_COMMIT_MS"]) / 1000

#: Seconds between two results of a window; with BENCH_EMIT=close only the final one is published.
PAUSE = COMMIT if os.environ["BENCH_EMIT"] == "updates" else float("inf")

EPOCH = datetime.fromtimestamp(0, UTC)

#: "Performance", Batch sizes in input sources: larger ones improve throughput (1,000 by default).
#: All ticks of a key in a batch are folded in one call.
BATCH = 10_000

#: Price, size, time.
Tick = tuple[float, int, datetime]
#: Open, high, low, close, volume, count.
Candle = tuple[float, float, float, float, int, int]


class Fold(windowing.WindowLogic[Tick, Candle, Candle | None]):
    """One window: like `fold_window`, but changes are published before it closes.

    "windowing", window: the operator for control over when a window emits.
    """

    def __init__(self, candle: Candle | None) -> None:
        self.candle = candle
        self.published_at = time.monotonic()

    def on_value(self, value: Tick) -> Iterable[Candle]:
        """Fold one tick in."""
        price, size, _ = value
        if self.candle is None:
            self.candle = (price, price, price, price, size, 1)
        else:
            first, high, low, _, volume, count = self.candle
            self.candle = (
                first,
                price if price > high else high,  # noqa: FURB136 - max() is slower
                price if price < low else low,  # noqa: FURB136
                price,
                volume + size,
                count + 1,
            )
        now = time.monotonic()
        if now - self.published_at < PAUSE:
            return ()
        self.published_at = now
        return (self.candle,)

    def on_merge(self, original: "Fold") -> Iterable[Candle]:
        """Do nothing: only session windows merge."""
        raise NotImplementedError

    def on_close(self) -> Iterable[Candle]:
        """Return the final window, if it has any tick."""
        return () if self.candle is None else (self.candle,)

    def snapshot(self) -> Candle | None:
        """Return the candle itself: a tuple needs no copy."""
        return self.candle


def main() -> None:
    """Work until the end of the input."""
    state = Path(os.environ["BENCH_STATE"])
    threads = int(os.environ["BENCH_THREADS"])
    # "Recovery": its durable store, SQLite; as many partitions as workers.
    init_db_dir(state, threads)
    cli_main(
        flow(),
        workers_per_process=threads,
        # "Recovery", Snapshotting: as often as all contestants commit.
        epoch_interval=timedelta(seconds=COMMIT),
        recovery_config=RecoveryConfig(state),
    )


def flow() -> Dataflow:
    """Build the dataflow from topic to topic."""
    brokers = [os.environ["BENCH_BOOTSTRAP"]]
    source = KafkaSource(
        brokers,
        [os.environ["BENCH_INPUT"]],
        tail=False,
        batch_size=BATCH,
        add_config={"isolation.level": "read_committed"},
    )
    sink = KafkaSink(
        brokers,
        os.environ["BENCH_OUTPUT"],
        add_config={"compression.type": "lz4", "partitioner": "murmur2_random"},
    )
    steps = Dataflow("peer")
    ticks = op.input("ticks", steps, source)
    # "Performance", Batching: one call for a batch costs less than one for each record.
    if os.environ["BENCH_WORK"] == "filter":
        results = op.flat_map_batch("large", ticks, _large)
    else:
        decoded = op.flat_map_batch("decode", ticks, _decode)
        candles = windowing.window(
            "candles",
            decoded,
            windowing.EventClock(
                lambda tick: tick[2],
                timedelta(milliseconds=int(os.environ["BENCH_GRACE_MS"])),
                # "windowing", EventClock: no timer for windows that ended long ago; ticks and the
                # end of the input close them.
                to_system_utc=lambda _: None,
            ),
            windowing.SlidingWindower(
                timedelta(milliseconds=SIZE), timedelta(milliseconds=ADVANCE), EPOCH
            ),
            Fold,
            # "windowing", window: there is a penalty to ordering, and the ticks are in order.
            ordered=False,
        )
        results = op.flat_map_batch("encode", candles.down, _encode)
    op.output("results", results, sink)
    return steps


def _large(batch: list[KafkaSourceMessage]) -> list[KafkaSinkMessage]:
    loads = orjson.loads
    return [
        KafkaSinkMessage(each.key, each.value) for each in batch if loads(each.value)["size"] >= 400
    ]


def _decode(batch: list[KafkaSourceMessage]) -> list[tuple[str, Tick]]:
    loads, moment = orjson.loads, datetime.fromtimestamp
    return [
        (tick["symbol"], (tick["price"], tick["size"], moment(tick["time"] / 1000, UTC)))
        for tick in (loads(each.value) for each in batch)
    ]


def _encode(batch: list[tuple[str, tuple[int, Candle]]]) -> list[KafkaSinkMessage]:
    return [_result(*each) for each in batch]


def _result(symbol: str, window: tuple[int, Candle]) -> KafkaSinkMessage:
    number, (first, high, low, last, volume, count) = window
    # Windows are numbered from EPOCH on.
    start = number * ADVANCE
    value = {
        "symbol": symbol,
        "size": SIZE,
        "advance": ADVANCE,
        "start": start,
        "end": start + SIZE,
        "open": first,
        "high": high,
        "low": low,
        "close": last,
        "volume": volume,
        "count": count,
    }
    return KafkaSinkMessage(symbol, orjson.dumps(value))


if __name__ == "__main__":
    main()
