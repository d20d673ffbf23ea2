"""Faust 0.15.3 as it is, as a contestant: its own driver, a windowed Table, its changelog.

Run by `environments.python_of("faust")`; imports nothing of ours. Its environment (`BENCH_...`)
and its task are described in `bench/contestants.py`. The pages named here are those of the
documentation, faust-streaming.github.io/faust.

Its windows close by the wall clock, so it has no result "once, when event time has passed": it
rejects BENCH_EMIT=close.
"""

import os
import sys
from typing import Any

import faust
import orjson

SIZE = int(os.environ.get("BENCH_SIZE_MS", "0"))
ADVANCE = int(os.environ.get("BENCH_ADVANCE_MS", "0"))
COMMIT = int(os.environ["BENCH_COMMIT_MS"]) / 1000

#: Open, high, low, close, volume, count: of JSON's types, a list is the shortest.
Candle = list[Any]

app = faust.App(
    os.environ["BENCH_NAME"],
    broker=f"kafka://{os.environ['BENCH_BOOTSTRAP']}",
    datadir=os.environ["BENCH_STATE"],
    # "Application", store: RocksDB is the one for production, memory is for development. (In memory
    # it took a seventh less CPU time.)
    store="rocksdb://?driver=rocksdict",
    processing_guarantee=os.environ["BENCH_GUARANTEE"],
    broker_commit_interval=COMMIT,
    # "Settings": a commit also comes after so many events; the interval alone is to decide.
    broker_commit_every=1_000_000,
    # "Settings", producer_linger: requests of several records, of which the changelog has one for
    # each tick; 20 ms cost less than 5 or none. Compressed as for all contestants.
    producer_linger=0.02,
    producer_compression_type="lz4",
    producer_max_batch_size=1 << 20,
    topic_partitions=3,
    topic_replication_factor=1,
    topic_disable_leader=True,
    web_enabled=False,
)
ticks = app.topic(os.environ["BENCH_INPUT"], key_serializer="raw", value_serializer="raw")
output = app.topic(os.environ["BENCH_OUTPUT"], key_serializer="raw", value_serializer="raw")


def _filter() -> None:
    @app.agent(ticks)
    async def large(stream: faust.StreamT[bytes]) -> None:
        async for key, value in stream.items():
            if orjson.loads(value)["size"] >= 400:
                await output.send(key=key, value=value)


def _windows() -> None:
    # "Tables", Windowing. Without `expires`: it goes by the wall clock, and ticks of an earlier
    # day would be gone as soon as they are in.
    table = app.Table("candles", partitions=3, default=_no_candle)
    if ADVANCE == SIZE:
        windows = table.tumbling(SIZE / 1000)
    else:
        windows = table.hopping(SIZE / 1000, ADVANCE / 1000)
    candles = windows.relative_to(_event_time)  # type: ignore[attr-defined]  # its type lacks it
    #: Candles changed since the last publication, by symbol and start of the window.
    changed: dict[tuple[str, int], Candle] = {}

    # As a dict and not as a Record ("Models"), which would be built from it for each tick.
    @app.agent(app.topic(os.environ["BENCH_INPUT"], key_serializer="raw", value_serializer="json"))
    async def fold(stream: faust.StreamT[dict[str, Any]]) -> None:
        async for tick in stream:
            symbol = tick["symbol"]
            folded: list[Candle] = []
            candles[symbol].apply(_folder(folded), tick)
            start = (tick["time"] - SIZE) // ADVANCE * ADVANCE
            for candle in folded:
                start += ADVANCE
                changed[symbol, start] = candle

    # "Tasks", timers: its throttle. Fewer results than one for each tick.
    @app.timer(COMMIT)
    async def publish() -> None:
        results = list(changed.items())
        changed.clear()
        for (symbol, start), candle in results:
            await output.send(key=symbol.encode(), value=_result(symbol, start, candle))


def _no_candle() -> Candle | None:
    return None


def _event_time(event: faust.EventT[Any] | None = None) -> float:
    # Windows are counted in seconds; of milliseconds some steps would not fit into their integer.
    event = event or faust.current_event()
    assert event is not None  # noqa: S101  # as long as an agent runs
    fields: Any = event.value
    return fields["time"] / 1000


def _folder(folded: list[Candle]) -> Any:
    """Return the operation on all windows of a tick, from the earliest on; it notes its results."""

    def fold(old: Candle | None, tick: dict[str, Any]) -> Candle:
        price = tick["price"]
        if old is None:
            new = [price, price, price, price, tick["size"], 1]
        else:
            first, high, low, _, volume, count = old
            new = [
                first,
                price if price > high else high,  # noqa: FURB136 - max() is slower
                price if price < low else low,  # noqa: FURB136
                price,
                volume + tick["size"],
                count + 1,
            ]
        folded.append(new)
        return new

    return fold


def _result(symbol: str, start: int, candle: Candle) -> bytes:
    first, high, low, last, volume, count = candle
    return orjson.dumps(
        {
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
    )


def main() -> None:
    """Work until SIGTERM, which Faust handles."""
    if os.environ["BENCH_WORK"] == "filter":
        _filter()
    elif os.environ["BENCH_EMIT"] == "close":
        sys.exit("stock Faust closes windows by the wall clock only: no BENCH_EMIT=close")
    else:
        _windows()
    faust.Worker(app, loglevel="WARN").execute_from_commandline()


if __name__ == "__main__":
    main()
