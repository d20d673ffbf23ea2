"""Sink into a directory of Parquet files, partitioned by the day of the event time."""

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from eventfold.connectors.columns import Rows
from eventfold.connectors.sink import Batch, Reject, Sink, SinkError
from eventfold.decoding import decode_json
from eventfold.private_files import sync_directory
from eventfold.topics import Topic

#: Directory, below that of the sink, with a file for each partition; datasets skip its name.
OFFSETS = "_offsets"

_TYPES: dict[type, Any] = {
    int: pl.Int64,
    float: pl.Float64,
    bool: pl.Boolean,
    str: pl.String,
}


class _Commit(msgspec.Struct):
    """The next offset of a partition, and the files of its last write, which may want a rename."""

    offset: int
    files: list[str]


class ParquetSink(Sink):
    """Sink that writes a file for each partition and day of its event time, once a minute.

    `event_day=2026-01-31/TOPIC-PARTITION-FIRST-END.parquet` holds the records from offset FIRST to
    before END of that day. A write is committed by one rename in the directory `_offsets`; the
    files are complete by then, and get their names after it, or at the next start.
    """

    max_records = 200_000
    max_seconds = 60.0

    def __init__(self, directory: Path, topic: Topic) -> None:
        self._directory = directory
        self._rows = Rows(topic)
        self._schema = {each.name: _TYPES[each.kind] for each in self._rows.columns}
        self._stored: dict[str, int] = {}

    async def open(self) -> None:
        """Create the directory. Raises OSError if that fails."""
        (self._directory / OFFSETS).mkdir(parents=True, exist_ok=True)

    async def resume(self, committed: Mapping[str, int]) -> Mapping[str, int]:
        """Finish the last write of each partition, and return the offsets after it."""
        for name in committed:
            commit = self._read_commit(name)
            self._publish(commit)
            self._remove_uncommitted(name)
            self._stored[name] = commit.offset
        return {name: self._stored[name] for name in committed}

    async def write(self, batches: Sequence[Batch], reject: Reject) -> None:
        """Write the files of each batch, and commit it with its offset."""
        for batch in batches:
            days = defaultdict(list)
            for record in batch.records:
                try:
                    row = self._rows.read(record)
                    days[_day(self._rows.time_of(row, record))].append(row)
                except ValueError as error:
                    await reject(record, str(error))
            self._write_batch(batch, days)

    def _write_batch(self, batch: Batch, days: Mapping[str, list[dict[str, Any]]]) -> None:
        if self._read_commit(batch.name).offset != self._stored[batch.name]:
            raise SinkError(f"{self._directory}: another sink writes {batch.name} to it")
        name = f"{batch.name}-{batch.records[0].offset:020}-{batch.end:020}.parquet"
        commit = _Commit(batch.end, [f"event_day={day}/{name}" for day in sorted(days)])
        for day, file in zip(sorted(days), commit.files, strict=True):
            hidden = _hidden(self._directory / file)
            hidden.parent.mkdir(exist_ok=True)
            with hidden.open("wb") as opened:
                pl.DataFrame(days[day], schema=self._schema).write_parquet(opened)
                opened.flush()
                os.fsync(opened.fileno())
        self._commit(batch.name, commit)
        self._publish(commit)
        self._stored[batch.name] = batch.end

    def _commit(self, name: str, commit: _Commit) -> None:
        path = self._directory / OFFSETS / f"{name}.json"
        following = path.with_suffix(".next")
        with following.open("wb") as opened:
            opened.write(msgspec.json.encode(commit))
            opened.flush()
            os.fsync(opened.fileno())
        following.replace(path)
        sync_directory(path.parent)

    def _read_commit(self, name: str) -> _Commit:
        path = self._directory / OFFSETS / f"{name}.json"
        try:
            return decode_json(path.read_bytes(), _Commit)
        except FileNotFoundError:
            return _Commit(0, [])
        except msgspec.DecodeError as error:
            raise SinkError(f"{path}: not written by this sink: {error}") from error

    def _publish(self, commit: _Commit) -> None:
        """Rename the files of a commit that do not have their names yet."""
        for file in map(self._directory.joinpath, commit.files):
            if (hidden := _hidden(file)).exists():
                hidden.replace(file)
                sync_directory(file.parent)

    def _remove_uncommitted(self, name: str) -> None:
        """Remove what a crash left of a write that was not committed."""
        hidden = re.compile(rf"\.{re.escape(name)}-\d{{20}}-\d{{20}}\.parquet\.part")
        for file in self._directory.glob("event_day=*/.*.part"):
            if hidden.fullmatch(file.name):
                file.unlink()

    async def close(self) -> None:
        """Leave the files as they are."""


def _hidden(file: Path) -> Path:
    return file.with_name(f".{file.name}.part")


def _day(time: int) -> str:
    """Return the UTC day of a time (ms). Raises ValueError beyond the calendar."""
    try:
        return datetime.fromtimestamp(time // 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"time {time} ms is beyond the calendar") from error
