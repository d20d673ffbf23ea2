"""Shapes of inputs as people have them, each with the right result: the table of docs/files.md."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faust.cli.base import cli

import app.worker  # noqa: F401 - offers the market's options to `produce`
from app.logs.lines import parse_line
from app.logs.years import nearest
from app.maintenance.records import Reading
from app.maintenance.topics import READINGS
from app.market.sources import file_preset
from app.market.topics import TICKS
from eventfold.cli.file_source import preset_with_options
from eventfold.connectors.files import Replay, UnreadableFileError
from eventfold.connectors.input_report import InputReport
from eventfold.topics import Topic


def at(text: str) -> int:
    """Return a time in UTC as ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def tick(symbol: str, price: float, time: str, size: float = 0) -> dict[str, Any]:
    """Return a tick as it is in the topic."""
    return {"symbol": symbol, "price": price, "time": at(time), "size": size}


def read(path: Path, *options: str, topic: Topic = TICKS) -> tuple[list[Any], InputReport]:
    """Return what `produce --source file:PATH` sends with some options, and its report."""
    context = cli.commands["produce"].make_context("produce", list(options))
    preset = preset_with_options(file_preset(context.params), context.params)
    replay = Replay(path, topic, preset)
    return [msgspec.json.decode(value) for _, value, _ in replay.records()], replay.report


RAW = (
    "4436432001,94591.78000000,0.00042000,39.72,1735689600123456,True,True\n"
    "4436432002,94592.00,0.1,9459.2,1735689600223456,True,True\n"
)
YAHOO = (
    "Date,Open,High,Low,Close,Adj Close,Volume\n"
    "2021-01-04,133.52,133.61,126.76,129.41,127.5,143301900\n"
    "2021-01-05,null,null,null,null,null,null\n"
)
BARS_5Y = "date,open,high,low,close,volume,Name\n2013-02-08,15.07,15.12,14.63,14.75,8407500,AAL\n"
STOOQ = (
    "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    "AAPL.US,D,20100104,000000,7.62,7.66,7.58,7.64,493729600,0\n"
)
DECIMALS = (
    'symbol,price,time\nSAP,"123,45",2021-01-04 15:30:00\nSAP,"1,234.50",2021-01-04 15:30:00\n'
    "SAP,$12.5,2021-01-04\nSAP,12.5%,2021-01-04\n"
)
NO_QUOTES = [
    tick("BTCUSDT", 94591.78, "2025-01-01T00:00:00.123", 0.00042),
    tick("BTCUSDT", 94592.0, "2025-01-01T00:00:00.223", 0.1),
]
ZONES = [
    "2021-01-04T15:30:00-05:00",
    "2021-01-04 15:30:00",
    "2021-01-04T15:30:00.123456789Z",
    "2021-01-04 15:30:00 UTC",
    "2021-01-04 15:30:00-0500",
    "2021-01-04 15:30:00 +0000",
    "2021-01-04 15:30:00-05",
    "2021-01-04",
]
HALF_PAST = "2021-01-04T15:30:00"
#: Content, options, and the ticks that are sent.
FILES: dict[str, tuple[str, list[str], list[dict[str, Any]]]] = {
    "microseconds": (
        (
            "symbol,price,time,size\nBTCUSDT,94591.78,1735689600123456,1\n"
            "BTCUSDT,94592.00,1735689601123456,1\n"
        ),
        [],
        [
            tick("BTCUSDT", 94591.78, "2025-01-01T00:00:00.123", 1),
            tick("BTCUSDT", 94592.0, "2025-01-01T00:00:01.123", 1),
        ],
    ),
    "trades without a header": (
        RAW,
        ["--no-header", "--columns", "id,price,size,q,time,a,b", "--symbol", "BTCUSDT"],
        NO_QUOTES,
    ),
    "trades by preset": (RAW, ["--preset", "binance-trades", "--symbol", "BTCUSDT"], NO_QUOTES),
    "semicolons, decimal comma": (
        "symbol;price;time\nSAP;123,45;2021-01-04 15:30:00\n",
        [],
        [tick("SAP", 123.45, HALF_PAST)],
    ),
    "bars as ticks": (
        YAHOO,
        ["--preset", "yahoo", "--symbol", "AAPL"],
        [
            tick("AAPL", 133.52, "2021-01-04", 35825475),
            tick("AAPL", 133.61, "2021-01-04T08:00", 35825475),
            tick("AAPL", 126.76, "2021-01-04T16:00", 35825475),
            tick("AAPL", 129.41, "2021-01-04T23:59:59.999", 35825475),
        ],
    ),
    "closes of bars": (
        YAHOO,
        ["--preset", "yahoo", "--symbol", "AAPL", "--bars", "close"],
        [tick("AAPL", 129.41, "2021-01-04T23:59:59.999", 143301900)],
    ),
    "bars that rise": (
        STOOQ,
        ["--preset", "stooq"],
        [
            tick("AAPL.US", 7.62, "2010-01-04", 123432400),
            tick("AAPL.US", 7.58, "2010-01-04T08:00", 123432400),
            tick("AAPL.US", 7.66, "2010-01-04T16:00", 123432400),
            tick("AAPL.US", 7.64, "2010-01-04T23:59:59.999", 123432400),
        ],
    ),
    "mapping": (
        BARS_5Y,
        ["--map", "price=close,symbol=Name,time=date", "--map", "size=volume"],
        [tick("AAL", 14.75, "2013-02-08", 8407500)],
    ),
    "closes by preset": (
        BARS_5Y,
        ["--preset", "kaggle", "--bars", "close"],
        [tick("AAL", 14.75, "2013-02-08T23:59:59.999", 8407500)],
    ),
    "compact times": (
        "symbol,price,time\nEURUSD,1.5,20210104 153000\nEURUSD,1.5,20210104 153000123\n",
        [],
        [tick("EURUSD", 1.5, HALF_PAST), tick("EURUSD", 1.5, f"{HALF_PAST}.123")],
    ),
    "ISO times": (
        "symbol,price,time\n" + "".join(f"A,1.5,{each}\n" for each in ZONES),
        [],
        [
            tick("A", 1.5, "2021-01-04T20:30"),
            tick("A", 1.5, HALF_PAST),
            tick("A", 1.5, f"{HALF_PAST}.123"),
            tick("A", 1.5, HALF_PAST),
            tick("A", 1.5, "2021-01-04T20:30"),
            tick("A", 1.5, HALF_PAST),
            tick("A", 1.5, "2021-01-04T20:30"),
            tick("A", 1.5, "2021-01-04"),
        ],
    ),
    "decimal comma by option": (
        DECIMALS,
        ["--decimal", ","],
        [tick("SAP", 123.45, HALF_PAST), tick("SAP", 1234.5, HALF_PAST)],
    ),
    "unclosed quote": (
        'symbol,price,time\nA,1,1735689600000\n"B,2,1735689600000\n'
        + "".join(f"C,{n},1735689600000\n" for n in range(1, 38)),
        [],
        [tick("A", 1.0, "2025-01-01"), *(tick("C", n, "2025-01-01") for n in range(1, 38))],
    ),
}
#: Reasons of the rows that are left out, with the place of the first.
LEFT_OUT = {
    "bars as ticks": [("line 3", "column Close: 'null' is a missing value")],
    "closes of bars": [("line 3", "column Close: 'null' is a missing value")],
    "decimal comma by option": [
        ("line 4", "column price: '$12.5' has a currency, which is not converted"),
        ("line 5", "column price: '12.5%' is a percentage, no number"),
    ],
    "unclosed quote": [("line 3", "a quote that is not closed")],
}


