"""Records of a file: CSV with a header, or JSON lines, each optionally gzipped."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from eventfold.connectors import Record
from eventfold.connectors.rows import BadRow, Row, RowFile, UnreadableFileError
from eventfold.records.shape import inspected, members
from eventfold.topics import Topic
from eventfold.windows.durations import parse_time

log = logging.getLogger(__name__)

#: Number of bad rows that are logged one by one; later ones are only counted.
SAID = 20
#: Most records in one slice.
SLICE = 1024
#: A paced replay sends a record up to this many seconds early, in the slice of its predecessors.
EARLY = 0.02


class Replay:
    """Records of `topic` in one file, in its order; bad rows are logged, counted and skipped.

    A row has the fields of the topic's records by name. The event time is the topic's time field,
    else a column `time`, in ms or ISO 8601.
    """

    def __init__(self, path: Path, topic: Topic) -> None:
        self._path = path
        self._file = RowFile(path)
        self._topic = topic
        self._time = topic.time if isinstance(topic.time, str) else "time"
        self._fields = _required_fields(topic.value) | {self._time: True}
        self._encode = topic.write or msgspec.json.Encoder().encode
        #: Number of rows that were records.
        self.good = 0
        #: Number of rows that were not.
        self.bad = 0

    @property
    def size(self) -> int:
        """Size of the file in bytes; 0 before it is opened."""
        return self._file.size

    @property
    def read(self) -> int:
        """Bytes of the file that have been read; compressed bytes if it is compressed."""
        return self._file.read

    def records(self, count: int | None = None) -> Iterator[Record]:
        """Yield the file's records; only the first `count` if that is set.

        Raises UnreadableFileError if the file can't be opened or decompressed, or lacks a column.
        """
        for number, row in enumerate(self._file.rows()):
            if number == 0:
                self._check_columns()
            record = self._record(row)
            if record is not None:
                self.good += 1
                yield record
            if self.good == count:
                return
        self._check_columns()

    def _check_columns(self) -> None:
        if self._file.columns is None:
            return
        names = {name.lower() for name in self._file.columns}
        for field, required in self._fields.items():
            if required and field.lower() not in names:
                raise UnreadableFileError(f"{self._path}: the first line names no column {field!r}")

    def _record(self, row: Row | BadRow) -> Record | None:
        if isinstance(row, BadRow):
            self._say_bad(row.line, f"{row.reason}: {row.sample}")
            return None
        try:
            return self._read(row.values)
        except (ValueError, OverflowError) as error:
            self._say_bad(row.line, str(error))
            return None

    def _read(self, row: dict[str, Any]) -> Record:
        named = {name.lower(): each for name, each in row.items()}
        fields = {name: named[name.lower()] for name in self._fields if name.lower() in named}
        if isinstance(fields.get(self._time), str):
            fields[self._time] = parse_time(fields[self._time])
        record = msgspec.convert(fields, self._topic.value, strict=False)
        for name in fields:
            if isinstance(number := getattr(record, name, None), float) and not isfinite(number):
                raise ValueError(f"{name} {number} is no finite number")
        key = self._topic.key_of(record).encode()
        at = getattr(record, self._time, fields.get(self._time))
        if at is None:
            raise ValueError(f"the row has no {self._time}")
        return key, self._encode(record), int(at)

    def _say_bad(self, line: int, error: str) -> None:
        self.bad += 1
        if self.bad <= SAID:
            log.warning("%s:%d: %s", self._path, line, error)
        if self.bad == SAID:
            log.warning("%s: further bad rows are only counted", self._path)


def _required_fields(kind: Any) -> dict[str, bool]:
    """Return the names of a topic's fields, each with whether every record has it."""
    every = [inspected(each).fields for each in members(kind)]
    required = [{field.encode_name for field in fields if field.required} for fields in every]
    names = dict.fromkeys(field.encode_name for fields in every for field in fields)
    return {name: all(name in each for each in required) for name in names}


async def paced(records: Iterable[Record], speed: float) -> AsyncIterator[list[Record]]:
    """Yield `records` in slices, at `speed` times their own pace, or without waiting if it is 0.

    A record with an earlier time than its predecessors follows at once.
    """
    begun, first = time.monotonic(), None
    pending: list[Record] = []
    for record in records:
        first = record[2] if first is None else first
        wait = begun + (record[2] - first) / 1000 / speed - time.monotonic() if speed else 0
        if pending and (wait > EARLY or len(pending) == SLICE):
            yield pending
            pending = []
            await asyncio.sleep(max(0, wait))
        pending.append(record)
    if pending:
        yield pending
