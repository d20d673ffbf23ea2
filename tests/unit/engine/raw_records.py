"""Records as they are in Kafka, valid and invalid ones."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from app.market.records import Tick

#: 2026-01-31T12:00:00Z.
NOON = 1_769_860_800_000


class Raw(NamedTuple):
    """Record as aiokafka's parser returns it, with the fields that decoding reads."""

    offset: int
    #: Kafka's timestamp (ms); 0, -1 or None if the producer set none.
    timestamp: int | None
    key: bytes | None
    value: bytes | None


def raw_tick(offset: int, tick: Tick) -> Raw:
    """Return a tick as its producer writes it; Kafka's timestamp is the event time."""
    return Raw(offset, tick.time, tick.symbol.encode(), msgspec.json.encode(tick))


def _json(tick: Tick, **changes: object) -> bytes:
    """Encode a tick with fields changed, added, or (with `...`) left out."""
    fields = msgspec.to_builtins(tick) | changes
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not ...})


def _number(tick: Tick, name: str, number: bytes) -> bytes:
    """Encode a tick with a number in a form that our encoder does not write."""
    return _json(tick, **{name: "HERE"}).replace(b'"HERE"', number)


#: Name → a valid form of a tick in Kafka: (key, value).
GOOD: dict[str, Callable[[Tick], tuple[bytes, bytes]]] = {
    "plain": lambda t: (t.symbol.encode(), _json(t)),
    "more fields": lambda t: (t.symbol.encode(), _json(t, venue={"id": [1, "}\n{"]}, note=None)),
    "whole price": lambda t: (t.symbol.encode(), _number(t, "price", b"%d" % t.price)),
    "price as text": lambda t: (t.symbol.encode(), _json(t, price=str(t.price))),
    "numbers as text": lambda t: (
        t.symbol.encode(),
        _json(t, price=str(t.price), size=str(t.size)),
    ),
    "blanks": lambda t: (t.symbol.encode(), b"  " + _json(t) + b" \t\r"),
    "several lines": lambda t: (t.symbol.encode(), msgspec.json.format(_json(t), indent=2)),
    "line break after": lambda t: (t.symbol.encode(), _json(t) + b"\n"),
    "escaped symbol": lambda t: (
        t.symbol.encode(),
        _json(t, symbol="HERE").replace(b"HERE", b"".join(b"\\u%04x" % ord(c) for c in t.symbol)),
    ),
}

#: Name → (an invalid record: key, value; the error of its dead letter).
BAD: dict[str, tuple[Callable[[Tick], tuple[bytes | None, bytes | None]], str]] = {
    "no JSON": (lambda t: (t.symbol.encode(), b"EUR 12.5"), "malformed"),
    "cut off": (lambda t: (t.symbol.encode(), _json(t)[:-1]), "truncated"),
    "no object": (lambda t: (t.symbol.encode(), b"[1]"), "Expected `object`, got `array`"),
    "null": (lambda t: (t.symbol.encode(), b"null"), "Expected `object`, got `null`"),
    "no price": (lambda t: (t.symbol.encode(), _json(t, price=...)), "missing.*`price`"),
    "price of no number": (
        lambda t: (t.symbol.encode(), _json(t, price="1,5")),
        r"'1,5' is no number - at `\$.price`",
    ),
    "price null": (lambda t: (t.symbol.encode(), _json(t, price=None)), r"`null` - at `\$.price`"),
    "price NaN as text": (
        lambda t: (t.symbol.encode(), _json(t, price="NaN")),
        r"'NaN' is no finite number - at `\$.price`",
    ),
    "price 1e999": (
        lambda t: (t.symbol.encode(), _number(t, "price", b"1e999")),
        r"out of range - at `\$.price`",
    ),
    "price NaN": (lambda t: (t.symbol.encode(), _number(t, "price", b"NaN")), "malformed"),
    "size below 0": (lambda t: (t.symbol.encode(), _json(t, size=-1)), r">= 0 - at `\$.size`"),
    "size as text below 0": (
        lambda t: (t.symbol.encode(), _json(t, size="-0.5")),
        r">= 0.0 - at `\$.size`",
    ),
    "size too large": (
        lambda t: (t.symbol.encode(), _number(t, "size", b"1" + b"0" * 400)),
        r"out of range - at `\$.size`",
    ),
    "no time": (lambda t: (t.symbol.encode(), _json(t, time=...)), "missing.*`time`"),
    "time as text": (
        lambda t: (t.symbol.encode(), _json(t, time=str(t.time))),
        r"`str` - at `\$.time`",
    ),
    "time with a fraction": (
        lambda t: (t.symbol.encode(), _json(t, time=t.time + 0.5)),
        r"`float` - at `\$.time`",
    ),
    "time in seconds": (
        lambda t: (t.symbol.encode(), _json(t, time=t.time // 1000)),
        r">= 100000000000 - at `\$.time`",
    ),
    "time in microseconds": (
        lambda t: (t.symbol.encode(), _json(t, time=t.time * 1000)),
        r"is \d+ ms ahead of the record's Kafka timestamp",
    ),
    "empty symbol": (lambda t: (b"", _json(t, symbol="")), r"length >= 1 - at `\$.symbol`"),
    "symbol no UTF-8": (
        lambda t: (t.symbol.encode(), _json(t, symbol="HERE").replace(b"HERE", b"\xff")),
        "utf-8",
    ),
    "no key": (lambda t: (None, _json(t)), "has no key"),
    "another key": (lambda t: (b"OTHER", _json(t)), "the key b'OTHER' is not the record's symbol"),
    "key no UTF-8": (lambda t: (b"\xff\xfe", _json(t)), "utf-8"),
    "key with a blank": (lambda t: (t.symbol.encode() + b" ", _json(t)), "is not the record's"),
    "long symbol": (
        lambda t: (b"K" * 257, _json(t, symbol="K" * 257)),
        r"length <= 256 - at `\$.symbol`",
    ),
    "huge key": (
        lambda t: (b"K" * 70_000, _json(t)),
        "the key has 70000 bytes, more than 65535",
    ),
    "no value": (lambda t: (t.symbol.encode(), None), "has no value"),
    "empty value": (lambda t: (t.symbol.encode(), b""), "truncated"),
    "blank value": (lambda t: (t.symbol.encode(), b" "), "truncated"),
    "line breaks only": (lambda t: (t.symbol.encode(), b"\n\n"), "truncated"),
    "two objects": (lambda t: (t.symbol.encode(), _json(t) + _json(t)), "trailing characters"),
    "two lines": (lambda t: (t.symbol.encode(), _json(t) + b"\n" + _json(t)), "trailing char"),
    "a byte-order mark": (lambda t: (t.symbol.encode(), b"\xef\xbb\xbf" + _json(t)), "malformed"),
    "nested deeply": (
        lambda t: (t.symbol.encode(), _number(t, "note", b"[" * 5_000 + b"]" * 5_000)),
        "nested too deeply",
    ),
}
