"""The floor of Python: aiokafka, a JSON decoder and a dict. No framework, no state kept.

usage: floor.py BOOTSTRAP TOPIC COUNT; prints the seconds from the first record to the last.
"""

import asyncio
import sys
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

WINDOW = 300_000


async def main(bootstrap: str, topic: str, count: int) -> float:
    """Fold `count` ticks into 5-minute windows; give the seconds it took."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, max_partition_fetch_bytes=4 << 20)
    await consumer.start()
    await consumer._client._wait_on_metadata(topic)  # noqa: SLF001
    partitions = consumer.partitions_for_topic(topic) or set()
    consumer.assign([TopicPartition(topic, number) for number in partitions])
    await consumer.seek_to_beginning()
    decode = msgspec.json.Decoder().decode
    windows: dict = {}
    seen, begun = 0, 0.0
    while seen < count:
        fetched = await consumer.getmany(timeout_ms=1000, max_records=5000)
        begun = begun or time.perf_counter()
        for records in fetched.values():
            seen += len(records)
            for record in records:
                tick = decode(record.value)
                price, key = tick["price"], (tick["symbol"], tick["time"] // WINDOW)
                window = windows.get(key)
                if window is None:
                    windows[key] = [price, price, price, price, tick["size"], 1]
                    continue
                # Not max() and min(): the floor is to be as low as Python lets it.
                if price > window[1]:  # noqa: PLR1730
                    window[1] = price
                if price < window[2]:  # noqa: PLR1730
                    window[2] = price
                window[3] = price
                window[4] += tick["size"]
                window[5] += 1
    seconds = time.perf_counter() - begun
    await consumer.stop()
    return seconds


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
