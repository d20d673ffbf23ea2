"""Quix Streams as a contestant. Run by `environments.python_of("quix")`; imports nothing of ours.

Its environment (`BENCH_...`) and its task are described in `bench/contestants.py`. The pages
named here are those of its documentation, quix.io/docs/quix-streams.
"""

import logging
import os

import orjson
from quixstreams import Application
from quixstreams.dataframe.windows import Aggregator

SIZE = int(os.environ.get("BENCH_SIZE_MS", "0"))
ADVANCE = int(os.environ.get("BENCH_ADVANCE_MS", "0"))
GRACE = int(os.environ.get("BENCH_GRACE_MS", "0"))


class Candle(Aggregator):
    """Open, high, low, close, volume and count as one value of the window.

    One custom aggregator, not six built-in ones ("Aggregations", Custom Aggregators): a window is
    read, folded and written once for each tick.
    """

    def initialize(self) -> None:
        """Return no candle: there is no tick yet."""

    def agg(self, old: list | None, new: dict, timestamp: int) -> list:  # noqa: ARG002
        """Fold one tick in. The state is kept as JSON: a list is shorter than a dict."""
        price = new["price"]
        if old is None:
            return [price, price, price, price, new["size"], 1]
        first, high, low, _, volume, count = old
        return [
            first,
            price if price > high else high,  # noqa: FURB136 - max() is slower
            price if price < low else low,  # noqa: FURB136
            price,
            volume + new["size"],
            count + 1,
        ]

    def result(self, value: list) -> list:
        """Return the candle; `_result`, which knows the key, formats it."""
        return value


def main() -> None:
    """Work until SIGTERM, which Quix Streams handles."""
    exactly_once = os.environ["BENCH_GUARANTEE"] == "exactly_once"
    app = Application(
        os.environ["BENCH_BOOTSTRAP"],
        consumer_group=os.environ["BENCH_NAME"],
        auto_offset_reset="earliest",
        state_dir=os.environ["BENCH_STATE"],
        # "Checkpointing": longer intervals mean less IO. All contestants have the same one.
        commit_interval=int(os.environ["BENCH_COMMIT_MS"]) / 1000,
        processing_guarantee="exactly-once" if exactly_once else "at-least-once",
        # On by default, set here because it is part of the work ("Stateful Applications").
        use_changelog_topics=True,
        # "Configuration", Advanced Kafka Configuration: options of librdkafka. A result is
        # written for each tick, so larger and compressed requests spare the broker and the wire;
        # the room for them is what keeps produce() from waiting.
        producer_extra_config={
            "compression.type": "lz4",
            "linger.ms": LINGER,
            "batch.size": 1 << 20,
            "queue.buffering.max.messages": 1_000_000,
        },
        consumer_extra_config={"isolation.level": "read_committed"},
        loglevel=logging.WARNING,
    )
    if os.environ["BENCH_WORK"] == "filter":
        _filter(app)
    else:
        _windows(app)
    app.run()


def _filter(app: Application) -> None:
    # As bytes in and out ("Serialization"): large ticks are not encoded again.
    raw = {"key_serializer": "bytes", "value_serializer": "bytes"}
    ticks = app.topic(
        os.environ["BENCH_INPUT"], key_deserializer="bytes", value_deserializer="bytes"
    )
    large = app.dataframe(ticks).filter(lambda value: orjson.loads(value)["size"] >= 400)
    large.to_topic(app.topic(os.environ["BENCH_OUTPUT"], **raw))


def _windows(app: Application) -> None:
    # Keys as bytes name the rows of the store as they are; other types are serialised for it.
    ticks = app.topic(
        os.environ["BENCH_INPUT"],
        key_deserializer="bytes",
        value_deserializer="json",
        timestamp_extractor=_event_time,
    )
    frame = app.dataframe(ticks)
    if ADVANCE == SIZE:
        window = frame.tumbling_window(SIZE, grace_ms=GRACE)
    else:
        window = frame.hopping_window(SIZE, ADVANCE, grace_ms=GRACE)
    candles = window.agg(candle=Candle())
    # "Windowed Aggregations", closing strategies: by "key", windows stay open until their own key
    # has a later tick, and the store is searched for them at each tick.
    if os.environ["BENCH_EMIT"] == "close":
        results = candles.final(closing_strategy="partition")
    else:
        # Has no throttle: a result for each tick and window.
        results = candles.current(closing_strategy="partition")
    output = app.topic(os.environ["BENCH_OUTPUT"], key_serializer="bytes", value_serializer="json")
    results.apply(_result, metadata=True).to_topic(output)


def _event_time(value: dict, _headers: object, _timestamp: float, _kind: object) -> int:
    return value["time"]


def _result(value: dict, key: bytes, _timestamp: int, _headers: object) -> dict:
    first, high, low, last, volume, count = value["candle"]
    return {
        "symbol": key.decode(),
        "size": SIZE,
        "advance": ADVANCE,
        "start": value["start"],
        "end": value["end"],
        "open": first,
        "high": high,
        "low": low,
        "close": last,
        "volume": volume,
        "count": count,
    }


#: ms that a record waits for others of its request; the latency test commits often.
LINGER = min(20, int(os.environ["BENCH_COMMIT_MS"]) // 10)


if __name__ == "__main__":
    main()
