"""Records and batches for tests of sinks, without a broker."""

import json
from collections.abc import Sequence
from typing import Any

from eventfold.connectors.sink import Batch, SinkRecord

START = 1_769_860_800_000  # 2026-01-31 12:00:00 UTC


def record(value: Any, offset: int, *, key: str = "A", topic: str = "visits") -> SinkRecord:
    """Return a record of partition 0; a value that is no bytes is sent as JSON, None is none."""
    raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
    return SinkRecord(topic, 0, offset, key.encode(), raw, START + offset)


def batch(records: Sequence[SinkRecord]) -> Batch:
    """Return them as a batch of their partition."""
    last = records[-1]
    return Batch(last.topic, last.partition, records, last.offset + 1)


class Rejected(list[tuple[int, str]]):
    """Offset and reason of each record that a sink rejected."""

    async def __call__(self, record: SinkRecord, reason: str) -> None:
        """Note one."""
        self.append((record.offset, reason))
