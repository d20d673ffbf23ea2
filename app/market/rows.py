"""Conversion of a record of prices to a row of the CSV file: `time,price`."""

from datetime import UTC, datetime
from functools import lru_cache

from app.market.records import Tick
from eventfold.connectors.sink import SinkRecord
from eventfold.decoding import json_decoder
from eventfold.records.reading import reader

COLUMNS = ("time", "price")

_read_tick = reader(Tick)
_decode_price = json_decoder(int | float)


def to_row(record: SinkRecord) -> tuple[str, str]:
    """Return the row of a record: a tick, or a bare price written at Kafka's timestamp.

    Raises ValueError, with the reason, for anything else.
    """
    value = record.value
    if value is None:
        raise ValueError("the record has no value")
    if value.lstrip()[:1] == b"{":
        tick = _read_tick(value)
        return _time(tick.time // 1000), repr(tick.price)
    _decode_price(value)
    # Kafka's timestamp is the time of the observation; the time of reading would differ each run.
    return _time(record.timestamp // 1000), value.decode().strip()


@lru_cache(maxsize=4096)
def _time(seconds: int) -> str:
    """Format a time as `YYYY-MM-DD HH:MM:SS`, UTC.

    Raises ValueError after the year 9999 and before 1970.
    """
    if seconds < 0:
        raise ValueError("the record has no time")
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"time {seconds} s is beyond the calendar") from error
