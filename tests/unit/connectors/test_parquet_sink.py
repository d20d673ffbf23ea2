"""Sink into Parquet files: whole files by day, each record once after any stop."""

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec import Struct
from sink_records import Rejected, batch, record

from eventfold.connectors.parquet import ParquetSink
from eventfold.connectors.sink import SinkError
from eventfold.topics import Topic

DAY = 86_400_000
NOON = 1_769_860_800_000  # 2026-01-31


class Visit(Struct):
    """A visit of a page."""

    page: str
    time: int
    seconds: float | None = None


VISITS = Topic("visits", Visit, key="page", purpose="visits of pages")


def visits(first: int, number: int) -> list[dict[str, Any]]:
    """Return values, of two days by turns; each has its offset as seconds."""
    return [
        {"page": "/", "time": NOON + n % 2 * DAY, "seconds": n}
        for n in range(first, first + number)
    ]


async def opened(directory: Path) -> ParquetSink:
    """Return a sink that continues where the directory is."""
    sink = ParquetSink(directory, VISITS)
    await sink.open()
    await sink.resume({"visits-0": 0})
    return sink


async def write(sink: ParquetSink, values: list[Any], first: int = 0) -> Rejected:
    """Write values as one batch; return what was rejected."""
    rejected = Rejected()
    await sink.write(
        [batch([record(value, first + n) for n, value in enumerate(values)])], rejected
    )
    return rejected


def offsets(directory: Path) -> list[int]:
    """Return the offsets in all files that a reader of the directory finds, sorted."""
    return sorted(pl.read_parquet(directory / "**/*.parquet")["kafka_offset"].to_list())


async def test_records_are_in_a_file_of_their_day_that_names_their_offsets(tmp_path: Path) -> None:
    """Readers see the day as a column of the data set."""
    await write(await opened(tmp_path), visits(0, 10))
    name = "visits-0-00000000000000000000-00000000000000000010.parquet"
    assert files(tmp_path, "*.parquet") == {
        f"event_day=2026-01-31/{name}",
        f"event_day=2026-02-01/{name}",
    }
    table = pl.read_parquet(tmp_path / "**/*.parquet", hive_partitioning=True)
    found = {(row["event_day"].isoformat(), row["seconds"] % 2) for row in table.to_dicts()}
    assert found == {("2026-01-31", 0.0), ("2026-02-01", 1.0)}


async def test_restart_continues_after_the_last_file(tmp_path: Path) -> None:
    """Whatever is committed in Kafka."""
    await write(await opened(tmp_path), visits(0, 10))
    again = ParquetSink(tmp_path, VISITS)
    await again.open()
    assert await again.resume({"visits-0": 3, "visits-1": 8}) == {"visits-0": 10, "visits-1": 0}
    await write(again, visits(10, 5), first=10)
    assert offsets(tmp_path) == list(range(15))


def files(directory: Path, pattern: str) -> set[str]:
    """Return the paths of files, relative to the directory."""
    return {str(file.relative_to(directory)) for file in directory.rglob(pattern)}


class CrashError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("call", range(8))
@pytest.mark.parametrize("function", ["replace", "fsync"])
async def test_crash_at_any_step_neither_loses_nor_doubles_a_record(
    tmp_path: Path, function: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after each rename and each write to disk; readers see whole writes or none."""
    await write(await opened(tmp_path), visits(0, 10))
    sink, left = await opened(tmp_path), call
    real = getattr(os, function) if function == "fsync" else Path.replace

    def crashing(*given: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise CrashError
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(os if function == "fsync" else Path, function, crashing)
        crashed = False
        try:
            await write(sink, visits(10, 10), first=10)
        except CrashError:
            crashed = True
    seen = offsets(tmp_path)
    assert len(seen) == len(set(seen))
    again = ParquetSink(tmp_path, VISITS)
    await again.open()
    start = (await again.resume({"visits-0": 0}))["visits-0"]
    assert start in ({10, 20} if crashed else {20})
    await write(again, visits(start, 25 - start), first=start)
    assert offsets(tmp_path) == list(range(25))
    assert not files(tmp_path, "*.part")


async def test_sink_that_was_replaced_writes_nothing(tmp_path: Path) -> None:
    """Another has written the partition since."""
    old, new = await opened(tmp_path), await opened(tmp_path)
    await write(new, visits(0, 5))
    with pytest.raises(SinkError, match="another sink writes visits-0"):
        await write(old, visits(0, 3))
    assert offsets(tmp_path) == list(range(5))


async def test_records_that_are_no_rows_are_rejected(tmp_path: Path) -> None:
    """Also those of a time that no calendar has; the offset moves past them."""
    values = [b"{", {"page": "/", "time": 10**17}, {"page": "/", "time": NOON}]
    rejected = await write(await opened(tmp_path), values)
    assert [offset for offset, _ in rejected] == [0, 1]
    assert "beyond the calendar" in rejected[1][1]
    assert offsets(tmp_path) == [2]
