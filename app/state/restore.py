"""Restores a partition of a table: its changelog, read committed, straight into the store."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.clients import running
from app.state.changelog import POLL_RECORDS, ends, new_consumer, open_store, write

if TYPE_CHECKING:
    from pathlib import Path

    from app.settings import Settings
    from app.state.progress import Progress
    from app.state.store import Store
    from app.state.table import StateTable

logger = logging.getLogger(__name__)

#: Seconds between two lines about a restore that takes longer.
REPORT = 2.0


async def restore(
    path: Path,
    table: StateTable,
    partition: int,
    conf: Settings,
    progress: Progress,
) -> Store:
    """Open a table's store at `path` and bring it to the end of its changelog partition.

    It reads until the position reaches the end offset: transaction markers take offsets too, so
    waiting for a last record could wait for ever. Raises OtherHistoryError for a store that is
    ahead of the changelog, or behind what is still there.
    """
    changelog = TopicPartition(table.changelog.name, partition)
    async with running(new_consumer(conf)) as consumer:
        consumer.assign([changelog])
        first, end = (await ends(consumer, [changelog]))[changelog]
        store = open_store(path, changelog, first, end)
        progress.start(max(first, store.offset), end)
        try:
            await _read(consumer, changelog, store, progress, timed=table.timed)
        except BaseException:
            store.close()
            raise
        finally:
            progress.finish()
    if progress.rows:
        logger.info(
            "Restored %s in %.2f s", progress, progress.seconds, extra={"table": table.name}
        )
    return store


async def _read(
    consumer: AIOKafkaConsumer,
    changelog: TopicPartition,
    store: Store,
    progress: Progress,
    *,
    timed: bool,
) -> None:
    consumer.seek(changelog, progress.begin)
    reported = 0.0
    while progress.position < progress.end:
        fetched = await consumer.getmany(changelog, timeout_ms=200, max_records=POLL_RECORDS)
        position = await consumer.position(changelog)
        records = fetched.get(changelog, [])
        write(store, records, position, timed=timed)
        progress.reach(position, len(records))
        await asyncio.sleep(0)  # what has been fetched already is given without a turn
        if progress.seconds - reported > REPORT:
            reported = progress.seconds
            logger.info("Restoring %s", progress, extra={"table": progress.table})
