"""Changelogs, read: what restoring a partition and following it as a standby have in common."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.clients import client_options
from app.state.errors import OtherHistoryError
from app.state.store import Store, wipe
from app.topics import TOMBSTONES_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from app.settings import Settings

logger = logging.getLogger(__name__)

FETCH_BYTES = 8 << 20

#: Most records between two turns of the event loop.
POLL_RECORDS = 10_000

#: A store that was not written for so long (ms) may have missed tombstones: half the time after
#: which brokers drop them.
STALE = TOMBSTONES_KEPT // 2


def new_consumer(conf: Settings) -> AIOKafkaConsumer:
    """Make a consumer of changelogs, which sees only what is committed."""
    return AIOKafkaConsumer(
        **client_options(conf),
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
    """Open the store at `path`, made anew if it was not written for long.

    `first` and `end` are the offsets there are, [first, end). A store that lacks something and
    was not written for long has missed tombstones that compaction has dropped since: what they
    deleted would rise again. Raises OtherHistoryError for a store that is ahead of the
    changelog, or behind what is still there.
    """
    store = Store(path)
    try:
        _check(store, changelog, first, end)
        stale = time.time_ns() // 1_000_000 - store.written > STALE
        if not 0 < store.offset < end or not stale:
            return store
    except BaseException:
        store.close()
        raise
    logger.warning("%s was not written for too long: it is restored from the start", path)
    store.close()
    wipe(path)
    return Store(path)


def _check(store: Store, changelog: TopicPartition, first: int, end: int) -> None:
    name, reached = f"{changelog.topic}-{changelog.partition}", store.offset
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


def write(store: Store, records: Iterable[Any], position: int, *, timed: bool) -> None:
    """Write fetched records into a store, which has reached `position` then.

    Of several records of a row the last holds.
    """
    rows = {record.key or b"": record.value for record in records}
    store.write(rows.items(), position, timed)
