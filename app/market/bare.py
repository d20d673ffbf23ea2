"""Ticks as bare prices: the number as text, keyed by symbol, without an event time in the value."""

from collections.abc import Iterable

import msgspec

from app.market.records import Tick
from eventfold.connectors import Record
from eventfold.records.reading import reader

_read = reader(Tick)


def bare_prices(records: Iterable[Record]) -> list[Record]:
    """Return the records with each tick's price as text; a value that is no tick stays as it is."""
    return [(key, _price(value), time) for key, value, time in records]


def _price(value: bytes) -> bytes:
    try:
        return repr(_read(value).price).encode()
    except msgspec.DecodeError:
        return value
