"""Replaying files: which rows are records, how other rows are reported, and the speed."""

import gzip
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from app.market.topics import TICKS
from eventfold.connectors import Record
from eventfold.connectors.files import Replay, files_of, merged, paced
from eventfold.connectors.reading.preset import Preset
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


def json_of(record: Record) -> object:
    """Return the value of a record."""
    return msgspec.json.decode(record[1])


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


def test_bad_rows_are_reported_with_line_and_reason(tmp_path: Path) -> None:
    """Each kind of bad row is counted, named in the words of the file, and costs nothing else."""
    bad = {
        b"ABC,x,2024-01-01,": "column price: 'x' is no number",
        b"ABC,1,2024-01-01,nan": "column size: 'nan' is no number",
        b"ABC,1e400,2024-01-01,": "column price: '1e400' is no finite number",
        b"ABC,,2024-01-01,": "column price is empty",
        b"ABC,1.5,yesterday,": "column time: 'yesterday' is no time such as 2021-01-04 15:30:00",
        b"ABC,1.5,170406720012,": "column time: '170406720012': milliseconds? "
        "That would be in 1975; 1990 to 2100 are read",
        b"ABC,1.5,1960-01-01,": "column time: '1960-01-01' is before 1973, or after the year 5138",
        b"ABC,1.5,2024-01-01,-3": "column size: '-3' is not a number of at least 0",
        b"ABC,1.5,1/2/2024,": "column time: '1/2/2024': is 1 the day or the month? "
        "--dates dmy or --dates mdy",
    }
    good = [b"symbol,price,time,size", b"ABC,1.5,2024-01-01,3"]
    path = write(tmp_path, b"\n".join([*good, *bad, b"XYZ,2,2024-01-01T00:00:01Z,"]))
    replay = Replay(path, TICKS)
    assert [key for key, _, _ in replay.records()] == [b"ABC", b"XYZ"]
    report = replay.report
    assert (replay.good, report.read, report.left_out) == (2, 2 + len(bad), len(bad))
    reasons = report.facts()["reasons"]
    assert [(each["place"], each["reason"]) for each in reasons] == [
        (f"line {number}", reason) for number, reason in enumerate(bad.values(), 3)
    ]


def test_bad_json_lines_are_reported_too(tmp_path: Path) -> None:
    """Broken JSON, a list in an object's place, and a value of another type are bad rows."""
    path = write(
        tmp_path, JSON + '{"symbol": "ABC", \n[1, 2]\n{"symbol": "A", "price": [], "time": 0}\n'
    )
    replay = Replay(path, TICKS)
    assert len(list(replay.records())) == 2
    assert [each["place"] for each in replay.report.facts()["reasons"]] == [
        "line 4",
        "line 5",
        "line 6",
    ]


def test_rows_with_the_same_reason_are_counted_together(tmp_path: Path) -> None:
    """With the first of them as a sample."""
    replay = Replay(write(tmp_path, "symbol,price,time\n" + "A,x,1\n" * 3_000), TICKS)
    assert list(replay.records()) == []
    assert replay.report.facts()["reasons"] == [
        {
            "reason": "column price: 'x' is no number",
            "number": 3_000,
            "place": "line 2",
            "sample": "A | x | 1",
        }
    ]


def test_file_without_a_needed_column_is_refused_with_the_columns_it_has(tmp_path: Path) -> None:
    """The message names file, columns and what to do."""
    path = write(tmp_path, "symbol,close,time\nA,1,2024-01-01\n")
    with pytest.raises(UnreadableFileError) as error:
        list(Replay(path, TICKS).records())
    assert str(error.value) == (
        f"{path}: the file has no column 'price'; it has symbol, close, time: --map price=COLUMN"
    )


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
    assert replay.report.left_out == 1


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
    assert replay.report.left_out == 1


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


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    """Each in its own order; the symbol of each is its name."""
    for name, rows in {"A": (1, 4, 5), "B": (2, 3, 6)}.items():
        content = "".join(f"{each},{B + each * 1000}\n" for each in rows)
        (tmp_path / f"{name}.csv").write_text(f"price,time\n{content}")
    preset = Preset(constants={"symbol": "{name}"})
    paths = files_of(f"{tmp_path}/*.csv")
    replays = [Replay(path, TICKS, preset) for path in paths]
    ticks = [msgspec.json.decode(value) for _, value, _ in merged(replays)]
    assert [(each["symbol"], each["price"]) for each in ticks] == [
        ("A", 1),
        ("B", 2),
        ("B", 3),
        ("A", 4),
        ("A", 5),
        ("B", 6),
    ]
    assert len(list(merged([Replay(path, TICKS, preset) for path in paths], 4))) == 4


def test_file_out_of_order_is_warned_of(tmp_path: Path) -> None:
    """With the number of records, and how far they are behind."""
    rows = "".join(f"A,1,{B + offset}\n" for offset in (5_000, 0, 6_000, 4_000))
    replay = Replay(write(tmp_path, f"symbol,price,time\n{rows}"), TICKS)
    assert len(list(replay.records())) == 4
    (warning,) = replay.report.warnings
    assert warning.startswith("ticks is not in order of time: 2 records are behind")
    assert "by up to 5s" in warning


def test_names_of_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """A directory, and a pattern that nothing matches; a file may have a name with a bracket."""
    with pytest.raises(UnreadableFileError, match=r"is a directory: '.*/\*' names its files"):
        files_of(str(tmp_path))
    with pytest.raises(UnreadableFileError, match="no file has such a name"):
        files_of(f"{tmp_path}/*.csv")
    odd = tmp_path / "a[1].csv"
    odd.touch()
    assert files_of(str(odd)) == [odd]


def test_columns_are_mapped_and_joined(tmp_path: Path) -> None:
    """Their names without regard to case and `<...>`; constants are fields, too."""
    path = write(tmp_path, "<Date>,Time,Adj Close,Close\n20240101,000001,1.5,9\n")
    preset = Preset(
        mapping={"time": "date+TIME", "price": "adj close"}, constants={"symbol": "ABC"}
    )
    assert [json_of(each) for each in Replay(path, TICKS, preset).records()] == [
        tick("ABC", 1.5, B)
    ]
    described = "\n".join(Replay(path, TICKS, preset).report.describe())
    assert described == "0 rows read"


def test_mapping_to_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """A field that records do not have, and a column that the file does not have."""
    path = write(tmp_path, CSV)
    with pytest.raises(ValueError, match="'prize' is no field; there are symbol, price"):
        Replay(path, TICKS, Preset(mapping={"prize": "price"}))
    with pytest.raises(UnreadableFileError, match="no column 'Clos' for size; it has symbol"):
        list(Replay(path, TICKS, Preset(mapping={"size": "Clos"})).records())


def test_what_was_recognised_is_in_the_report(tmp_path: Path) -> None:
    """Also where the reader is stopped before the end."""
    replay = Replay(write(tmp_path, "symbol;price;time\nA;1,5;2024-01-01\n" * 2), TICKS)
    records = replay.records()
    next(records)
    described = "\n".join(replay.report.describe())
    for known in ("delimiter ;", "encoding utf-8", "header line 1: symbol", "decimal mark ,"):
        assert known in described
    assert "price=price" in described
