"""Lower bound of Python: aiokafka, orjson and a dict, without framework and durable state.

It is configured by bench/contestants.py (`BENCH_...`), and counts ticks instead of publishing. On
standard output it reports its progress in JSON lines: the number of ticks `seen` and the time
(`at`, ms), after a third and at the end, there with its `cpu` (s). Then it writes its results
once, so that they can be checked.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

BOOTSTRAP, SOURCE = os.environ["BENCH_BOOTSTRAP"], os.environ["BENCH_INPUT"]
SIZE, ADVANCE = int(os.environ["BENCH_SIZE_MS"]), int(os.environ["BENCH_ADVANCE_MS"])

#: Least size of the ticks that pass the filter, as in bench/workloads.py, whose import would load
#: the product.
LARGE = 400

#: A result to be written: key and value.
Result = tuple[bytes, bytes]
Panes = dict[tuple[str, int], list[Any]]


async def main(count: int) -> None:
    """Read `count` ticks, report the progress, write the results."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=BOOTSTRAP,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    await consumer._client._wait_on_metadata(SOURCE)  # noqa: SLF001  # else it knows no partitions
    numbers = consumer.partitions_for_topic(SOURCE) or set()
    consumer.assign([TopicPartition(SOURCE, number) for number in numbers])
    await consumer.seek_to_beginning()
    fold, results = _filter() if os.environ["BENCH_WORK"] == "filter" else _windows()
    seen, third = 0, count // 3
    while seen < count:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=5000)
        for records in fetched.values():
            seen += len(records)
            fold(records)
        if seen >= third:
            _report(seen)
            third = count
    _report(seen, cpu=time.process_time())
    await consumer.stop()
    await _write(results())


def _report(seen: int, **more: float) -> None:
    print(json.dumps({"seen": seen, "at": time.time_ns() // 1_000_000, **more}), flush=True)


def _windows() -> tuple[Callable[[Sequence[Any]], None], Callable[[], Iterable[Result]]]:
    """Fold into panes of one advance each: tumbling and hopping windows cost one fold per tick."""
    panes: Panes = {}
    loads, advance = orjson.loads, ADVANCE

    def fold(records: Sequence[Any]) -> None:
        for record in records:
            tick = loads(record.value)
            price, key = tick["price"], (tick["symbol"], tick["time"] // advance)
            pane = panes.get(key)
            if pane is None:
                panes[key] = [price, price, price, price, tick["size"], 1]
                continue
            # Not max() and min(), which are slower.
            if price > pane[1]:  # noqa: PLR1730
                pane[1] = price
            if price < pane[2]:  # noqa: PLR1730
                pane[2] = price
            pane[3] = price
            pane[4] += tick["size"]
            pane[5] += 1

    return fold, lambda: _merged(panes)


def _merged(panes: Panes) -> Iterator[Result]:
    """Yield the windows; each pane, oldest first, belongs to size / advance windows."""
    windows: Panes = {}
    for (symbol, number), pane in sorted(panes.items(), key=lambda item: item[0][1]):
        for first in range(number - SIZE // ADVANCE + 1, number + 1):
            window = windows.get((symbol, first))
            if window is None:
                windows[symbol, first] = [*pane]
                continue
            window[1], window[2] = max(window[1], pane[1]), min(window[2], pane[2])
            window[3] = pane[3]
            window[4] += pane[4]
            window[5] += pane[5]
    names = ("open", "high", "low", "close", "volume", "count")
    for (symbol, first), window in windows.items():
        start = first * ADVANCE
        place = {"symbol": symbol, "size": SIZE, "advance": ADVANCE, "start": start}
        value = place | {"end": start + SIZE} | dict(zip(names, window, strict=True))
        yield symbol.encode(), orjson.dumps(value)


def _filter() -> tuple[Callable[[Sequence[Any]], None], Callable[[], Iterable[Result]]]:
    large: list[Result] = []

    def fold(records: Sequence[Any]) -> None:
        large.extend(
            (record.key, record.value)
            for record in records
            if orjson.loads(record.value)["size"] >= LARGE
        )

    return fold, lambda: large


async def _write(results: Iterable[Result]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, linger_ms=50, compression_type="lz4")
    await producer.start()
    for key, value in results:
        await producer.send(os.environ["BENCH_OUTPUT"], value, key)
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(main(int(os.environ["BENCH_TICKS"])))
