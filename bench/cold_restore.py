"""One cold restore from a changelog, in a new process.

usage: cold_restore.py read|restore|profile DIRECTORY, with a worker's settings in the environment.

`restore` restores all partitions of the table of candles into empty stores at once, as a worker's
tasks do. `read` only reads the same records with aiokafka. Both print records and seconds.
`profile` restores under cProfile and prints the profile.
"""

import asyncio
import cProfile
import pstats
import sys
from pathlib import Path
from time import perf_counter

from aiokafka import AIOKafkaConsumer, TopicPartition

from app import app
from eventfold.engine import metrics
from eventfold.engine.progress import Progress
from eventfold.kafka.fetching import install
from tables.candles import candles

FETCH_BYTES = 8 << 20


async def restore(directory: Path) -> tuple[int, float]:
    """Restore all partitions at once; return rows and seconds."""
    install(app.tasks.reads)  # as a worker's consumer does
    partitions = range(candles.source.partition_count())
    begun = perf_counter()
    stores = await asyncio.gather(
        *(
            app.tasks.journal.restore(directory / str(n), candles, n, Progress("candles", n))
            for n in partitions
        )
    )
    seconds = perf_counter() - begun
    for store in stores:
        store.close()
    rows = (metrics.restored_rows.labels("candles", str(n)) for n in partitions)
    return int(sum(row._value.get() for row in rows)), seconds  # noqa: SLF001  # there is no public getter


async def read() -> tuple[int, float]:
    """Read all partitions to their ends without processing; return the number of records and s."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=app.settings.bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    name = candles.changelog.name
    partitions = [TopicPartition(name, n) for n in range(candles.source.partition_count())]
    begun = perf_counter()
    await consumer.start()
    consumer.assign(partitions)
    await consumer.seek_to_beginning()
    left = await consumer.end_offsets(partitions)
    records = 0
    while left:
        fetched = await consumer.getmany(timeout_ms=200)
        records += sum(map(len, fetched.values()))
        left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
    seconds = perf_counter() - begun
    await consumer.stop()
    return records, seconds


def main(mode: str, directory: Path) -> None:
    """Run one mode and print its result."""
    if mode != "profile":
        records, seconds = asyncio.run(read() if mode == "read" else restore(directory))
        print(records, seconds)
        return
    profile = cProfile.Profile()
    profile.enable()
    asyncio.run(restore(directory))
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
