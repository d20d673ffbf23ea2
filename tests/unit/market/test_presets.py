"""Presets of downloaded files, and bars as ticks."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.market.bars import Bar, BarTicks
from app.market.presets import PRESETS, preset_of
from app.market.records import Tick
from app.market.topics import TICKS
from eventfold.connectors.files import Replay, UnreadableFileError
from eventfold.connectors.reading.preset import Preset
from eventfold.topics import DAY

KLINES = (
    "1735689600000000,4.15,4.16,4.14,4.155,539.23,1735693199999999,2240,13,401,1669,0\n"
    "1735693200000000,4.155,4.16,4.14,4.145,5,1735696799999999,2240,13,401,1669,0\n"
)
DEBS = (
    "# a description\n"
    "ID,SecType,Date,Time,Ask,Last,Last volume,Trading time,Trading date\n"
    "RDSA.NL,E,08-11-2021,09:30:45.123,100.75,,,,,\n"
    "RDSA.NL,E,08-11-2021,09:30:45.123,,100.60,250,09:30:45.120,08-11-2021,\n"
    "X.ETR,I,08-11-2021,09:30:46.123,,0.0,,00:00:00.000,08-11-2021,\n"
    "X.ETR,I,08-11-2021,09:30:46.123,,10.0,,09:30:46.100,08-11-2021,\n"
)


def replayed(
    tmp_path: Path, name: str, content: str, preset: Preset
) -> tuple[list[tuple[object, ...]], Replay]:
    """Return symbol, price, ISO time and size of each tick of a file."""
    path = tmp_path / name
    path.write_text(content)
    replay = Replay(path, TICKS, preset)
    ticks = [msgspec.json.decode(value, type=Tick) for _, value, _ in replay.records()]
    return [(each.symbol, each.price, iso(each.time), each.size) for each in ticks], replay


def iso(time: int) -> str:
    """Return a time as text, without the zone, which is UTC."""
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds")[:-6]


def test_klines_have_symbol_and_length_of_their_own(tmp_path: Path) -> None:
    """The symbol is in the file's name; a bar ends with its last millisecond, in µs too."""
    ticks, _ = replayed(
        tmp_path, "BNBUSDT-1h-2025-01-01.csv", KLINES, preset_of("binance-klines", None, None)
    )
    assert ticks == [
        ("BNBUSDT", 4.15, "2025-01-01T00:00:00.000", 134.8075),
        ("BNBUSDT", 4.14, "2025-01-01T00:20:00.000", 134.8075),
        ("BNBUSDT", 4.16, "2025-01-01T00:40:00.000", 134.8075),
        ("BNBUSDT", 4.155, "2025-01-01T00:59:59.999", 134.8075),
        ("BNBUSDT", 4.155, "2025-01-01T01:00:00.000", 2),
        ("BNBUSDT", 4.16, "2025-01-01T01:20:00.000", 1),
        ("BNBUSDT", 4.14, "2025-01-01T01:40:00.000", 1),
        ("BNBUSDT", 4.145, "2025-01-01T01:59:59.999", 1),
    ]


def test_trades_of_futures_have_a_header_and_a_column_less(tmp_path: Path) -> None:
    """One preset reads both."""
    content = "id,price,qty,quote_qty,time,is_buyer_maker\n1,2.5,3,7.5,1700000000000,true\n"
    ticks, _ = replayed(
        tmp_path,
        "ETHUSDT-trades-2023-11-14.csv",
        content,
        preset_of("binance-trades", None, None),
    )
    assert ticks == [("ETHUSDT", 2.5, "2023-11-14T22:13:20.000", 3)]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("DAT_ASCII_EURUSD_M1_201202.csv", "20120201 000000;1.31;1.33;1.30;1.32;0"),
        ("DAT_MT_EURUSD_M1_201202.csv", "2012.02.01,00:00,1.31,1.33,1.30,1.32,0"),
    ],
)
def test_minutes_of_histdata_are_in_eastern_standard_time(
    tmp_path: Path, name: str, row: str
) -> None:
    """In summer too; each of its forms is told by its columns."""
    ticks, _ = replayed(tmp_path, name, row + "\n", preset_of("histdata", None, None))
    assert ticks == [
        ("EURUSD", 1.31, "2012-02-01T05:00:00.000", 0),
        ("EURUSD", 1.30, "2012-02-01T05:00:20.000", 0),
        ("EURUSD", 1.33, "2012-02-01T05:00:40.000", 0),
        ("EURUSD", 1.32, "2012-02-01T05:00:59.999", 0),
    ]


