"""Presets of files that people download: what their columns are, and in which zone their times.

Sources: Binance, github.com/binance/binance-public-data (µs since 2025, ms before); HistData,
histdata.com/f-a-q/data-files-detailed-specification (Eastern Standard Time all year, bid quotes);
DEBS 2022, arXiv 2206.13237 and its files (Central European Time; most rows are quotes).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from app.market.bars import Bar, Close, ticks_of_bars
from eventfold.connectors.reading.preset import Preset
from eventfold.topics import DAY

_MINUTE = 60_000
_PRICES = {"open": "Open", "high": "High", "low": "Low", "close": "Close"}


def _is_quote(row: Mapping[str, Any]) -> str | None:
    """Name a row of DEBS 2022 without a trade: its last price is missing, or 0."""
    price = str(row.get("Last", "0"))
    return "quotes without a trade" if not price.strip("0.") else None


_TRADE = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match")
_KLINE = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume"),
    *("count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
_BINANCE = re.compile(r"^(?P<symbol>[A-Z0-9_]+)-(?:trades|\d+[a-z]+)-\d{4}")

_HISTDATA_BARS = Preset(
    headless={
        4: ("time", "bid", "ask", "volume"),
        6: ("time", "open", "high", "low", "close", "volume"),
        7: ("date", "clock", "open", "high", "low", "close", "volume"),
    },
    mapping={**_PRICES, "time": "date+clock|time", "volume": "volume"},
    zone=timezone(timedelta(hours=-5)),
    file_name=re.compile(r"DAT_[A-Z]+_(?P<symbol>[A-Z]+)_"),
)

#: Presets of files whose rows are ticks.
TICK_PRESETS = {
    "binance-trades": Preset(
        headless={6: _TRADE[:6], 7: _TRADE},
        mapping={"price": "price", "size": "qty|quantity|", "time": "time|transact_time"},
        file_name=_BINANCE,
    ),
    "debs2022": Preset(
        mapping={
            "symbol": "ID",
            "price": "Last",
            "size": "Last volume|",
            "time": "Trading date+Trading time|Date+Trading time",
        },
        zone=ZoneInfo("Europe/Berlin"),
        order="dmy",
        skip=_is_quote,
    ),
}
_HISTDATA_TICKS = replace(_HISTDATA_BARS, mapping={"price": "bid", "time": "time"})

#: Presets of files whose rows are bars, with the length of a bar (ms) if the file does not say.
BAR_PRESETS = {
    "yahoo": (Preset(mapping={**_PRICES, "time": "Date|Datetime", "volume": "Volume|"}), DAY),
    "stooq": (
        Preset(
            mapping={
                **_PRICES,
                "symbol": "TICKER",
                "period": "PER|",
                "time": "DATE+TIME|DATE",
                "volume": "VOL|VOLUME|",
            }
        ),
        DAY,
    ),
    "kaggle": (
        Preset(
            mapping={
                **_PRICES,
                "symbol": "Name|Symbol|Ticker",
                "time": "date",
                "volume": "volume|",
            }
        ),
        DAY,
    ),
    "binance-klines": (
        Preset(
            headless={12: _KLINE},
            mapping={
                **_PRICES,
                "time": "open_time|Open time",
                "end": "close_time|Close time|",
                "volume": "volume|",
            },
            file_name=_BINANCE,
        ),
        _MINUTE,
    ),
    "histdata": (_HISTDATA_BARS, _MINUTE),
}
PRESETS = sorted({*TICK_PRESETS, *BAR_PRESETS})

_ANY_BARS = Preset(
    mapping={
        "symbol": "symbol|ticker|name",
        "time": "date+time|time|datetime|timestamp|date",
        "volume": "volume|vol|",
    }
)


def preset_of(name: str | None, bars: str | None, length: int | None) -> Preset:
    """Return the preset `name`, or one of any bars, or of ticks.

    `bars` is `ohlc` (four ticks a bar) or `close`; `length` is a bar's (ms). Raises ValueError if
    the files of the preset have no bars.
    """
    if name in TICK_PRESETS:
        if bars or length:
            raise ValueError(f"--bars, --bar-length: {name} has no bars")
        return TICK_PRESETS[name]
    if name is None and bars is None:
        if length is not None:
            raise ValueError("--bar-length: of --bars, or a --preset with bars")
        return Preset(hint=f"; or --preset {'|'.join(PRESETS)}, or --bars ohlc")
    preset, usual = BAR_PRESETS[name] if name else (_ANY_BARS, DAY)
    is_close = bars == "close"
    shaped = replace(
        preset,
        kind=Close if is_close else Bar,
        mapping={
            field: column
            for field, column in preset.mapping.items()
            if not is_close or field not in {"open", "high", "low"}
        },
        expand=ticks_of_bars(length or usual, closes_only=is_close),
    )
    return replace(shaped, others=(_HISTDATA_TICKS,)) if name == "histdata" else shaped
