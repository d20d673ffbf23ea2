"""Impossible window tables are rejected when they are declared, in one line."""

from typing import Any

import pytest
from msgspec import Struct

from app.market.topics import TICKS
from app.worker import TickApp
from eventfold.aggregates import Ohlc
from eventfold.engine.window_table import WindowTable
from eventfold.records.candles import candle
from eventfold.topics import Timestamp, Topic
from eventfold.windows import DefinitionError, every_change, on_close

A_TIME = "the time (ms) of the events of odd; or name a Timestamp"


class Odd(Struct):
    """A record with a name, and a time that is no whole number."""

    name: str
    time: float


def declare_table(application: TickApp, **options: Any) -> WindowTable:
    """Declare a table of one-minute windows, with some options changed."""
    usual = {
        "source": TICKS,
        "windows": "1m",
        "aggregate": Ohlc(),
        "record": candle,
        "grace": "30s",
        "retention": "1h",
    }
    return WindowTable(application, name="odd", help="odd", **(usual | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"uses_previous_window": True, "emit": every_change()},
            "a table that looks back can't publish every change",
        ),
        ({"windows": ["session 5m", "1m"]}, "session 5m shares its table with no other window"),
        ({"windows": ["1m", "count 5"]}, "count 5 shares its table with no other window"),
        ({"windows": "session 5m", "uses_previous_window": True}, "session 5m can't look back"),
        (
            {"retention": 89_999},
            "a retention of 89999ms is shorter than the longest window and its grace, 90s",
        ),
        (
            {"windows": "session 5m", "retention": 329_999},
            "a retention of 329999ms is shorter than the longest window and its grace, 330s",
        ),
        ({"grace": -1}, "-1ms is no duration: it is negative"),
        (
            {"source": Topic("odd", Odd, key="symbol", purpose="odd records")},
            "Odd has no field 'symbol', the key of odd; its fields are name, time",
        ),
        *(
            (
                {"source": Topic("odd", Odd, key="name", purpose="odd records", time=time)},
                f"Odd has no whole number {time!r}, {A_TIME}",
            )
            for time in ("time", "when")
        ),
    ],
)
def test_an_impossible_table_is_rejected(
    application: TickApp, options: dict[str, Any], message: str
) -> None:
    """The message names the table and the reason."""
    with pytest.raises(DefinitionError) as caught:
        declare_table(application, **options)
    assert str(caught.value) == f"table odd: {message}"


@pytest.mark.parametrize(
    "options",
    [
        {"retention": 90_000},
        {"windows": "session 5m", "retention": 330_000},
        {"windows": "count 5", "retention": 30_000},
        {"uses_previous_window": True, "emit": on_close()},
        {"source": Topic("odd", Odd, key="name", purpose="odd records", time=Timestamp.CREATE)},
    ],
)
def test_a_table_at_the_limit_is_accepted(
    application: TickApp, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """A retention of exactly the longest window and the grace; a time that Kafka provides."""
    monkeypatch.setattr(application.tables, "add", lambda _: None)
    monkeypatch.setattr(application.tasks, "add_table", lambda _: None)
    assert declare_table(application, **options).name == "odd"
