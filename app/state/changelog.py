"""Changelogs, read: what restoring a partition and following it as a standby have in common."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.state.store import Store, wipe
from app.topics import TOMBSTONES_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

FETCH_BYTES = 8 << 20

#: Most records between two turns of the event loop.
POLL_RECORDS = 10_000

#: A store that was not written for so long (ms) may have missed tombstones: half the time after
#: which brokers drop them.
STALE = TOMBSTONES_KEPT // 2


def new_consumer(bootstrap_servers: list[str]) -> AIOKafkaConsumer:
    """Make a consumer of changelogs, which sees only what is committed."""
    return AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=50,
    )


async def ends(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """Give the first offset of each partition and the one after its last."""
    first = await consumer.beginning_offsets(partitions)
    last = await consumer.end_offsets(partitions)
    return {tp: (first[tp], last[tp]) for tp in partitions}


def open_store(path: Path, changelog: TopicPartition, first: int, end: int) -> Store:
    """Open the store at `path`, made anew if the changelog can't bring it up to date.

    `first` and `end` are the offsets there are, [first, end). A store that is ahead of them, or
    behind them, belongs to another history. One that was not written for long has missed
    tombstones that compaction has dropped since: what they deleted would rise again.
    """
    store = Store(path)
    reason = None
    if store.offset and not first <= store.offset <= end:
        reason = f"it reached offset {store.offset}"
    elif 0 < store.offset < end and time.time_ns() // 1_000_000 - store.written > STALE:
        reason = "it was not written for too long"
    if reason is not None:
        logger.warning(
            "%s: %s of %s-%d, which has %d to %d; it is restored from the start",
            path,
            reason,
            changelog.topic,
            changelog.partition,
            first,
            end,
        )
        store.close()
        wipe(path)
        store = Store(path)
    return store


def write(store: Store, records: Iterable[Any], position: int, *, timed: bool) -> None:
    """Write fetched records into a store, which has reached `position` then.

    Of several records of a row the last holds.
    """
    rows = {record.key or b"": record.value for record in records}
    store.write(rows.items(), position, timed)
