"""Replaying files: which rows are ticks, how other rows are logged, and the speed."""

import gzip
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from app.market.topics import TICKS
from eventfold.connectors import Record
from eventfold.connectors.files import Replay, paced
from eventfold.connectors.rows import UnreadableFileError
from eventfold.topics import Timestamp, Topic

A, B = 1_704_067_200_000, 1_704_067_201_000  # 2024-01-01 00:00:00 and :01, UTC


def write(tmp_path: Path, content: str | bytes) -> Path:
    """Put `content` into a file."""
    path = tmp_path / "ticks"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def values(path: Path) -> list[object]:
    """Return the values that a replay of `path` sends."""
    return [msgspec.json.decode(value) for _, value, _ in Replay(path, TICKS).records()]


def tick(symbol: str, price: float, at: int, size: int = 0) -> dict[str, object]:
    """Return a tick as it is in the topic."""
    return {"symbol": symbol, "price": price, "time": at, "size": size}


CSV = "symbol,price,time,size\nABC,1.5,2024-01-01,3\nXYZ,2,1704067201000,\n"
JSON = (
    '{"symbol": "ABC", "price": 1.5, "time": "2024-01-01", "size": 3, "venue": "X"}\n\n'
    '{"symbol": "XYZ", "price": 2, "time": 1704067201000}\n'
)


