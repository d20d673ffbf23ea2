"""Rows of the CSV file: for a tick, for a bare price, and for neither."""

import pytest

from app.market import rows
from eventfold.connectors.sink import SinkRecord

STAMP = 1_720_008_000_999


def to_row(value: bytes | None, timestamp: int) -> tuple[str, str]:
    """Return the row of a record with this value."""
    return rows.to_row(SinkRecord("ticks", 0, 0, b"A", value, timestamp))


def test_a_tick_is_written_with_its_own_time() -> None:
    """The event's time in UTC, to the second; not the time it was sent or read."""
    tick = b'{"symbol":"A","price":12.5000,"size":3,"time":1704067201999}'
    assert to_row(tick, STAMP) == ("2024-01-01 00:00:01", "12.5")


@pytest.mark.parametrize(
    ("sent", "price"), [("-37.63", "-37.63"), ('"12.50"', "12.5"), ("0", "0.0")]
)
def test_a_tick_may_have_any_price(sent: str, price: str) -> None:
    """Negative, 0, or as text."""
    tick = f'{{"symbol":"A","price":{sent},"size":null,"time":1704067201999}}'
    assert to_row(tick.encode(), STAMP) == ("2024-01-01 00:00:01", price)


@pytest.mark.parametrize("price", ["65000.25", "65000", "1e-07", "0", "-37.63"])
def test_bare_price_is_written_unchanged_with_the_kafka_timestamp(price: str) -> None:
    """It has no other time."""
    assert to_row(f" {price}\n".encode(), STAMP) == ("2024-07-03 12:00:00", price)


@pytest.mark.parametrize(
    ("value", "stamp", "reason"),
    [
        (None, STAMP, "no value"),
        (b"", STAMP, "truncated"),
        (b"twelve", STAMP, "malformed"),
        (b"\xff", STAMP, "malformed"),
        (b"NaN", STAMP, "malformed"),
        (b'"12.5"', STAMP, "got `str`"),
        (b"12.5", -1, "no time"),
        (b'{"symbol":"A","time":1704067201999}', STAMP, "`price`"),
        (b'{"symbol":"A","price":1,"time":9704067201999999}', STAMP, "calendar"),
        (b'{"symbol":"A","price":1,"time":999999999999999999999999}', STAMP, r"at `\$.time`"),
    ],
)
def test_unreadable_value_is_rejected_with_a_reason(
    value: bytes | None, stamp: int, reason: str
) -> None:
    """The reason is in the message of the error."""
    with pytest.raises(ValueError, match=reason):
        to_row(value, stamp)
