"""Records of files: rows read as records of a topic, one file or several merged by time."""

import asyncio
import glob
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from eventfold.connectors import Record
from eventfold.connectors.input_report import InputReport
from eventfold.connectors.reading.mapping import MissingColumnsError
from eventfold.connectors.reading.numbers import NumberReader, decimal_mark
from eventfold.connectors.reading.preset import Preset, WrongPresetError
from eventfold.connectors.reading.rows import RowReader
from eventfold.connectors.reading.times import TimeReader
from eventfold.connectors.rows import BadRow, Row, RowFile, UnreadableFileError
from eventfold.topics import Topic
from eventfold.windows.durations import approximate_duration

#: Most records in one slice.
SLICE = 1024
#: A paced replay sends a record up to this many seconds early, in the slice of its predecessors.
EARLY = 0.02
#: Rows from which the decimal mark of a file is recognised.
_HEAD = 100


class _Shape:
    """Reader of the rows of one file, by a preset."""

    def __init__(self, preset: Preset, reader: RowReader) -> None:
        self.reader = reader
        self.expand = preset.expand(preset.time_zone) if preset.expand else None
        self.skip = preset.skip


class Replay:
    """Records of `topic` in one file, in its order; rows left out are in the `report`.

    A row has the fields of the topic's records by name, or as the `preset` maps them. The event
    time is the topic's time field, else a column `time`.
    """

    def __init__(
        self,
        path: Path,
        topic: Topic,
        preset: Preset = Preset(),  # noqa: B008 - frozen
        report: InputReport | None = None,
        *,
        is_one_of_several: bool = False,
    ) -> None:
        self._path, self._topic, self._preset = path, topic, preset
        self.report = report or InputReport("rows")
        self._place = f"{path.name} line" if is_one_of_several else "line"
        self._file: RowFile | None = None
        self._times = TimeReader(preset.time_zone, preset.order)
        self._numbers = NumberReader(preset.decimal)
        self._time = topic.time if isinstance(topic.time, str) else "time"
        self._shapes = self._possible_shapes()
        self._shape = self._shapes[0]
        self._encode = topic.write or msgspec.json.Encoder().encode
        self._last = self._steps_back = self._longest = 0
        #: Number of records.
        self.good = 0
        self.report.complete_by(self._note)

    def _possible_shapes(self) -> list[_Shape]:
        """Return the presets whose records have the fields that are named. Raises ValueError."""
        shapes, errors = [], []
        for preset in (self._preset, *self._preset.others):
            try:
                shapes.append(_Shape(preset, self._reader(preset)))
            except ValueError as error:
                errors.append(error)
        if not shapes:
            raise errors[0]
        return shapes

    def _reader(self, preset: Preset) -> RowReader:
        return RowReader(
            preset.kind or self._topic.value,
            self._times,
            self._numbers,
            mapping=preset.mapping,
            constants=preset.constants_of(self._path.name),
            time="time" if preset.kind else self._time,
        )

    @property
    def size(self) -> int:
        """Size of the file in bytes; 0 before it is opened."""
        return self._file.size if self._file else 0

    @property
    def read(self) -> int:
        """Bytes of the file that have been read; compressed bytes if it is compressed."""
        return self._file.read if self._file else 0

    def records(self, count: int | None = None) -> Iterator[Record]:
        """Yield the file's records; only the first `count` if that is set.

        Raises UnreadableFileError if the file can't be opened or decompressed, or lacks a column.
        """
        try:
            yield from islice(self._records(), count)
        except MissingColumnsError as error:
            raise UnreadableFileError(f"{self._path}: {error}{self._preset.hint}") from error

    def _records(self) -> Iterator[Record]:
        self._file = file = RowFile(self._path, self._preset.layout_of(self._path))
        # Members of an archive may have columns of their own.
        rows = ((row, file.columns) for row in file.rows())
        head = list(islice(rows, _HEAD))
        if file.columns is not None:
            self._recognise(file.columns, [row.values for row, _ in head if isinstance(row, Row)])
        for row, columns in chain(head, rows):
            self.report.read += 1
            if isinstance(row, BadRow):
                self._leave_out(row, row.reason, row.sample)
                continue
            if self._shape.skip and (skipped := self._shape.skip(row.values)):
                self.report.note(skipped)
                continue
            unzoned = self._times.unzoned
            try:
                records = self._read(row.values, columns)
            except (ValueError, OverflowError) as error:
                self._times.unzoned = unzoned
                self._leave_out(row, str(error), " | ".join(map(str, row.values.values())))
                continue
            except WrongPresetError as error:
                raise UnreadableFileError(f"{self._path}, line {row.line:,}: {error}") from error
            self.good += len(records)
            yield from records

    def _recognise(self, columns: Sequence[str], head: list[dict[str, Any]]) -> None:
        """Choose the preset whose columns the file has, and its decimal mark.

        Raises MissingColumnsError, of the first preset, if there is none.
        """
        for shape in reversed(self._shapes):
            try:
                shape.reader.demand(columns)
            except MissingColumnsError:
                continue
            self._shape = shape
        self._shape.reader.demand(columns)
        if self._numbers.decimal is None:
            self._numbers.decimal = decimal_mark(self._shape.reader.numbers_of(columns, head))

    def _read(self, row: dict[str, Any], columns: Sequence[str] | None) -> list[Record]:
        """Return the records of a row. Raises ValueError for a row that is none."""
        read, at = self._shape.reader.read(row, columns)
        if self._shape.expand is None:
            records = [self._record(read, at)]
        else:
            made = self._shape.expand(read)
            records = [self._record(each, getattr(each, self._time)) for each in made]
        for _, _, at in records:
            if at < self._last:
                self._steps_back += 1
                self._longest = max(self._longest, self._last - at)
            self._last = max(at, self._last)
        return records

    def _record(self, record: Any, at: int) -> Record:
        return self._topic.key_of(record).encode(), self._encode(record), at

    def _leave_out(self, row: Row | BadRow, reason: str, sample: str) -> None:
        self.report.leave_out(reason, f"{self._place} {row.line:,}", sample)

    def _note(self) -> None:
        """Report what was recognised and assumed."""
        report, file, name = self.report, self._file, self._path.name
        if file is None:
            return
        known = [f"{what} {text}" for what, text in file.recognised.items()]
        if file.columns is not None:
            try:
                known.append(f"fields {self._shape.reader.described(file.columns)}")
            except MissingColumnsError:
                return
            if self._numbers.decimal is not None:
                known.append(f"decimal mark {self._numbers.decimal}")
        if known:
            report.recognise("; ".join(known), name)
        zone, is_given = self._preset.time_zone, self._preset.zone is not None
        report.note_zone(zone, is_given=is_given, number=self._times.unzoned)
        for text, number in self._times.assumed.items():
            report.note(f"time: {text}", number)
        if self._steps_back:
            report.warn(
                f"{name} is not in order of time: {self._steps_back:,} records are behind those "
                f"before them, by up to {approximate_duration(self._longest)}; such records may "
                f"come too late for their windows"
            )


def files_of(written: str) -> list[Path]:
    """Return the files that a path or a pattern (`ticks/*.csv`) names, in order of their names.

    Raises UnreadableFileError if there is none, or if it is a directory.
    """
    path = Path(written)
    if path.is_dir():
        raise UnreadableFileError(f"{path} is a directory: '{path}/*' names its files")
    if path.exists() or not glob.has_magic(written):
        return [path]
    found = [Path(each) for each in sorted(glob.glob(written, recursive=True))]  # noqa: PTH207
    files = [each for each in found if each.is_file()]
    if not files:
        raise UnreadableFileError(f"{written}: no file has such a name")
    return files


def merged(replays: Sequence[Replay], count: int | None = None) -> Iterator[Record]:
    """Yield the records of several files by their event time, each file's in its own order."""
    every = merge(*(replay.records(count) for replay in replays), key=itemgetter(2))
    return islice(every, count)


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
