"""Readers of JSON records that accept numbers in the forms in which producers write them.

Exchanges send prices and sizes as strings ("1.5"), so that no float rounds them on the way, and
null for an unknown size. A tick is read in either form, all other records as their type declares.
"""

from collections.abc import Callable
from math import isfinite
from typing import Any

from msgspec import Struct, ValidationError, convert

from app.market.records import Tick
from eventfold.decoding import json_decoder
from eventfold.records.fields import HIGHEST, EventTime, Name


class _SentTick(Struct):
    """Tick in any of the forms in which it may be sent."""

    symbol: Name
    price: float | str
    time: EventTime
    size: int | float | str | None = 0


_decode = json_decoder(_SentTick)


def read_tick(value: bytes) -> Tick:
    """Parse a tick. Raises `msgspec.DecodeError`, naming the field.

    >>> read_tick(b'{"symbol": "BTC", "price": "-0.5", "size": null, "time": 1769860800000}')
    Tick(symbol='BTC', price=-0.5, time=1769860800000, size=0)
    """
    sent = _decode(value)
    size = 0 if sent.size is None else _number("size", sent.size)
    if size > HIGHEST:
        size = _real("size", size)
    price = _real("price", _number("price", sent.price))
    fields = {"symbol": sent.symbol, "price": price, "time": sent.time, "size": size}
    return convert(fields, Tick)


#: Readers of the types that are also sent in another form than their type declares.
_SENT: dict[Any, Callable[[bytes], Any]] = {Tick: read_tick}


def reader(kind: Any) -> Callable[[bytes], Any]:
    """Return a reader of a record type in every form; the reader raises `msgspec.DecodeError`."""
    decode, read_sent = json_decoder(kind), _SENT.get(kind)
    if read_sent is None:
        return decode

    def read(value: bytes) -> Any:
        try:
            return decode(value)
        except ValidationError:
            return read_sent(value)

    return read


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
