"""Records of a file: CSV with a header, or JSON lines, each optionally gzipped."""

import asyncio
import csv
import gzip
import io
import logging
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import IO, Any

import msgspec

from eventfold.connectors import Record
from eventfold.decoding import json_decoder
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

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class UnreadableFileError(Exception):
    """A file that can't be replayed, or only in part; its message is one line naming it."""


class Replay:
    """Records of `topic` in one file, in its order; bad rows are logged, counted and skipped.

    A row has the fields of the topic's records by name. The event time is the topic's time field,
    else a column `time`, in ms or ISO 8601.
    """

    def __init__(self, path: Path, topic: Topic) -> None:
        self._path = path
        self._topic = topic
        self._time = topic.time if isinstance(topic.time, str) else "time"
        self._encode = topic.write or msgspec.json.Encoder().encode
        #: Number of rows that were records.
        self.good = 0
        #: Number of rows that were not.
        self.bad = 0
        #: Size of the file in bytes; 0 before it is opened.
        self.size = 0
        self._raw: IO[bytes] | None = None

    @property
    def read(self) -> int:
        """Bytes of the file that have been read; compressed bytes if it is gzipped."""
        if self._raw is None:
            return 0
        return self.size if self._raw.closed else self._raw.tell()

    def records(self, count: int | None = None) -> Iterator[Record]:
        """Yield the file's records; only the first `count` if that is set.

        Raises UnreadableFileError if the file can't be opened or decompressed, or lacks a column.
        """
        with self._opened() as file:
            for line, row in self._rows(file):
                record = self._record(line, row)
                if record is not None:
                    self.good += 1
                    yield record
                if self.good == count:
                    return

    @contextmanager
    def _opened(self) -> Iterator[io.BufferedReader]:
        try:
            with self._path.open("rb") as raw:
                self._raw, self.size = raw, self._path.stat().st_size
                packed = raw.peek(2).startswith(_GZIP)
                unpacked: Any = gzip.GzipFile(fileobj=raw) if packed else raw
                with io.BufferedReader(unpacked) as file:
                    if file.peek(3).startswith(_BOM):
                        file.read(len(_BOM))
                    yield file
        except (EOFError, zlib.error) as error:
            raise UnreadableFileError(f"{self._path}: cut off or damaged: {error}") from error
        except OSError as error:
            raise UnreadableFileError(f"{self._path}: {error.strerror or error}") from error

    def _rows(self, file: io.BufferedReader) -> Iterator[tuple[int, Any]]:
        """Return an iterator of each row's line number and its fields, or the error instead."""
        if file.peek(1).lstrip()[:1] == b"{":
            return self._json_rows(file)
        return self._csv_rows(file)

    def _json_rows(self, file: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
        decode = json_decoder(dict[str, Any])
        for number, line in enumerate(file, 1):
            if line.isspace():
                continue
            try:
                yield number, decode(line)
            except ValueError as error:
                yield number, error

    def _csv_rows(self, file: Iterable[bytes]) -> Iterator[tuple[int, Any]]:
        # Bytes that are not UTF-8 become surrogates, so that only their row fails its check.
        reader = csv.reader(line.decode("utf-8", "surrogateescape") for line in file)
        columns = self._columns(next(reader, []))
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                yield reader.line_num, error
                continue
            if row is None:
                return
            if row:
                yield reader.line_num, {n: row[i] for n, i in columns if i < len(row) and row[i]}

    def _columns(self, header: list[str]) -> list[tuple[str, int]]:
        """Return the field names of the header with their column indices.

        Raises UnreadableFileError if a required one is missing.
        """
        names = [name.strip().lower() for name in header]
        fields = _required_fields(self._topic.value) | {self._time: True}
        for field, required in fields.items():
            if required and field.lower() not in names:
                raise UnreadableFileError(f"{self._path}: the first line names no column {field!r}")
        return [(each, names.index(each.lower())) for each in fields if each.lower() in names]

    def _record(self, line: int, row: Any) -> Record | None:
        try:
            return self._read(row)
        except (ValueError, OverflowError, csv.Error) as error:
            self._say_bad(line, error)
            return None

    def _read(self, row: Any) -> Record:
        if isinstance(row, Exception):
            raise row
        fields = {name: each for name, each in row.items() if each is not None}
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

    def _say_bad(self, line: int, error: Exception) -> None:
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
