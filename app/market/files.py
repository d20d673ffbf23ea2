"""Ticks from a file: CSV with a header, or JSON lines, either of them gzipped or not."""

import asyncio
import csv
import gzip
import io
import logging
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import IO, Any

import msgspec

from app.market.records import Tick
from app.sources import Record
from eventfold.decoding import json_decoder

log = logging.getLogger(__name__)

FIELDS = ("symbol", "price", "time", "size")
#: Bad rows said one by one; after these they are only counted.
SAID = 20
#: Most records given at a time.
SLICE = 1024
#: A paced replay gives a record up to this many seconds early, with the ones before it.
EARLY = 0.02

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class UnreadableFileError(Exception):
    """A file that can't be replayed, or not further; its message is one line naming it."""


def parse_time(text: str) -> int:
    """Give the ms since the epoch of `text`: integer ms, or an ISO 8601 date or time.

    UTC if it has no zone. Raises ValueError for anything else.
    """
    if text.strip().lstrip("-").isdecimal():
        return int(text)
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


class Replay:
    """The ticks of one file, in its order; bad rows are said, counted and left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encode = msgspec.json.Encoder().encode
        #: Rows that were ticks.
        self.good = 0
        #: Rows that were not.
        self.bad = 0
        #: Bytes of the file; 0 before it is opened.
        self.size = 0
        self._raw: IO[bytes] | None = None

    @property
    def read(self) -> int:
        """Bytes of the file that have been read, packed ones where it is packed."""
        if self._raw is None:
            return 0
        return self.size if self._raw.closed else self._raw.tell()

    def records(self, count: int | None = None) -> Iterator[Record]:
        """Give the file's ticks, the first `count` if that is set.

        Raises UnreadableFileError where the file can't be opened, unpacked or lacks a column.
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
        """Give each row's line number, and its fields or the error in their place."""
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
        # What is no UTF-8 becomes surrogates, which the row's own check refuses.
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
        """Give the place of each field that the header names."""
        names = [name.strip().lower() for name in header]
        missing = [name for name in FIELDS[:3] if name not in names]
        if missing:
            raise UnreadableFileError(
                f"{self._path}: the first line names no column {missing[0]!r}"
            )
        return [(name, names.index(name)) for name in FIELDS if name in names]

    def _record(self, line: int, row: Any) -> Record | None:
        try:
            return self._read(row)
        except (ValueError, OverflowError, csv.Error) as error:
            self._say_bad(line, error)
            return None

    def _read(self, row: Any) -> Record:
        if isinstance(row, Exception):
            raise row
        if isinstance(row.get("time"), str):
            row["time"] = parse_time(row["time"])
        fields = {name: each for name, each in row.items() if each is not None}
        tick = msgspec.convert(fields, Tick, strict=False)
        if not isfinite(tick.price):
            raise ValueError(f"price {tick.price} is no finite number")
        return tick.symbol.encode(), self._encode(tick), tick.time

    def _say_bad(self, line: int, error: Exception) -> None:
        self.bad += 1
        if self.bad <= SAID:
            log.warning("%s:%d: %s", self._path, line, error)
        if self.bad == SAID:
            log.warning("%s: further bad rows are only counted", self._path)


async def paced(records: Iterable[Record], speed: float) -> AsyncIterator[list[Record]]:
    """Give `records` in slices: in their own time times `speed`, or at once if that is 0.

    A record behind the ones before it follows at once.
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