@pytest.mark.parametrize("content", [CSV, JSON], ids=["csv", "json"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_csv_and_json_lines_packed_or_not_give_the_same_ticks(
    tmp_path: Path, content: str, packed: bool
) -> None:
    """The format is seen from the content, not from the name; size is optional."""
    path = write(tmp_path, gzip.compress(content.encode()) if packed else content)
    assert values(path) == [tick("ABC", 1.5, A, 3), tick("XYZ", 2.0, B)]


def test_records_carry_key_and_event_time(tmp_path: Path) -> None:
    """The key is the symbol, the event time the row's."""
    keys = [(key, at) for key, _, at in Replay(write(tmp_path, CSV), TICKS).records()]
    assert keys == [(b"ABC", A), (b"XYZ", B)]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """Their order, case and company don't matter, nor does a byte order mark."""
    path = write(tmp_path, "\ufeffTime, Venue ,Price,Symbol\n2024-01-01,X,1.5,ABC\n")
    assert values(path) == [tick("ABC", 1.5, A)]


def test_bad_rows_are_logged_with_file_and_line_and_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each kind of bad row is counted, named, and costs nothing but itself."""
    bad = [
        b"ABC,x,2024-01-01,",
        b"ABC,-1,2024-01-01,nan",
        b"ABC,inf,2024-01-01,",
        b"ABC,,2024-01-01,",
        b"ABC,1.5,yesterday,",
        b"ABC,1.5,1704067200,",
        b"ABC,1.5,2024-01-01,-3",
        b"A\xff,1.5,2024-01-01,",
        b"ABC",
    ]
    good = [b"symbol,price,time,size", b"ABC,1.5,2024-01-01,3"]
    path = write(tmp_path, b"\n".join([*good, *bad, b"XYZ,2,2024-01-01T00:00:01Z,"]))
    replay = Replay(path, TICKS)
    assert [key for key, _, _ in replay.records()] == [b"ABC", b"XYZ"]
    assert (replay.good, replay.bad) == (2, len(bad))
    logged = [record.getMessage() for record in caplog.records]
    assert [line.startswith(f"{path}:{n}: ") for n, line in enumerate(logged, 3)] == [True] * 9


def test_bad_json_lines_are_logged_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Broken JSON and a list in an object's place are bad rows."""
    path = write(tmp_path, JSON + '{"symbol": "ABC", \n[1, 2]\n')
    replay = Replay(path, TICKS)
    assert len(list(replay.records())) == 2
    assert [record.getMessage().split(": ")[0] for record in caplog.records] == [
        f"{path}:4",
        f"{path}:5",
    ]


def test_thousands_of_bad_rows_do_not_flood_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty are logged, all are counted."""
    replay = Replay(write(tmp_path, "symbol,price,time\n" + "A,x,1\n" * 3_000), TICKS)
    assert list(replay.records()) == []
    assert replay.bad == 3_000
    assert len(caplog.records) == 21


def test_a_file_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    """The message names file and column."""
    path = write(tmp_path, "symbol,close,time\nA,1,2024-01-01\n")
    with pytest.raises(UnreadableFileError, match=rf"{path}: .* no column 'price'"):
        list(Replay(path, TICKS).records())


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    """It has no header."""
    with pytest.raises(UnreadableFileError, match="no column 'symbol'"):
        list(Replay(write(tmp_path, ""), TICKS).records())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message is the file's name and the error of the system."""
    with pytest.raises(UnreadableFileError, match=r"nowhere: No such file"):
        list(Replay(tmp_path / "nowhere", TICKS).records())


def test_truncated_archive_yields_its_rows_and_then_fails(tmp_path: Path) -> None:
    """Rows before the damage are ticks."""
    rows = "".join(f"ABC,{n + 1},2024-01-01\n" for n in range(50_000))
    packed = gzip.compress(b"symbol,price,time\n" + rows.encode())
    replay = Replay(write(tmp_path, packed[: len(packed) // 2]), TICKS)
    with pytest.raises(UnreadableFileError, match="cut off or damaged"):
        list(replay.records())
    assert 10_000 < replay.good < 50_000


def test_a_count_ends_the_replay(tmp_path: Path) -> None:
    """Of two ticks the first."""
    assert len(list(Replay(write(tmp_path, CSV), TICKS).records(1))) == 1


def records(*times: int) -> list[Record]:
    """Return records at `times` (ms)."""
    return [(b"A", b"1", time) for time in times]


async def test_speed_0_does_not_wait() -> None:
    """Ticks of a day come at once, in slices of bounded size."""
    sent = [slice_ async for slice_ in paced(records(*range(0, 86_400_000, 20_000)), 0)]
    assert [len(slice_) for slice_ in sent] == [1024, 1024, 1024, 1024, 224]


async def test_speed_divides_the_time_between_ticks() -> None:
    """Twice as fast, 200 ms take 100; a tick that is out of order comes with the one before it."""
    begun, due = time.monotonic(), {}
    async for slice_ in paced(records(1_000, 1_200, 1_100, 1_400), 2):
        for _, _, at in slice_:
            due[at] = time.monotonic() - begun
    assert due[1_200] >= 0.08
    assert due[1_100] >= due[1_200]
    assert due[1_400] >= 0.18


def test_nothing_is_logged_of_a_good_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at debug level."""
    with caplog.at_level(logging.DEBUG, "app"):
        values(write(tmp_path, CSV))
    assert not caplog.records


class Visit(Struct):
    """A record of an application of one's own."""

    page: str
    at: int
    seconds: float = 0.0


def test_file_has_the_records_of_any_topic(tmp_path: Path) -> None:
    """Columns are the fields of its type; key and event time are those that the topic names."""
    topic = Topic("visits", Visit, key="page", purpose="visits of pages", time="at")
    path = write(tmp_path, "at,page,seconds\n2024-01-01,/,1.5\n1704067201000,/help,\nx,/,1\n")
    replay = Replay(path, topic)
    assert list(replay.records()) == [
        (b"/", b'{"page":"/","at":1704067200000,"seconds":1.5}', A),
        (b"/help", b'{"page":"/help","at":1704067201000,"seconds":0.0}', B),
    ]
    assert replay.bad == 1


def test_event_time_that_is_no_field_is_the_column_time(tmp_path: Path) -> None:
    """As of topics whose event time is Kafka's timestamp."""

    class Load(Struct):
        host: str
        load: float

    topic = Topic("loads", Load, key="host", purpose="loads of hosts", time=Timestamp.CREATE)
    rows = write(
        tmp_path, '{"host": "a", "load": 1, "time": "2024-01-01"}\n{"host": "b", "load": 2}\n'
    )
    replay = Replay(rows, topic)
    assert list(replay.records()) == [(b"a", b'{"host":"a","load":1.0}', A)]
    assert replay.bad == 1


def test_file_has_the_records_of_a_dataclass_with_a_key_of_two_fields(tmp_path: Path) -> None:
    """Its key is the text by which tables know it."""

    @dataclass
    class Stay:
        country: str
        page: str
        time: int

    topic = Topic("stays", Stay, key=("country", "page"))
    replay = Replay(write(tmp_path, "country,page,time\nDE,/,1704067200000\n"), topic)
    assert list(replay.records()) == [
        (b'["DE","/"]', b'{"country":"DE","page":"/","time":1704067200000}', A)
    ]
