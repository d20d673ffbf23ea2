"""Restores a partition of a table: its changelog, read committed, straight into the store."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.state import metrics
from app.state.errors import OtherHistoryError
from app.state.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from app.state.table import StateTable

logger = logging.getLogger(__name__)

FETCH_BYTES = 8 << 20


async def restore(
    path: Path, table: StateTable, partition: int, bootstrap_servers: list[str]
) -> Store:
    """Open a table's store at `path` and bring it to the end of its changelog partition.

    It reads until the position reaches the end offset: transaction markers take offsets too, so
    waiting for a last record could wait for ever. Raises OtherHistoryError for a store that is
    ahead of the changelog, or behind what is still there.
    """
    begun = perf_counter()
    changelog = table.changelog.name
    source = TopicPartition(changelog, partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    store = Store(path)
    try:
        consumer.assign([source])
        first = (await consumer.beginning_offsets([source]))[source]
        end = (await consumer.end_offsets([source]))[source]
        _check(store, first, end, source)
        rows = await _read(
            consumer, source, store, max(first, store.offset), end, timed=table.timed
        )
    except BaseException:
        store.close()
        raise
    finally:
        await consumer.stop()
    _report(table, partition, rows, perf_counter() - begun)
    return store


async def _read(
    consumer: AIOKafkaConsumer,
    source: TopicPartition,
    store: Store,
    begin: int,
    end: int,
    *,
    timed: bool,
) -> int:
    consumer.seek(source, begin)
    rows = 0
    position = begin
    while position < end:
        fetched = await consumer.getmany(source, timeout_ms=200)
        position = await consumer.position(source)
        records = fetched.get(source, [])
        rows_read = [(record.key or b"", record.value) for record in records]
        store.write(rows_read, position, timed)
        rows += len(records)
    return rows


def _check(store: Store, first: int, end: int, source: TopicPartition) -> None:
    """Compare what a store has reached with a changelog that has the offsets [first, end)."""
    name, reached = f"{source.topic}-{source.partition}", store.offset
    if reached > end:
        raise OtherHistoryError(
            f"{name} ends at offset {end}, {store.path} has reached {reached}: the changelog was "
            "made anew, or its broker has lost records: rebuild the table from its source under "
            "another TICKSTREAM_APP_ID, or delete the directory to take what the changelog has"
        )
    # After what a checkpoint wrote last comes its marker, which is no loss.
    if reached + 1 < first and (reached or first < end):
        raise OtherHistoryError(
            f"{name} begins at offset {first}, {store.path} has reached {reached}: rows between "
            "them were deleted: rebuild the table from its source under another TICKSTREAM_APP_ID"
        )


def _report(table: StateTable, partition: int, rows: int, seconds: float) -> None:
    metrics.restored_rows.labels(table.name, str(partition)).inc(rows)
    metrics.restore_seconds.labels(table.name, str(partition)).set(seconds)
    if rows:
        logger.info(
            "Restored %d rows of %s-%d in %.2f s (%.0f rows/s)",
            rows,
            table.name,
            partition,
            seconds,
            rows / seconds,
        )
