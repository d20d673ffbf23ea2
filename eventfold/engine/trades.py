"""Batches of trades that the native extension reads as columns, without an object for each tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eventfold.engine.decoded import Decoded, RawRecord
from eventfold.native import Extension
from eventfold.records.fields import EARLIEST, LATEST, MAX_NAME
from eventfold.records.trades import Trade, is_plain
from eventfold.topics import Topic

#: Number of batches that are read as records after the records of a batch were asked for.
PAUSE = 100


class DecodedTrades(Decoded):
    """Batch read as columns; its records and lists are made on demand."""

    def __init__(self, columns: Any, raw: Sequence[RawRecord], reader: TradesReader) -> None:
        # The lists of `Decoded` are not set: `__getattr__` makes them on demand.
        self.next_offset = raw[-1].offset + 1
        self.bad = []
        self.in_order = columns.in_order
        self._columns = columns
        self.raw = raw
        self._reader = reader

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def first_offset(self) -> int:
        """Offset of the first record."""
        return self._columns.first_offset

    def __getattr__(self, name: str) -> Any:
        if name == "records":
            self.records = self._reader.records(self.raw)
        elif name in ("keys", "times", "offsets"):
            self.keys, self.times, self.offsets = self._columns.columns()
        else:
            raise AttributeError(name)
        return getattr(self, name)


class TradesReader:
    """Reader of plain trades (`read` of native/tickstream_native/trades.pyx)."""

    def __init__(self, native: Extension, decode: Callable[[Any], Trade], max_ahead: int) -> None:
        self._native = native
        self._decode = decode
        self._max_ahead = max_ahead
        self._pause = 0

    def read(self, raw: Sequence[RawRecord]) -> DecodedTrades | None:
        """Return the batch of `raw`; None if its records have to be read one by one."""
        if self._pause:
            self._pause -= 1
            return None
        columns = self._native.trades.read(raw, EARLIEST, LATEST, self._max_ahead, MAX_NAME)
        return None if columns is None else DecodedTrades(columns, raw, self)

    def records(self, raw: Sequence[RawRecord]) -> list[Trade]:
        """Return the records, for a table that doesn't fold columns; pause reading columns."""
        self._pause = PAUSE
        return [self._decode(record.value) for record in raw]


def reads(topic: Topic) -> bool:
    """Return whether a topic holds plain trades in JSON, with their own symbols and times."""
    return (
        is_plain(topic.value)
        and topic.read is None
        and topic.keyed
        and (topic.key, topic.time) == ("symbol", "time")
    )
