"""Dead letters of a sink: what it rejected, with the reason."""

import asyncio
import time
from typing import Self

import msgspec

from eventfold.connectors.outbox import Outbox
from eventfold.connectors.sink import SinkRecord
from eventfold.connectors.sink_loop import log_rejected
from eventfold.records import DeadLetter
from eventfold.settings import Settings

#: Most characters of a key and of a reason.
_MOST_TEXT = 2_000


class DeadLetterOffice:
    """Sender of rejected records to a topic of dead letters; `stage` names the sink in them.

    A letter may be sent again after a crash, with the same topic, partition and offset in it.
    """

    def __init__(self, conf: Settings, topic: str, stage: str) -> None:
        self._outbox = Outbox(conf, topic)
        self._most_kept = conf.max_record_bytes // 2  # a letter holds it in base64
        self._stage = stage
        #: A sink may reject several records at a time, and the outbox takes one after the other.
        self._sending = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._outbox.start()
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self._outbox.stop()

    async def send(self, record: SinkRecord, reason: str) -> None:
        """Log a record and send its letter; it is stored when this returns."""
        await log_rejected(record, reason)
        now = int(time.time() * 1000)
        letter = DeadLetter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=None if record.key is None else record.key[:_MOST_TEXT].decode(errors="replace"),
            value=None if record.value is None else record.value[: self._most_kept],
            error=reason[:_MOST_TEXT],
            stage=self._stage,
            time=now,
        )
        async with self._sending:
            await self._outbox.send([(record.topic.encode(), msgspec.json.encode(letter), now)])
            await self._outbox.drain()
