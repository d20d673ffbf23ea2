"""Reader of ticks that accepts numbers in the forms in which producers write them.

Exchanges send prices and sizes as strings ("1.5"), so that no float rounds them on the way, and
null for an unknown size.
"""

from math import isfinite

from msgspec import Struct, ValidationError, convert

from eventfold.decoding import json_decoder
from eventfold.records.fields import HIGHEST, EventTime, Name


class _SentTick(Struct):
    """Tick in any of the forms in which it may be sent."""

    symbol: Name
    price: float | str
    time: EventTime
    size: int | float | str | None = 0


_decode = json_decoder(_SentTick)


def read_fields(value: bytes) -> dict[str, object]:
    """Parse the fields of a tick in any form. Raises `msgspec.DecodeError`, naming the field."""
    sent = _decode(value)
    size = 0 if sent.size is None else _number("size", sent.size)
    if size > HIGHEST:
        size = _real("size", size)
    price = _real("price", _number("price", sent.price))
    return {"symbol": sent.symbol, "price": price, "time": sent.time, "size": size}


def _number(field: str, sent: float | str) -> float:
    """Parse a number that may be text in JSON's notation: without blanks or a plus sign.

    Raises `msgspec.ValidationError` for other text.
    """
    if not isinstance(sent, str):
        return sent
    try:
        number = convert(sent, int | float, strict=False)
    except ValidationError:
        raise ValidationError(f"{sent[:40]!r} is no number - at `$.{field}`") from None
    # Text may also spell `nan` or `inf`, which are not JSON numbers.
    if isinstance(number, float) and not isfinite(number):
        raise ValidationError(f"{sent[:40]!r} is no finite number - at `$.{field}`")
    return number


def _real(field: str, number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        raise ValidationError(f"Number out of range - at `$.{field}`") from None