def test_ticks_of_histdata_are_bids(tmp_path: Path) -> None:
    """With milliseconds."""
    content = "20120701 000003660,1.3066,1.3067,0\n"
    ticks, _ = replayed(
        tmp_path, "DAT_ASCII_EURUSD_T_201207.csv", content, preset_of("histdata", None, None)
    )
    assert ticks == [("EURUSD", 1.3066, "2012-07-01T05:00:03.660", 0)]


def test_quotes_of_debs_are_no_rows_left_out(tmp_path: Path) -> None:
    """Trades are read with the day first, in Central European Time; quotes are counted apart."""
    ticks, replay = replayed(tmp_path, "debs.csv", DEBS, preset_of("debs2022", None, None))
    assert ticks == [
        ("RDSA.NL", 100.6, "2021-11-08T08:30:45.120", 250),
        ("X.ETR", 10.0, "2021-11-08T08:30:46.100", 0),
    ]
    assert replay.report.left_out == 0
    assert "quotes without a trade: 2" in "\n".join(replay.report.describe())


def test_overlapping_bars_end_the_file_with_what_to_do(tmp_path: Path) -> None:
    """Minutes that were taken for days would put their closes behind later opens."""
    content = "date,open,high,low,close,volume,Name\n" + "".join(
        f"2021-01-04 09:3{n}:00,1,1,1,1,1,A\n" for n in range(3)
    )
    with pytest.raises(UnreadableFileError, match=r"line 3: .*--bar-length 1m"):
        replayed(tmp_path, "bars.csv", content, preset_of("kaggle", None, None))
    ticks, _ = replayed(tmp_path, "bars.csv", content, preset_of("kaggle", "close", 60_000))
    assert [time for _, _, time, _ in ticks] == [f"2021-01-04T09:3{n}:59.999" for n in range(3)]


def test_day_ends_where_its_zone_has_midnight() -> None:
    """A day on which clocks are put forward has 23 hours."""
    zone = ZoneInfo("Europe/Berlin")
    start = round(datetime(2021, 3, 28, tzinfo=zone).timestamp()) * 1000
    bar = Bar(symbol="A", time=start, open=1, high=1, low=1, close=1)
    ticks = BarTicks(zone, DAY).of_bar(bar)
    assert ticks[-1].time == start + 23 * 3_600_000 - 1


@given(
    st.tuples(*[st.floats(-1e6, 1e6)] * 4),
    st.one_of(st.integers(0, 2**53), st.floats(0, 1e15)),
    st.integers(4, 7 * DAY),
)
def test_ticks_of_a_bar_have_its_prices_in_order_and_its_volume(
    prices: tuple[float, ...], volume: float, length: int
) -> None:
    """Open first, close at the last millisecond, the far end of the direction second to last."""
    low, *between, high = sorted(prices)
    first, last = between
    for opened, closed in ((first, last), (last, first)):
        bar = Bar(
            symbol="A", time=10**12, open=opened, high=high, low=low, close=closed, volume=volume
        )
        ticks = BarTicks(UTC, length).of_bar(bar)
        extremes = [low, high] if closed >= opened else [high, low]
        assert [each.price for each in ticks] == [opened, *extremes, closed]
        times = [each.time for each in ticks]
        assert times == sorted(set(times))
        assert (times[0], times[-1]) == (10**12, 10**12 + length - 1)
        assert sum(each.size for each in ticks) == pytest.approx(volume, rel=1e-15)


def test_option_without_effect_is_refused() -> None:
    """Rather than forgotten."""
    with pytest.raises(ValueError, match="debs2022 has no bars"):
        preset_of("debs2022", "close", None)
    with pytest.raises(ValueError, match="--bar-length: of --bars"):
        preset_of(None, None, 60_000)


def test_document_names_every_preset() -> None:
    """With its columns, zone and symbol."""
    text = (Path(__file__).parents[3] / "docs" / "files.md").read_text()
    assert sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE)) == PRESETS
