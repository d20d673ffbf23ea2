"""Rows of ticks and bars as exchanges and data vendors deliver them, read without an option."""

from pathlib import Path

import pytest

from eventfold.connectors.rows import BadRow, Layout, Row, RowFile

TIME = "2022-03-01 09:30:00"

DOWNLOADS: dict[str, tuple[str, list[dict[str, str]]]] = {
    "times in microseconds": (
        "symbol,price,time,size\nETHUSDT,2911.5,1646127000123456,2\n",
        [{"symbol": "ETHUSDT", "price": "2911.5", "time": "1646127000123456", "size": "2"}],
    ),
    "semicolons and decimal commas": (
        f"symbol;price;time\nBMW;89,12;{TIME}\n",
        [{"symbol": "BMW", "price": "89,12", "time": TIME}],
    ),
    "quoted decimal commas, thousands, currency, percent": (
        f'symbol,price,time\nBMW,"89,12",{TIME}\nBMW,"2,345.50",{TIME}\nBMW,$8.5,x\nBMW,8%,x\n',
        [
            {"symbol": "BMW", "price": "89,12", "time": TIME},
            {"symbol": "BMW", "price": "2,345.50", "time": TIME},
            {"symbol": "BMW", "price": "$8.5", "time": "x"},
            {"symbol": "BMW", "price": "8%", "time": "x"},
        ],
    ),
    "bars with a row of nulls": (
        "Date,Open,High,Adj Close\n2022-03-01,1.5,1.75,1.25\n2022-03-02,null,null,null\n",
        [
            {"Date": "2022-03-01", "Open": "1.5", "High": "1.75", "Adj Close": "1.25"},
            {"Date": "2022-03-02", "Open": "null", "High": "null", "Adj Close": "null"},
        ],
    ),
    "names in angle brackets": (
        "<TICKER>,<PER>,<DATE>,<TIME>,<CLOSE>\nIBM.US,D,20220301,000000,126.5\n",
        [
            {
                "<TICKER>": "IBM.US",
                "<PER>": "D",
                "<DATE>": "20220301",
                "<TIME>": "000000",
                "<CLOSE>": "126.5",
            }
        ],
    ),
    "symbol in the last column": (
        "date,open,close,Name\n2022-03-01,15.5,15.25,AAL\n",
        [{"date": "2022-03-01", "open": "15.5", "close": "15.25", "Name": "AAL"}],
    ),
    "compact times with a blank": (
        "symbol,price,time\nUSDJPY,114.5,20220301 093000\nUSDJPY,114.5,20220301 093000123\n",
        [
            {"symbol": "USDJPY", "price": "114.5", "time": "20220301 093000"},
            {"symbol": "USDJPY", "price": "114.5", "time": "20220301 093000123"},
        ],
    ),
    "times with zones": (
        "symbol,price,time\nA,2,2022-03-01T09:30:00-05:00\nA,2,2022-03-01 09:30:00 UTC\n",
        [
            {"symbol": "A", "price": "2", "time": "2022-03-01T09:30:00-05:00"},
            {"symbol": "A", "price": "2", "time": "2022-03-01 09:30:00 UTC"},
        ],
    ),
}


@pytest.mark.parametrize("shape", DOWNLOADS)
def test_download_has_its_rows(tmp_path: Path, shape: str) -> None:
    """With the names and the values as they are written; what they mean is seen later."""
    content, rows = DOWNLOADS[shape]
    path = tmp_path / "download"
    path.write_text(content)
    assert [row.values for row in RowFile(path).rows() if isinstance(row, Row)] == rows


def test_trades_without_a_header_get_the_columns_that_are_named(tmp_path: Path) -> None:
    """With or without a header in the file, because an exchange changed it."""
    path = tmp_path / "download"
    columns = ("id", "price", "size", "quote", "time", "is_buyer", "is_best")
    trade = "4436432001,94591.78000000,0.00042000,39.72,1646127000123456,True,True\n"
    for header in ("", "trade_id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n"):
        path.write_text(header + trade)
        [row] = RowFile(path, Layout(columns=columns)).rows()
        assert isinstance(row, Row)
        assert row.values == dict(zip(columns, trade.strip().split(","), strict=True))


def test_quote_that_is_not_closed_costs_its_line(tmp_path: Path) -> None:
    """And none of the 38 that follow or precede it."""
    path = tmp_path / "download"
    rows = [f"C,{n},1646127000000\n" for n in range(1, 38)]
    path.write_text(
        "".join(["symbol,price,time\nA,1,1646127000000\n", '"B,2,1646127000000\n', *rows])
    )
    first, bad, *others = RowFile(path).rows()
    assert isinstance(first, Row)
    assert bad == BadRow(3, "a quote that is not closed", '"B,2,1646127000000')
    assert [row.values["price"] for row in others if isinstance(row, Row)] == [
        str(n) for n in range(1, 38)
    ]
