"""CSV file with the offsets of the records in it, so that each record is written once.

Next to `data.csv` is the side-car file `data.csv.offsets`: the committed length of the file, and
the next offset of each partition at that length. It is replaced atomically after the rows are on
disk. Rows beyond that length, left by a crash, are truncated at the next start and read again.
"""

import csv
import fcntl
import io
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from eventfold.connectors.sink import Batch, Reject, Sink, SinkRecord
from eventfold.decoding import decode_json
from eventfold.private_files import MODE, private, sync_directory

log = logging.getLogger(__name__)

_BLOCK = 64 * 1024

#: Makes the cells of a row from a record. Raises ValueError, with the reason, if it can't.
ToRow = Callable[[SinkRecord], Sequence[str]]


class UnusableFileError(Exception):
    """A file that the sink must not write to; the message is one line naming it."""


class _Checkpoint(msgspec.Struct):
    """Content of the side-car file: the committed length, and the next offsets."""

    bytes: int
    offsets: dict[str, int]


class CsvFile:
    """CSV file at `path`, locked for one process between `open` and `close`."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._columns = columns
        self._side_car = path.with_name(f"{path.name}.offsets")
        self._file: BinaryIO
        self._length = 0
        #: `topic-partition` → offset after the last record that was appended or skipped.
        self.offsets: dict[str, int] = {}

    def open(self) -> None:
        """Open the file at the last commit, with a header if it is new.

        A file without a side-car is continued after its last complete line.
        Raises UnusableFileError if another process has locked it or it is not a file of this sink,
        OSError if it can't be opened.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, MODE)
        self._file = os.fdopen(descriptor, "r+b")
        try:
            self._lock()
            self._recover()
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableFileError(f"{self._path}: another process is writing to it") from None

    def _recover(self) -> None:
        checkpoint, size = self._read_checkpoint(), self._file.seek(0, os.SEEK_END)
        self.offsets = checkpoint.offsets if checkpoint else {}
        if size == 0:
            length = 0
        elif checkpoint:
            length = self._checked_length(checkpoint, size)
        else:
            length = self._end_of_last_line(size)
            self._check_header(length)
        self._truncate(length, size)
        if length == 0:
            self._write([self._columns])
        self.commit()

    def _read_checkpoint(self) -> _Checkpoint | None:
        try:
            return decode_json(self._side_car.read_bytes(), _Checkpoint)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise UnusableFileError(
                f"{self._side_car}: not written by this sink: {error}"
            ) from error

    def _checked_length(self, checkpoint: _Checkpoint, size: int) -> int:
        self._file.seek(max(0, checkpoint.bytes - 1))
        if size < checkpoint.bytes or self._file.read(1) != b"\n":
            raise UnusableFileError(
                f"{self._path}: changed by another program since the last commit; move it away, or "
                f"delete {self._side_car} to append to it as it is"
            )
        return checkpoint.bytes

    def _end_of_last_line(self, size: int) -> int:
        """Return the length of the file without an incomplete last line."""
        end = size
        while end > 0:
            start = max(0, end - _BLOCK)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _check_header(self, length: int) -> None:
        self._file.seek(0)
        first = self._file.readline().decode("utf-8-sig", "replace")
        if length and next(csv.reader([first]), []) != list(self._columns):
            named = ",".join(self._columns)
            raise UnusableFileError(f"{self._path}: its first line is not {named}")

    def _truncate(self, length: int, size: int) -> None:
        if length < size:
            log.warning(
                "%s: truncated %d bytes after its last complete row", self._path, size - length
            )
            self._file.truncate(length)
        self._file.seek(length)
        self._length = length

    def append(self, rows: Iterable[Sequence[str]], partition: str, offset: int) -> None:
        """Append the rows of `partition` (`topic-number`); `offset` is the next one to read."""
        self._write(rows)
        self.offsets[partition] = offset

    def _write(self, rows: Iterable[Sequence[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        written = text.getvalue().encode()
        self._file.write(written)
        self._length += len(written)

    def commit(self) -> None:
        """Write the appended rows to disk, then the side-car that commits them."""
        self._file.flush()
        os.fsync(self._file.fileno())
        checkpoint = msgspec.json.encode(_Checkpoint(self._length, self.offsets))
        next_side_car = self._side_car.with_name(f"{self._side_car.name}.next")
        with open(next_side_car, "wb", opener=private) as file:
            file.write(checkpoint)
            file.flush()
            os.fsync(file.fileno())
        next_side_car.replace(self._side_car)
        sync_directory(self._path.parent)

    def close(self) -> None:
        """Close the file; uncommitted rows are truncated at the next start."""
        self._file.close()


class CsvSink(Sink):
    """Sink that appends a row of each record to a CSV file.

    It continues at the file's own offsets, or at those of its consumer group where another member,
    with a file of its own, has advanced since.
    """

    def __init__(self, path: Path, columns: Sequence[str], to_row: ToRow) -> None:
        self._file = CsvFile(path, columns)
        self._to_row = to_row
        #: Number of rows appended since the start.
        self.rows = 0

    async def open(self) -> None:
        """Open the file. Raises UnusableFileError or OSError if it can't be written."""
        self._file.open()

    async def resume(self, committed: Mapping[str, int]) -> Mapping[str, int]:
        """Return the offsets to continue at."""
        written = self._file.offsets
        return {name: max(offset, written.get(name, 0)) for name, offset in committed.items()}

    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Append the rows, and commit them with the offsets."""
        for batch in batches:
            rows = []
            for record in batch.records:
                try:
                    rows.append(self._to_row(record))
                except ValueError as error:
                    await reject(record, str(error))
            self._file.append(rows, batch.name, batch.end)
            self.rows += len(rows)
        self._file.commit()

    async def close(self) -> None:
        """Close the file."""
        self._file.close()
