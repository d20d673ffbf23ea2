"""Trade: the record that the native extension reads without an object for each."""

from typing import Any

from msgspec import Struct

from eventfold.records.fields import EventTime, Name, Size


class Trade(Struct, frozen=True, gc=False):
    """One trade of `size` units (0 if unknown) at a price; `time` is its event time (ms).

    A record type that derives from it, without fields of its own, is read and folded natively.
    """

    symbol: Name
    price: float
    time: EventTime
    size: Size = 0


def is_plain(kind: Any) -> bool:
    """Return whether a record type is `Trade`, or derives from it without fields of its own."""
    return (
        isinstance(kind, type)
        and issubclass(kind, Trade)
        and kind.__struct_fields__ == Trade.__struct_fields__
    )
