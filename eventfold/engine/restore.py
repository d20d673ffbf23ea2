"""Restore of a partition of a table: its changelog, read committed, straight into the store."""

import asyncio
import logging
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from eventfold.engine.changelog import POLL_RECORDS, new_consumer, survey
from eventfold.engine.progress import Progress
from eventfold.engine.replica import Replica
from eventfold.engine.store import Store
from eventfold.engine.table import StateTable
from eventfold.kafka.clients.connections import running
from eventfold.settings import Settings

logger = logging.getLogger(__name__)

#: Seconds between two log lines about a restore under way.
REPORT = 2.0


async def restore(
    path: Path,
    table: StateTable,
    partition: int,
    conf: Settings,
    progress: Progress,
) -> Store:
    """Bring a table's store to the end of its changelog. Raises OtherHistoryError."""
    # It reads until the position reaches the end offset: transaction markers take offsets too, so
    # waiting for a last record could wait forever.
    changelog = TopicPartition(table.changelog.name, partition)
    async with running(new_consumer(conf)) as consumer:
        consumer.assign([changelog])
        log = (await survey(consumer, [changelog], conf))[changelog]
        replica = Replica(path, changelog, log, conf, timed=table.timed)
        try:
            await _read_all(consumer, changelog, replica, log.end, progress)
        except BaseException:
            replica.close()
            raise
        finally:
            progress.finish()
    if progress.rows:
        logger.info(
            "Restored %s in %.2f s", progress, progress.seconds, extra={"table": table.name}
        )
    return replica.store


async def _read_all(
    consumer: AIOKafkaConsumer,
    changelog: TopicPartition,
    replica: Replica,
    end: int,
    progress: Progress,
) -> None:
    whole = False
    while not whole:
        progress.start(replica.position, end)
        consumer.seek(changelog, replica.position)
        whole = await _read(consumer, changelog, replica, progress) and replica.finish()


async def _read(
    consumer: AIOKafkaConsumer, changelog: TopicPartition, replica: Replica, progress: Progress
) -> bool:
    """Read to the end; return False if the replica has to be read again from its position."""
    reported = 0.0
    while progress.position < progress.end:
        fetched = await consumer.getmany(changelog, timeout_ms=200, max_records=POLL_RECORDS)
        position = await consumer.position(changelog)
        records = fetched.get(changelog, [])
        if not replica.take(records, position):
            return False
        progress.reach(position, len(records))
        await asyncio.sleep(0)  # fetched records come without a turn of the loop
        if progress.seconds - reported > REPORT:
            reported = progress.seconds
            logger.info("Restoring %s", progress, extra={"table": progress.table})
    return True