@pytest.mark.parametrize("shape", FILES)
def test_file_of_ticks_is_read_as_it_is_meant(tmp_path: Path, shape: str) -> None:
    """Each row is sent, or left out and counted with its reason."""
    content, options, expected = FILES[shape]
    path = tmp_path / "ticks.csv"
    path.write_text(content)
    ticks, report = read(path, *options)
    assert ticks == expected
    assert [(each["place"], each["reason"]) for each in report.facts()["reasons"]] == LEFT_OUT.get(
        shape, []
    )


def test_times_without_a_zone_are_counted(tmp_path: Path) -> None:
    """In the summary, with the zone that was assumed."""
    path = tmp_path / "ticks.csv"
    path.write_text(FILES["ISO times"][0])
    _, report = read(path)
    assert "time: no zone, UTC assumed: 2" in "\n".join(report.describe())
    ticks, report = read(path, "--zone", "America/New_York")
    assert ticks[1] == ticks[0]
    assert "time: no zone, America/New_York of --zone: 2" in "\n".join(report.describe())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (RAW, "(--no-header --columns NAME,…)"),
        (YAHOO, "--map symbol=COLUMN or --set symbol=VALUE; or --preset binance-klines|"),
        (BARS_5Y, "it has date, open, high, low, close, volume, Name: --map symbol=COLUMN"),
    ],
)
def test_file_whose_columns_are_not_clear_is_refused_with_what_to_do(
    tmp_path: Path, content: str, message: str
) -> None:
    """In one line that names the file, and its columns if they have names."""
    path = tmp_path / "ticks.csv"
    path.write_text(content)
    with pytest.raises(UnreadableFileError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


#: A line of a log, and its host, app, process, message, severity and time of 2024 unless another.
LOGS = [
    (
        "<38>2024-05-06T07:08:09.123456+02:00 web-1 sshd[812]: Failed password for root",
        ("web-1", "sshd", "812", "Failed password for root", 6, 1714972089123),
    ),
    (
        "<38>Nov 9 12:01:01 dn228 crond[2915]: session closed",
        ("dn228", "crond", "2915", "session closed", 6, at("2024-11-09T12:01:01")),
    ),
    (
        "<38>Nov 19 12:01:01.250 host1 sshd[1]: hello",
        ("host1", "sshd", "1", "hello", 6, at("2024-11-19T12:01:01.250")),
    ),
    (
        "<38>Nov 19 12:01:01 dn228 sshd(pam_unix)[2915]: authentication failure",
        ("dn228", "sshd(pam_unix)", "2915", "authentication failure", 6, at("2024-11-19T12:01:01")),
    ),
    (
        "<14>Nov 19 12:01:01 mac1 Microsoft Word[14463]: error",
        ("mac1", "Microsoft Word", "14463", "error", 6, at("2024-11-19T12:01:01")),
    ),
    (
        "<11>1 2024-05-21T19:32:12.581Z h1 app 6993 ID1 void DB::Sys failed",
        ("h1", "app", "6993", "void DB::Sys failed", 3, at("2024-05-21T19:32:12.581")),
    ),
    (
        "<14>1 2023-10-12T06:46:31.088609123Z 10.0.0.4 qsys - - - Failed to send email",
        ("10.0.0.4", "qsys", "", "Failed to send email", 6, at("2023-10-12T06:46:31.088")),
    ),
    (
        "83 <34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - su root failed",
        ("mymachine.example.com", "su", "", "su root failed", 2, at("2003-10-11T22:14:15.003")),
    ),
    (
        "Nov 19 12:01:01 dn228 sshd[2915]: Failed password for root",
        ("dn228", "sshd", "2915", "Failed password for root", 3, at("2024-11-19T12:01:01")),
    ),
    (
        (
            '{"version":"1.1","host":"example.org","short_message":"disk full",'
            '"timestamp":1385053862.3072,"level":3}'
        ),
        ("example.org", "", "", "disk full", 3, 1385053862307),
    ),
    (
        (
            '{"__REALTIME_TIMESTAMP":"1700000000123456","_HOSTNAME":"n1","SYSLOG_IDENTIFIER":"x",'
            '"PRIORITY":"3","MESSAGE":[104,101,108,108,111,255]}'
        ),
        ("n1", "x", "", "hello\ufffd", 3, 1700000000123),
    ),
    ('{"severity":null,"level":"error","message":"x"}', ("", "", "", "x", 3, 0)),
    (
        '{"@t":"2024-05-06T07:08:09.1234567Z","@m":"hi","@l":"Error"}',
        ("", "", "", "hi", 3, at("2024-05-06T07:08:09.123")),
    ),
]


@pytest.mark.parametrize(("text", "expected"), LOGS, ids=range(len(LOGS)))
def test_log_line_is_read_as_it_is_meant(text: str, expected: tuple[Any, ...]) -> None:
    """Further shapes are in tests/unit/logs."""
    found = parse_line(text)
    line = found.line
    year = at("2024-08-01")
    time = nearest(found.bsd_time, year) if found.bsd_time else line.time
    parts = (line.host, line.app, line.process, line.message, line.severity, time)
    assert parts == expected


def test_reading_with_a_null_keeps_the_other_values(tmp_path: Path) -> None:
    """In the topic, and in a file."""
    text = '{"machine":"room","values":{"temperature":99.0,"humidity":null},"time":1735689600000}'
    values = msgspec.json.decode(text.encode(), type=Reading).values
    assert (values["temperature"], values["humidity"]) == (99.0, None)
    path = tmp_path / "readings.jsonl"
    path.write_text(text + "\n")
    (reading,), report = read(path, topic=READINGS)
    assert reading["values"]["temperature"] == 99.0
    assert report.left_out == 0


def test_sensors_may_be_columns(tmp_path: Path) -> None:
    """An empty cell is no value; a column becomes a member of the field by its name or mapping."""
    path = tmp_path / "readings.csv"
    path.write_text(
        "machine;values.temperature;Feuchte;time\nroom;99,5;;2025-01-01\nroom;99,5;4,5;2025-01-02\n"
    )
    readings, _ = read(path, "--map", "values.humidity=feuchte", topic=READINGS)
    assert [each["values"] for each in readings] == [
        {"temperature": 99.5},
        {"temperature": 99.5, "humidity": 4.5},
    ]
